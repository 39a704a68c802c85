import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Field, FormFault } from "./field.tsx";

interface ReasonProps {
  readonly title: string;
  readonly says: string;
  readonly word: string;
  /** Does it; what was typed stays until it is done. */
  readonly done: (reason: string) => Promise<unknown>;
  readonly close: () => void;
}

/** Asks why; the answer goes into the record of what is done. */
export function Reason({ title, says, word, done, close }: ReasonProps) {
  const [reason, setReason] = useState("");
  const doing = useMutation({ mutationFn: () => done(reason), onSuccess: close });
  return (
    <Dialog close={close} label={title}>
      <form
        className="flex flex-col gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault();
          doing.mutate();
        }}
      >
        <h2 className="text-lg font-semibold">{title}</h2>
        <p>{says}</p>
        <Field
          autoFocus
          label="Reason"
          maxLength={1_000}
          onChange={(event) => setReason(event.target.value)}
          value={reason}
        />
        <FormFault error={doing.error} />
        <div className="flex gap-2">
          <Button disabled={reason.trim() === "" || doing.isPending} kind="danger" type="submit">
            {word}
          </Button>
          <Button onClick={close}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}
