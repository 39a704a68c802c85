import { useRef, useState, type KeyboardEvent } from "react";
import type { TextFault } from "../client/rules.ts";
import { useCaret } from "../page/caret.ts";
import { CODE, CodeLines, LINE_REM, LineNumbers } from "./code-lines.tsx";
import { offersAt, placeAt, type Offer, type Place } from "./rule-schema.ts";

interface CodeBoxProps {
  readonly label: string;
  readonly text: string;
  readonly change: (text: string) => void;
  readonly fault: TextFault | null;
  /** Id of what says the fault. */
  readonly faultId: string;
  readonly fields: readonly { readonly name: string; readonly says: string }[];
  /** Where the caret went. */
  readonly moved: (place: Place) => void;
}

const LEAST_LINES = 24;

/**
 * A box for a rule's text: its syntax is marked, keys and fields complete themselves, a fault stands under its line.
 * Tab goes on to the next control, as everywhere, unless something is offered.
 */
export function CodeBox({ label, text, change, fault, faultId, fields, moved }: CodeBoxProps) {
  const { box, caret, setCaret, at, setAt, place, offers, put, press } = useTyping(text, change, fields);
  const lines = text.split("\n");
  const widest = lines.reduce((most, line) => Math.max(most, line.length), 0);
  return (
    <div className="flex overflow-x-auto rounded border border-line bg-ground focus-within:outline-2 focus-within:outline-accent">
      <LineNumbers count={Math.max(lines.length, LEAST_LINES)} />
      <div className={`relative grow py-2 ${CODE}`} style={{ minWidth: `calc(${widest + 4}ch + 1.5rem)` }}>
        <div aria-hidden="true" className="pointer-events-none px-3">
          <CodeLines faultLine={fault?.line ?? null} text={text} />
        </div>
        <textarea
          aria-describedby={fault === null ? undefined : faultId}
          aria-invalid={fault !== null}
          aria-label={label}
          className={`absolute inset-0 resize-none overflow-hidden bg-transparent px-3 py-2 text-transparent caret-ink outline-none ${CODE}`}
          onBlur={() => setCaret(null)}
          onChange={(event) => {
            change(event.target.value);
            setCaret(event.target.selectionStart);
            setAt(-1);
          }}
          onClick={() => setCaret(null)}
          onKeyDown={press}
          onSelect={(event) => moved(placeAt(text, event.currentTarget.selectionStart))}
          ref={box}
          rows={Math.max(lines.length, LEAST_LINES)}
          spellCheck={false}
          style={{ minHeight: `${LEAST_LINES * LINE_REM + 1}rem` }}
          value={text}
          wrap="off"
        />
        {fault !== null && <UnderLine fault={fault} lines={lines} />}
        {offers.length > 0 && place !== null && caret !== null && (
          <Offers
            at={at}
            caret={caret}
            offers={offers}
            put={(offer) => put(place.start, caret, offer.text)}
            text={text}
          />
        )}
        <div style={{ height: `${Math.max(LEAST_LINES - lines.length, 1) * LINE_REM}rem` }} />
      </div>
    </div>
  );
}

/** Where the caret is, what is offered there, and what keys do. */
function useTyping(text: string, change: (text: string) => void, fields: CodeBoxProps["fields"]) {
  const box = useRef<HTMLTextAreaElement>(null);
  const { caret, setCaret, placeCaret } = useCaret(box, text);
  const [at, setAt] = useState(-1);
  const place = caret === null ? null : placeAt(text, caret);
  const offers = place === null ? [] : offersAt(place, fields);
  const put = (from: number, to: number, inserted: string) => {
    placeCaret(from + inserted.length);
    change(text.slice(0, from) + inserted + text.slice(to));
    setAt(-1);
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const { selectionStart: from, selectionEnd: to } = event.currentTarget;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const isOpen = offers.length > 0;
    const chosen = offers[event.key === "Tab" && !event.shiftKey ? Math.max(at, 0) : at];
    if (step !== undefined && isOpen) setAt((before) => (before + step + offers.length) % offers.length);
    else if ((event.key === "Enter" || event.key === "Tab") && chosen !== undefined && place !== null)
      put(place.start, to, chosen.text);
    else if (event.key === "Escape" && isOpen) setCaret(null);
    else if (event.key === "Enter") put(from, to, `\n${indentAfter(text.slice(0, from))}`);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return { box, caret, setCaret, at, setAt, place, offers, put, press };
}

/** Under the place of the fault, or beside the next line where that is longer. */
function UnderLine({ fault, lines }: { readonly fault: TextFault; readonly lines: readonly string[] }) {
  const below = lines[fault.line]?.length ?? 0;
  const column = Math.max(fault.column - 1, below === 0 ? 0 : below + 2);
  return (
    <span
      aria-hidden="true"
      className="pointer-events-none absolute max-w-[36rem] rounded bg-bad-ground px-1.5 font-sans text-bad"
      style={{ left: `calc(0.75rem + ${column}ch)`, top: `${0.5 + fault.line * LINE_REM}rem` }}
    >
      {column === fault.column - 1 ? "↑ " : "← "}
      {fault.reason}
    </span>
  );
}

interface OffersProps {
  readonly offers: readonly Offer[];
  readonly at: number;
  readonly text: string;
  readonly caret: number;
  readonly put: (offer: Offer) => void;
}

function Offers({ offers, at, text, caret, put }: OffersProps) {
  const before = text.slice(0, caret).split("\n");
  const column = before.at(-1)?.length ?? 0;
  return (
    <ul
      aria-label="Completions"
      className="absolute z-30 w-80 max-w-[80vw] rounded border border-line bg-ground py-1 font-sans shadow-xl"
      role="listbox"
      style={{ left: `calc(0.75rem + ${Math.max(column - 4, 0)}ch)`, top: `${0.5 + before.length * LINE_REM}rem` }}
    >
      {offers.map((offer, place) => (
        <li
          aria-selected={place === at}
          className={`flex cursor-pointer gap-4 px-3 py-0.5 ${place === at ? "bg-accent-ground" : "hover:bg-raised"}`}
          key={offer.shown}
          onMouseDown={(event) => {
            event.preventDefault();
            put(offer);
          }}
          role="option"
        >
          <span className="shrink-0 font-mono">{offer.shown}</span>
          <span className="ml-auto truncate text-quiet">{offer.says}</span>
        </li>
      ))}
    </ul>
  );
}

/** As deep as the line before; deeper after a key that opens something. */
function indentAfter(before: string): string {
  const line = before.split("\n").at(-1) ?? "";
  const [indent = ""] = /^\s*(?:- +)?/.exec(line) ?? [];
  if (indent.includes("-")) return line.trim() === "-" ? "" : `${indent.split("-")[0]}- `;
  return /:\s*$/.test(line) ? `${indent}  ` : indent;
}
