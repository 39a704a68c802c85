import { useEffect, useRef, useState, type ReactNode } from "react";

interface PopoverProps {
  readonly label: ReactNode;
  /** Said of the button where its label does not. */
  readonly says?: string;
  readonly children: (close: () => void) => ReactNode;
  readonly className?: string;
}

/** A button that opens a small panel below it; Escape, and a click elsewhere, close it. */
export function Popover({ label, says, children, className = "w-72" }: PopoverProps) {
  const details = useRef<HTMLDetailsElement>(null);
  // What is in it comes when it is opened, and keeps what was typed.
  const [wasOpen, setWasOpen] = useState(false);
  const close = () => details.current?.removeAttribute("open");
  useEffect(() => {
    const elsewhere = (event: Event) => {
      if (event.target instanceof Node && details.current?.contains(event.target) !== true) close();
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, []);
  return (
    <details
      className="relative"
      onToggle={(event) => event.currentTarget.open && setWasOpen(true)}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || details.current?.open !== true) return;
        event.stopPropagation();
        close();
        details.current.querySelector("summary")?.focus();
      }}
      ref={details}
    >
      <summary
        aria-label={says}
        className="cursor-pointer list-none rounded border border-line bg-raised px-3 py-1.5 whitespace-nowrap hover:border-quiet [&::-webkit-details-marker]:hidden"
      >
        {label} <span aria-hidden="true">▾</span>
      </summary>
      <div
        className={`absolute right-0 z-30 mt-1 rounded border border-line bg-ground p-3 shadow-xl max-sm:fixed max-sm:inset-x-4 max-sm:w-auto ${className}`}
      >
        {wasOpen && children(close)}
      </div>
    </details>
  );
}
