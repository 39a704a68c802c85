/**
 * Key successions that travel with a proof, in its `extra` line (docs/formats/proof.md): who knows a key that was
 * succeeded follows to the one that signed, with the proof alone. Nothing authenticates the line; each statement is
 * signed by both of its keys, so one that was changed opens for nobody.
 */
import { openSuccession } from "./key-succession.ts";
import type { KeySuccession } from "./key-succession.ts";

/** Successions of one proof that are looked at: one a year for longer than a log is kept. */
const MAX_SUCCESSIONS = 64;

/** The bytes of `extra`; undefined when no key was succeeded. Notes: oldest first. */
export function proofExtra(notes: readonly string[]): Uint8Array | undefined {
  if (notes.length === 0) return undefined;
  return new TextEncoder().encode(JSON.stringify({ key_successions: notes.slice(-MAX_SUCCESSIONS) }));
}

/** Those that open. Other bytes in `extra` are somebody else's and mean nothing. */
export async function proofSuccessions(extra: Uint8Array | undefined): Promise<readonly KeySuccession[]> {
  const opened = await Promise.all(notesIn(extra).map((note) => openSuccession(note)));
  return opened.flatMap((one) => (one.kind === "ok" ? [one.value] : []));
}

function notesIn(extra: Uint8Array | undefined): readonly string[] {
  if (extra === undefined) return [];
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(extra);
    const { key_successions: notes } = JSON.parse(text) as { readonly key_successions?: unknown };
    if (!Array.isArray(notes) || notes.length > MAX_SUCCESSIONS) return [];
    return notes.filter((note): note is string => typeof note === "string");
  } catch {
    return [];
  }
}
