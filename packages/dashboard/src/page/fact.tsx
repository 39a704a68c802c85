import type { ReactNode } from "react";

interface FactProps {
  readonly title: string;
  readonly value: ReactNode;
  readonly says?: ReactNode;
  readonly tone?: "good" | "bad" | "warn";
}

const TONES = { good: "text-good", bad: "text-bad", warn: "text-warn" } as const;

/** One figure with its name, and under it what it means or leads to. */
export function Fact({ title, value, says, tone }: FactProps) {
  return (
    <div aria-label={title} className="min-w-0 rounded-lg border border-line bg-ground px-4 py-3" role="group">
      <p className="text-xs text-quiet">{title}</p>
      <p className={`mt-0.5 text-xl font-semibold tabular-nums break-words ${tone === undefined ? "" : TONES[tone]}`}>
        {value}
      </p>
      <p className="mt-0.5 min-h-5 text-quiet">{says}</p>
    </div>
  );
}

export function Facts({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  return (
    <section aria-label={label} className="grid grid-cols-2 gap-3 sm:grid-cols-[repeat(auto-fill,minmax(11.5rem,1fr))]">
      {children}
    </section>
  );
}
