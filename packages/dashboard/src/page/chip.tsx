import type { ReactNode } from "react";
import { TONES, type Meaning } from "../call/call-words.ts";

export function Chip({
  tone,
  title,
  children,
}: {
  readonly tone: Meaning["tone"];
  readonly title?: string;
  readonly children: ReactNode;
}) {
  return (
    <span className={`inline-block rounded px-1.5 py-0.5 whitespace-nowrap ${TONES[tone]}`} title={title}>
      {children}
    </span>
  );
}
