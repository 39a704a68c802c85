import type { ReactNode } from "react";
import { yamlLines, type YamlKind } from "./yaml-text.ts";

const COLOURS: Readonly<Record<YamlKind, string>> = {
  key: "text-accent",
  modifier: "text-warn",
  quoted: "text-good",
  comment: "text-quiet italic",
  mark: "text-quiet",
  number: "text-good",
  plain: "text-ink",
};

/** One line's height, in the text and in what lies over it. */
export const LINE_REM = 1.25;
export const CODE = "font-mono text-xs leading-5 whitespace-pre";

interface CodeLinesProps {
  readonly text: string;
  /** From 1; null: none is at fault. */
  readonly faultLine?: number | null;
}

/** Lines of a rule with their syntax marked. */
export function CodeLines({ text, faultLine = null }: CodeLinesProps) {
  return yamlLines(text).map((tokens, at) => (
    <div className={`h-5 ${at + 1 === faultLine ? "bg-bad-ground" : ""}`} key={at}>
      {tokens.map(({ kind, text: piece }, place) => (
        <span className={COLOURS[kind]} key={place}>
          {piece}
        </span>
      ))}
    </div>
  ));
}

/** The numbers of lines beside them. */
export function LineNumbers({ count }: { readonly count: number }) {
  return (
    <div
      aria-hidden="true"
      className={`sticky left-0 z-10 shrink-0 border-r border-line bg-raised px-2 py-2 text-right text-quiet select-none ${CODE}`}
    >
      {Array.from({ length: count }, (_, at) => (
        <div key={at}>{at + 1}</div>
      ))}
    </div>
  );
}

/** A text that is read only. */
export function CodeView({ text, label }: { readonly text: string; readonly label: string }): ReactNode {
  const shown = text.trimEnd();
  return (
    <div aria-label={label} className="flex max-h-[36rem] overflow-auto" role="region" tabIndex={0}>
      <LineNumbers count={shown.split("\n").length} />
      <div className={`min-w-max grow px-3 py-2 ${CODE}`}>
        <CodeLines text={shown} />
      </div>
    </div>
  );
}
