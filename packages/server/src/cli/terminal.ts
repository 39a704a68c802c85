/**
 * What commands write to. Results go to standard output, everything else to standard error; colours and progress only
 * on a terminal.
 */
import { stripVTControlCharacters, styleText } from "node:util";

export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export interface Terminal {
  /** One line of the result. */
  line(text: string): void;
  json(value: unknown): void;
  /** One line beside the result. */
  note(text: string): void;
  /** Coloured on a terminal, as it is elsewhere. */
  paint(style: Style, text: string): string;
  /** A line that is written over again; nothing where standard error is no terminal. */
  progress(text: string): void;
  /** Takes the progress line away. */
  progressDone(): void;
  readonly width: number | null;
}

export function terminal(
  out: Stream,
  err: Stream,
  environment: Readonly<Record<string, string | undefined>>,
): Terminal {
  const colours = out.isTTY === true && environment["NO_COLOR"] === undefined && environment["TERM"] !== "dumb";
  let showing = false;
  const clear = () => {
    if (showing) err.write("\r\u001b[2K");
    showing = false;
  };
  return {
    line(text) {
      clear();
      out.write(`${text}\n`);
    },
    json(value) {
      clear();
      out.write(`${JSON.stringify(value, null, out.isTTY === true ? 2 : undefined)}\n`);
    },
    note(text) {
      clear();
      err.write(`${text}\n`);
    },
    paint: (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text),
    progress(text) {
      if (err.isTTY !== true) return;
      err.write(`\r\u001b[2K${text}`);
      showing = true;
    },
    progressDone: clear,
    width: out.isTTY === true ? (out.columns ?? null) : null,
  };
}

/** `████░░░░  50%  1,200 of 2,400 what`. */
export function progressBar(done: number, total: number, what: string): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.round(share * 24);
  const bar = "█".repeat(filled) + "░".repeat(24 - filled);
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)}%  ${grouped(done)} of ${grouped(total)} ${what}`;
}

export function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** Text of others may hold anything; on a terminal only what can be seen is shown. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    "\ufffd",
  );
}
