/** What the verifier knew before: a verifier key (`--vkey`) and remembered checkpoints (`--since`). */
import { parseCheckpoint, parseNote, parseVerifierKey } from "@tallystick/tlog";
import { TallystickError } from "../errors.ts";
import { MAX_SINCE_NOTES } from "./limits.ts";

export interface RememberedNote {
  readonly note: Uint8Array;
  readonly origin: string;
}

/**
 * One signed note, or several with empty lines between, as a copies file holds them, or lines of a syslog collector.
 * Throws `bad_request` when there
 * is none: a remembered checkpoint that cannot be read must not pass for one that was compared.
 */
export function parseRemembered(bytes: Uint8Array): readonly RememberedNote[] {
  const notes: RememberedNote[] = [];
  for (const text of splitNotes(unescaped(Buffer.from(bytes).toString("utf8")))) {
    const note = parseNote(text);
    const checkpoint = note.kind === "ok" ? parseCheckpoint(note.value.text) : note;
    if (checkpoint.kind === "refused") throw unusable(`a remembered checkpoint cannot be read: ${checkpoint.reason}`);
    notes.push({ note: Buffer.from(text), origin: checkpoint.value.origin });
    if (notes.length > MAX_SINCE_NOTES) throw unusable(`there are more than ${MAX_SINCE_NOTES} remembered checkpoints`);
  }
  if (notes.length === 0) throw unusable("there is no checkpoint in what was given as known");
  return notes;
}

/** A note in one line of syslog, its line feeds escaped (`ledger/node-copy-senders.ts`). */
const SYSLOG_NOTE = /[^\s\\]+\\n\d+\\n[A-Za-z0-9+/=]+\\n\\n(?:— [^\s\\]+ [A-Za-z0-9+/=]+\\n)+/g;

/** What a syslog collector wrote, as notes; everything else as it is. */
function unescaped(text: string): string {
  const found = text.match(SYSLOG_NOTE);
  return found === null ? text : found.map((note) => note.replaceAll("\\n", "\n")).join("\n");
}

/**
 * A note is its text, an empty line and its signature lines; whatever is not a signature line after those begins the
 * next.
 */
function splitNotes(text: string): readonly string[] {
  return text
    .split(/(?<=^— [^\n]*\n)\n*(?!—|\n)/m)
    .map((part) => part.replace(/^\n+/, "").replace(/\n+$/, "\n"))
    .filter((part) => part.trim() !== "");
}

export interface PinnedKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

export function parsePin(vkey: string): PinnedKey {
  const key = parseVerifierKey(vkey.trim());
  if (key.kind === "refused") throw unusable(key.reason);
  return { name: key.value.name, publicKey: key.value.publicKey };
}

function unusable(message: string): TallystickError {
  return new TallystickError("bad_request", message);
}
