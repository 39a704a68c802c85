import { useEffect, useRef, useState, type KeyboardEvent, type RefObject } from "react";
import { useCaret } from "../page/caret.ts";
import { tokensOf, typingAt, type TokenKind } from "./query-text.ts";
import type { SearchState } from "./search-state.ts";
import { useCompletion, type Completion } from "./use-completion.ts";

interface QueryInputProps {
  readonly text: string;
  readonly change: (text: string) => void;
  readonly state: SearchState;
  /** Id of what says the fault; null: there is none. */
  readonly faultId: string | null;
}

const COLOURS: Readonly<Record<TokenKind, string>> = {
  field: "text-accent",
  operator: "font-semibold text-ink",
  quoted: "text-good",
  bracket: "text-quiet",
  wildcard: "text-warn",
  plain: "text-ink",
};
const BOX = "w-full px-3 py-1 font-mono leading-6 whitespace-pre";

/** The query box: its syntax is marked while one types, and fields and values complete themselves. */
export function QueryInput({ text, change, state, faultId }: QueryInputProps) {
  const box = useRef<HTMLInputElement>(null);
  const marks = useRef<HTMLDivElement>(null);
  const { caret, setCaret, placeCaret } = useCaret(box, text);
  const [at, setAt] = useState(-1);
  const typing = caret === null ? null : typingAt(text, caret);
  const choices = useCompletion(typing, state);
  const isOpen = typing !== null && choices.length > 0;
  useEffect(() => setAt(-1), [typing?.typed, typing?.field]);
  const choose = (choice: Completion) => {
    if (typing === null || caret === null) return;
    change(text.slice(0, typing.start) + choice.text + text.slice(caret).replace(/^"?\s?/, ""));
    placeCaret(typing.start + choice.text.length);
  };
  const press = (event: KeyboardEvent) => {
    if (!isOpen) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const chosen = choices[event.key === "Tab" ? Math.max(at, 0) : at];
    if (step !== undefined) setAt((before) => (before + step + choices.length) % choices.length);
    else if ((event.key === "Enter" || event.key === "Tab") && chosen !== undefined) choose(chosen);
    else if (event.key === "Escape") setCaret(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="relative rounded border border-line bg-raised focus-within:outline-2 focus-within:outline-accent">
      <Marks frame={marks} text={text} />
      <input
        ref={box}
        aria-activedescendant={isOpen && at >= 0 ? `completion-${at}` : undefined}
        aria-autocomplete="list"
        aria-controls="completions"
        aria-describedby={faultId ?? undefined}
        aria-expanded={isOpen}
        aria-invalid={faultId !== null}
        aria-label="Query"
        autoComplete="off"
        className={`relative bg-transparent text-transparent caret-ink outline-none placeholder:text-quiet ${BOX}`}
        data-query-box=""
        onBlur={() => setCaret(null)}
        onChange={(event) => {
          change(event.target.value);
          setCaret(event.target.selectionStart);
        }}
        onKeyDown={press}
        onScroll={(event) => marks.current?.scrollTo({ left: event.currentTarget.scrollLeft })}
        placeholder="callee:payments AND status:error, or any words   (press / to come here)"
        role="combobox"
        spellCheck={false}
        value={text}
      />
      {isOpen && <Choices at={at} choices={choices} choose={choose} />}
    </div>
  );
}

function Marks({ text, frame }: { readonly text: string; readonly frame: RefObject<HTMLDivElement | null> }) {
  return (
    <div aria-hidden="true" className={`pointer-events-none absolute inset-0 overflow-hidden ${BOX}`} ref={frame}>
      {tokensOf(text).map((token, place) => (
        <span className={COLOURS[token.kind]} key={place}>
          {token.text}
        </span>
      ))}
    </div>
  );
}

interface ChoicesProps {
  readonly choices: readonly Completion[];
  readonly at: number;
  readonly choose: (choice: Completion) => void;
}

function Choices({ choices, at, choose }: ChoicesProps) {
  return (
    <ul
      aria-label="Completions"
      className="absolute top-full left-0 z-30 mt-1 w-full max-w-2xl rounded border border-line bg-ground py-1 shadow-xl"
      id="completions"
      role="listbox"
    >
      {choices.map((choice, place) => (
        <li
          aria-selected={place === at}
          className={`flex cursor-pointer gap-4 px-3 py-1 ${place === at ? "bg-accent-ground" : "hover:bg-raised"}`}
          id={`completion-${place}`}
          key={choice.shown}
          onMouseDown={(event) => {
            event.preventDefault();
            choose(choice);
          }}
          role="option"
        >
          <span className="shrink-0 font-mono">{choice.shown.slice(0, 80)}</span>
          <span className="ml-auto truncate text-quiet">{choice.says}</span>
        </li>
      ))}
    </ul>
  );
}
