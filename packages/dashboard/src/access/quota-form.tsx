import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { putJson } from "../client/api.ts";
import type { Key } from "../client/people.ts";
import { Button } from "../page/button.tsx";
import { Dialog } from "../page/dialog.tsx";
import { Field, FormFault } from "../page/field.tsx";

interface QuotaFormProps {
  readonly of: Key;
  readonly close: () => void;
}

const MEGABYTE = 1_000_000;

/** How much a sender may send; who sends more is answered 429, and loses nothing. */
export function QuotaForm({ of: key, close }: QuotaFormProps) {
  const queries = useQueryClient();
  const { records_per_second: records, bytes_per_day: bytes } = key;
  const [fields, setFields] = useState({
    records: records === null ? "" : String(records),
    megabytes: bytes === null ? "" : String(bytes / MEGABYTE),
  });
  const place = useMutation({
    mutationFn: () =>
      putJson(`/api/keys/${encodeURIComponent(key.id)}/quota`, {
        records_per_second: numberOf(fields.records, 1),
        bytes_per_day: numberOf(fields.megabytes, MEGABYTE),
      }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["/api/keys"] });
      void queries.invalidateQueries({ queryKey: ["/api/quotas"] });
      close();
    },
  });
  return (
    <Dialog close={close} label={`Quota of ${key.name}`}>
      <form
        className="flex flex-col gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault();
          place.mutate();
        }}
      >
        <h2 className="text-lg font-semibold">Quota of {key.name}</h2>
        <p>Beyond it the sender is told to wait (429), and what it holds back comes later. An empty box: no limit.</p>
        <Field
          autoFocus
          inputMode="numeric"
          label="Records a second, over time"
          min={1}
          onChange={(event) => setFields({ ...fields, records: event.target.value })}
          step={1}
          type="number"
          value={fields.records}
        />
        <Field
          hint="of request bodies, counted from 00:00 UTC"
          inputMode="decimal"
          label="Megabytes a day"
          min={0.000001}
          onChange={(event) => setFields({ ...fields, megabytes: event.target.value })}
          step="any"
          type="number"
          value={fields.megabytes}
        />
        <FormFault error={place.error} />
        <div className="flex gap-2">
          <Button disabled={place.isPending} kind="main" type="submit">
            Set it
          </Button>
          <Button onClick={close}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}

function numberOf(text: string, unit: number): number | null {
  return text.trim() === "" ? null : Math.round(Number(text) * unit);
}
