/**
 * Text that people typed, with known secrets in it turned into their fingerprints: so that what is kept of it tells
 * one credential from another and opens nothing. A secret that is only a part of a word, or of no shape that stands
 * alone, is redacted as everywhere.
 */
import { redactText } from "./redact.ts";

/** What a query language puts around a value; none of it stands in a key. */
const WORD = /[^\s"'`(),:;[\]{}<>]+/g;
const WHOLLY_REDACTED = /^\[redacted:[a-z0-9-]+\]$/;

export function fingerprintSecrets(text: string, fingerprint: (secret: string) => string): string {
  const marked = text.replace(WORD, (word) => (WHOLLY_REDACTED.test(redactText(word)) ? fingerprint(word) : word));
  return redactText(marked);
}
