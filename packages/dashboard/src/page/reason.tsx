import { useState } from "react";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";

interface ReasonProps {
  readonly title: string;
  readonly says: string;
  readonly word: string;
  readonly done: (reason: string) => void;
  readonly close: () => void;
}

/** Asks why; the answer goes into the record of what is done. */
export function Reason({ title, says, word, done, close }: ReasonProps) {
  const [reason, setReason] = useState("");
  return (
    <Dialog close={close} label={title}>
      <form
        className="flex flex-col gap-3 p-5"
        onSubmit={(event) => {
          event.preventDefault();
          done(reason);
          close();
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
        <div className="flex gap-2">
          <Button disabled={reason.trim() === ""} kind="danger" type="submit">
            {word}
          </Button>
          <Button onClick={close}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}
