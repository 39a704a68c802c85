/**
 * What an attribute's name says about its value. Only the last part of a dotted name counts, in any of its spellings:
 * `http.request.header.x-api-key`, `X_API_KEY` and `xApiKey` are the same, and `stripe_api_key` ends in the same words.
 */
import { LIMITS } from "./limits.ts";
import { redactText } from "./redact.ts";

/**
 * Names whose values become fingerprints, alone or after an underscore (`db_password`). More come by configuration.
 * `session.id` is none of them: in OpenTelemetry it is an identifier, and its last part is only `id`.
 */
export const REDACTED_NAMES: readonly string[] = [
  "access_key",
  "account_key",
  "api_key",
  "apikey",
  "authorization",
  "bearer",
  "cookie",
  "cookies",
  "credentials",
  "encryption_key",
  "functions_key",
  "jsessionid",
  "passphrase",
  "passwd",
  "password",
  "passwords",
  "phpsessid",
  "private_key",
  "pwd",
  "secret",
  "secret_key",
  "secrets",
  "session_id",
  "sessionid",
  "shared_access_key",
  "signature",
  "signature_256",
  "signing_key",
  "subscription_key",
  "token",
];

export type NameKind =
  | "plain"
  /** The value is a secret and becomes its fingerprint. */
  | "secret"
  /** As secret; and it is what the caller authenticated with. */
  | "credential"
  /** A URL or a part of one that may hold a query. */
  | "url"
  /** A query or fragment without its `?` or `#`. */
  | "query"
  | "statement"
  /** Values that went into a statement. */
  | "literal";

export interface NamedValue {
  readonly kind: NameKind;
  /** The name with secrets in it redacted; nearly always the name itself. */
  readonly name: string;
}

const SECRET_WORDS: ReadonlySet<string> = new Set(REDACTED_NAMES);
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "x_api_key"]);
const QUERIES: ReadonlySet<string> = new Set(["url.query", "url.fragment", "http.query", "http.request.query"]);
const STATEMENTS: ReadonlySet<string> = new Set(["db.query.text", "db.statement", "db.sql.query"]);
const LITERALS =
  /^db\.(?:query|operation)\.parameters?\.|^db\.(?:statement\.parameters|(?:postgresql|mysql|sql)\.values)$/;
const URL_PREFIX = /^(?:url\.|http\.(?:url|target|route)$)/;
const URL_WORDS: ReadonlySet<string> = new Set([
  "url",
  "uri",
  "href",
  "referer",
  "referrer",
  "location",
  "request_uri",
]);

const remembered = new Map<string, NamedValue>();
const spelled = new WeakMap<ReadonlySet<string>, ReadonlySet<string>>();

/** `more`: further names from the configuration, in lower case. */
export function classifyName(name: string, more: ReadonlySet<string>): NamedValue {
  let known = remembered.get(name);
  if (known === undefined) {
    // The kind is that of the name which is kept, so that reading the record again finds the same.
    const kept = redactText(name);
    known = { kind: kindOf(kept), name: kept };
    if (remembered.size < LIMITS.rememberedNameCount) remembered.set(name, known);
  }
  return more.size > 0 && known.kind !== "credential" && isAmong(known.name, more)
    ? { ...known, kind: "secret" }
    : known;
}

/** Whether what stands under the name is a secret, by the built-in names or `more` (lower case). */
export function isSecretName(name: string, more: ReadonlySet<string>): boolean {
  const { kind } = classifyName(name, more);
  return kind === "secret" || kind === "credential";
}

function kindOf(name: string): NameKind {
  const lower = name.toLowerCase();
  const word = lastWord(name);
  if (CREDENTIALS.has(word) && (!name.includes(".") || lower.includes("request"))) return "credential";
  if (endsInSecretWord(word)) return "secret";
  if (QUERIES.has(lower)) return "query";
  if (STATEMENTS.has(lower)) return "statement";
  if (LITERALS.test(lower)) return "literal";
  return URL_PREFIX.test(lower) || URL_WORDS.has(word) ? "url" : "plain";
}

/** The last dotted part as lower-case words joined by underscores. */
function lastWord(name: string): string {
  const part = name.slice(name.lastIndexOf(".") + 1);
  return part
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "");
}

function endsInSecretWord(word: string): boolean {
  if (SECRET_WORDS.has(word)) return true;
  for (let at = word.indexOf("_"); at !== -1; at = word.indexOf("_", at + 1)) {
    if (SECRET_WORDS.has(word.slice(at + 1))) return true;
  }
  return false;
}

function isAmong(name: string, more: ReadonlySet<string>): boolean {
  if (more.has(name.toLowerCase())) return true;
  let words = spelled.get(more);
  if (words === undefined) {
    // A dotted name is meant as it stands; one without is any name's last part.
    words = new Set(
      Array.from(more)
        .filter((one) => !one.includes("."))
        .map(lastWord),
    );
    spelled.set(more, words);
  }
  return words.has(lastWord(name));
}
