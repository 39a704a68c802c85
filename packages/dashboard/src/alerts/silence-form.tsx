import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { postJson } from "../client/api.ts";
import { Button } from "../page/button.tsx";
import { Dialog } from "../page/dialog.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { HoursBox } from "../page/hours-box.tsx";

interface SilenceFormProps {
  /** What it matches at first. */
  readonly matchers: readonly string[];
  readonly close: () => void;
}

const HOURS = [
  [1, "1 h"],
  [4, "4 h"],
  [24, "1 d"],
  [168, "7 d"],
] as const;
const HOUR_MS = 3_600_000;

/** For how long, what, and why; alerts that match are listed and recorded, and tell nobody. */
export function SilenceForm({ matchers, close }: SilenceFormProps) {
  const queries = useQueryClient();
  const [text, setText] = useState(matchers.join("\n"));
  const [hours, setHours] = useState<number>(4);
  const [comment, setComment] = useState("");
  const place = useMutation({
    mutationFn: () =>
      postJson("/api/silences", {
        matchers: text
          .split("\n")
          .map((line) => line.trim())
          .filter((line) => line !== ""),
        ends_at: new Date(Date.now() + hours * HOUR_MS).toISOString(),
        comment,
      }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["/api/silences"] });
      void queries.invalidateQueries({ queryKey: ["/api/alerts"] });
      close();
    },
  });
  return (
    <Dialog close={close} label="Silence">
      <form
        className="flex flex-col gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault();
          place.mutate();
        }}
      >
        <h2 className="text-lg font-semibold">Silence</h2>
        <label className="block">
          Alerts that match all of
          <textarea
            className="mt-1 block h-28 w-full rounded border border-line bg-raised px-3 py-2 font-mono text-xs"
            onChange={(event) => setText(event.target.value)}
            placeholder={'service="payments"\nlevel=low'}
            spellCheck={false}
            value={text}
          />
        </label>
        <HoursBox change={setHours} choices={HOURS} value={hours} />
        <Field label="Why" maxLength={1_000} onChange={(event) => setComment(event.target.value)} value={comment} />
        <FormFault error={place.error} />
        <div className="flex gap-2">
          <Button disabled={text.trim() === "" || comment.trim() === "" || place.isPending} kind="main" type="submit">
            Silence them
          </Button>
          <Button onClick={close}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}
