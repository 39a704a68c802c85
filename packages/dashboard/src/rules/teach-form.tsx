import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { postJson } from "../client/api.ts";
import type { Detector } from "../client/detectors.ts";
import { Button } from "../page/button.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { Panel } from "../page/panel.tsx";
import { SelectField, wordChoices } from "../page/select-box.tsx";

interface TeachFormProps {
  readonly detector: Detector;
  readonly log: string | undefined;
  readonly subject: string | undefined;
}

/** Says that something is expected, so that it is no news; it takes effect once its record is searchable. */
export function TeachForm({ detector: { name, facts }, log, subject }: TeachFormProps) {
  const queries = useQueryClient();
  const path = `/api/detectors/${encodeURIComponent(name)}/facts`;
  const empty = { kind: facts[0] ?? "", log: log ?? "default", subject: subject ?? "", value: "", reason: "" };
  const [fields, setFields] = useState(empty);
  const teach = useMutation({
    mutationFn: () => postJson(path, fields),
    onSuccess: () => {
      setFields(empty);
      void queries.invalidateQueries({ queryKey: [path] });
    },
  });
  const box = (key: keyof typeof fields, label: string, className = "") => (
    <Field
      className={className}
      label={label}
      maxLength={1_024}
      onChange={(event) => {
        teach.reset();
        setFields({ ...fields, [key]: event.target.value });
      }}
      value={fields[key]}
    />
  );
  return (
    <Panel note="a record of the log, in your name" title="Say that something is expected">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          teach.mutate();
        }}
      >
        <div className="grid gap-3 sm:grid-cols-2 lg:grid-cols-4">
          <SelectField
            choices={wordChoices(facts)}
            choose={(kind) => setFields({ ...fields, kind })}
            className="w-full"
            label="Kind"
            value={fields.kind}
          />
          {box("log", "Log")}
          {box("subject", "Subject")}
          {box("value", "Value")}
        </div>
        {box("reason", "Why it is expected")}
        <FormFault error={teach.error} />
        <div className="flex items-center gap-3">
          <Button
            disabled={Object.values(fields).some((value) => value.trim() === "") || teach.isPending}
            kind="main"
            type="submit"
          >
            Teach it
          </Button>
          {teach.isSuccess && (
            <span className="text-good" role="status">
              Taught. It is in force once its record is searchable.
            </span>
          )}
        </div>
      </form>
    </Panel>
  );
}
