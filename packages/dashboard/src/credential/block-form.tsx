import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { postJson } from "../client/api.ts";
import type { Response } from "../client/alerts.ts";
import { Button } from "../page/button.tsx";
import { Dialog } from "../page/dialog.tsx";
import { Field, FormFault } from "../page/field.tsx";
import { HoursBox } from "../page/hours-box.tsx";

interface BlockFormProps {
  readonly id: string;
  readonly close: () => void;
}

const HOURS = [
  [1, "1 h"],
  [4, "4 h"],
  [24, "24 h"],
] as const;
const HOUR_S = 3_600;

/** Blocks a credential where calls are let in, for a time; where a second person must agree, it proposes so. */
export function BlockForm({ id, close }: BlockFormProps) {
  const queries = useQueryClient();
  const [hours, setHours] = useState<number>(1);
  const [reason, setReason] = useState("");
  const [isDryRun, setIsDryRun] = useState(false);
  const block = useMutation({
    mutationFn: () =>
      postJson<Response>("/api/responses", {
        kind: "block_credential",
        target: { credential_id: id },
        reason,
        for_s: hours * HOUR_S,
        dry_run: isDryRun,
      }),
    onSuccess: () => void queries.invalidateQueries({ queryKey: ["/api/responses"] }),
  });
  return (
    <Dialog close={close} label="Block the credential">
      <form
        className="flex flex-col gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault();
          block.mutate();
        }}
      >
        <h2 className="text-lg font-semibold">Block the credential</h2>
        <p className="text-quiet">
          Whoever enforces blocks refuses it, and it may send no records here. The block ends by itself, and it is
          recorded who placed it and why.
        </p>
        <HoursBox change={setHours} choices={HOURS} value={hours} />
        <Field label="Why" maxLength={1_000} onChange={(event) => setReason(event.target.value)} value={reason} />
        <label className="flex items-center gap-2">
          <input checked={isDryRun} onChange={(event) => setIsDryRun(event.target.checked)} type="checkbox" />
          Only try it: it is recorded and has no effect
        </label>
        <FormFault error={block.error} />
        {block.data !== undefined && <p role="status">It is {block.data.state.replace("_", " ")}.</p>}
        <div className="flex gap-2">
          {block.data === undefined && (
            <Button disabled={reason.trim() === "" || block.isPending} kind="danger" type="submit">
              Block it
            </Button>
          )}
          <Button onClick={close}>{block.data === undefined ? "Cancel" : "Close"}</Button>
        </div>
      </form>
    </Dialog>
  );
}
