import { useEffect, useRef, type ReactNode } from "react";

interface DialogProps {
  readonly label: string;
  readonly close: () => void;
  readonly children: ReactNode;
  /** False: Escape does not close it. */
  readonly closable?: boolean;
  readonly className?: string;
}

/** A modal dialog of the browser's own: it keeps the focus, gives it back, and Escape closes it. */
export function Dialog({ label, close, children, closable = true, className = "max-w-xl" }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-label={label}
      className={`m-auto mt-[12vh] w-[calc(100%-2rem)] rounded-lg border border-line bg-ground p-0 text-ink shadow-2xl backdrop:bg-black/45 ${className}`}
      onCancel={(event) => {
        event.preventDefault();
        if (closable) close();
      }}
      onClick={(event) => event.target === dialog.current && closable && close()}
    >
      {children}
    </dialog>
  );
}
