/**
 * Redaction: what must not enter the tree is replaced by `[redacted:<kind>]` before the canonical bytes are made
 * (docs/formats/record.md).
 *
 * Guarantees: the result is at rest (redacting it again changes nothing); time is linear in the text; a text without
 * any hint of a secret costs one test. What it does not do: guess at secrets without a known shape or name.
 */
import { HintAutomaton } from "./hint-automaton.ts";
import { ASSIGNMENT_HINTS, redactAssignments } from "./redact-assignments.ts";
import { redactCards } from "./redact-cards.ts";
import { KEY_HINTS, redactKeys } from "./redact-keys.ts";
import { redactStatement } from "./redact-sql.ts";
import { redactEmbeddedUrls, redactQuery, redactUrl } from "./redact-urls.ts";
import { LIMITS } from "./limits.ts";

export type RedactionMode =
  /** Any text; URLs inside it lose their values. */
  | "text"
  /** The text is a URL, a path or a request target. */
  | "url"
  /** The text is what follows a `?` or `#`. */
  | "query"
  /** The text is a database statement. */
  | "statement"
  /** The text names a credential: an AWS access key id may stay. */
  | "identity";

/** What stands for a text that would not come to rest; unreachable as far as tests can tell. */
const WHOLE = "[redacted:text]";

const CARD_HINTS = "\\d(?:[ -]?\\d){12}";
export const HINTS = `[?=@]|${KEY_HINTS}|${ASSIGNMENT_HINTS}|${CARD_HINTS}`;
const HINT = new RegExp(HINTS);
/** Made when it is first used: tens of milliseconds that a process which redacts nothing need not spend. */
let hintOrWide: HintAutomaton | null = null;
/** Forty characters of base64, which may be an AWS secret key. */
const LONG_RUN = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/;
const LONG_RUN_CHARACTERS = 40;
/** What each part of the work needs to find, so that a query's values do not cost a search for everything else. */
const KEY = new RegExp(KEY_HINTS);
const NAME = /pass|pwd|secret|key|credential|authoriz|cookie|token|sig/i;
const CARD = new RegExp(CARD_HINTS);

/** Redacts any text. */
export function redactText(text: string): string {
  return redact(text, "text");
}

/** `system` is the database's name (`db.system.name`), for statements. */
export function redact(text: string, mode: RedactionMode, system?: string): string {
  if (mode !== "statement" && mode !== "query" && !hasHint(text)) return text;
  let current = text;
  for (let round = 0; round < LIMITS.redactionRounds; round++) {
    const shaped = redactShape(current, mode, system);
    current = redactContents(shaped, mode);
    // Shapes are at rest after one round, so only what the contents lost can give them more to do.
    if (current === shaped) return current;
  }
  return WHOLE;
}

/** True for ASCII without any hint of a secret: nearly every value there is, told by one test. */
export function isPlainText(text: string): boolean {
  hintOrWide ??= new HintAutomaton(HINTS);
  return !hintOrWide.matches(text) && !hasLongRun(text);
}

function hasHint(text: string): boolean {
  return HINT.test(text) || hasLongRun(text);
}

function hasLongRun(text: string): boolean {
  return text.length >= LONG_RUN_CHARACTERS && LONG_RUN.test(text);
}

function redactContents(shaped: string, mode: RedactionMode): string {
  let text = shaped;
  if (KEY.test(text) || hasLongRun(text)) text = redactKeys(text, mode === "identity");
  if (mode !== "statement" && NAME.test(text)) text = redactAssignments(text);
  return CARD.test(text) ? redactCards(text) : text;
}

function redactShape(text: string, mode: RedactionMode, system: string | undefined): string {
  switch (mode) {
    case "text":
    case "identity":
      return redactEmbeddedUrls(text);
    case "url":
      return redactUrl(text);
    case "query":
      return redactQuery(text);
    case "statement":
      return redactEmbeddedUrls(redactStatement(text, system));
  }
}
