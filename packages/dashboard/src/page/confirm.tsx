import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";

interface ConfirmProps {
  readonly title: string;
  readonly says: string;
  /** On the button that does it. */
  readonly word: string;
  readonly yes: () => void;
  readonly close: () => void;
}

/** Asked before what cannot be taken back. */
export function Confirm({ title, says, word, yes, close }: ConfirmProps) {
  return (
    <Dialog close={close} label={title}>
      <div className="p-5">
        <h2 className="text-lg font-semibold">{title}</h2>
        <p className="mt-2">{says}</p>
        <div className="mt-4 flex gap-2">
          <Button
            kind="danger"
            onClick={() => {
              yes();
              close();
            }}
          >
            {word}
          </Button>
          <Button autoFocus onClick={close}>
            Cancel
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
