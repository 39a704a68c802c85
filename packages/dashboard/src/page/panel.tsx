import type { ReactNode } from "react";

interface PanelProps {
  readonly title: string;
  /** What the figures are of, beside the title. */
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
  readonly className?: string;
  /** Its content runs to the border, as a table's does. */
  readonly flush?: boolean;
}

/** A part of a screen with a name. */
export function Panel({ title, note, actions, children, className = "", flush = false }: PanelProps) {
  return (
    <section
      aria-label={title}
      className={`flex min-w-0 flex-col rounded-lg border border-line bg-ground ${className}`}
    >
      <div className="flex min-h-10 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line px-4 py-1.5">
        <h2 className="font-semibold">{title}</h2>
        {note !== undefined && <span className="text-xs text-quiet">{note}</span>}
        {actions !== undefined && <div className="ml-auto flex max-w-full flex-wrap items-center gap-2">{actions}</div>}
      </div>
      <div className={flush ? "min-h-0 min-w-0 grow" : "min-h-0 min-w-0 grow p-4"}>{children}</div>
    </section>
  );
}

interface ScreenProps {
  readonly title: ReactNode;
  readonly says?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A screen that scrolls: its name, what it is about, what can be done, and its parts below each other. */
export function Screen({ title, says, actions, children }: ScreenProps) {
  return (
    <main className="relative h-full overflow-y-auto" tabIndex={-1}>
      <div className="mx-auto flex max-w-[110rem] flex-col gap-4 p-4 lg:px-6">
        <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
          <div className="min-w-0">
            <h1 className="text-xl font-semibold break-words">{title}</h1>
            {says !== undefined && <div className="mt-0.5 text-quiet">{says}</div>}
          </div>
          {actions !== undefined && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
        {children}
      </div>
    </main>
  );
}
