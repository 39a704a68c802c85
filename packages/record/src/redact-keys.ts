/**
 * Keys and tokens that are known by their shape. Every pattern begins with a fixed prefix and ends in one unbounded
 * run, so that a failed attempt reads no more than the run's minimum; what needs to look for an end (JWT, PEM) is
 * scanned by hand. Both are linear in time.
 */
interface KeyShape {
  readonly kind: string;
  readonly pattern: string;
  /** What every match contains, cheap to look for. */
  readonly hint: string;
}

const SHAPES: readonly KeyShape[] = [
  {
    kind: "github-token",
    pattern: "gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}",
    hint: "gh[pousr]_|github_pat_",
  },
  {
    kind: "gitlab-token",
    pattern: "gl(?:pat|dt|rt|rtr|cbt|ptt|soat|agent|ft|imt|ffct|oas)-[A-Za-z0-9_-]{16,}",
    hint: "gl[a-z]{2,5}-",
  },
  {
    kind: "slack-token",
    pattern: "xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}|hooks\\.slack\\.com/services/[A-Za-z0-9_/-]{8,}",
    hint: "xox[a-z]-|xapp-|hooks\\.slack\\.",
  },
  {
    kind: "stripe-key",
    pattern: "[rs]k_(?:live|test)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9+/=]{16,}",
    hint: "k_live_|k_test_|whsec_",
  },
  {
    kind: "google-key",
    pattern: "AIza[A-Za-z0-9_-]{30,}|ya29\\.[A-Za-z0-9_-]{16,}|GOCSPX-[A-Za-z0-9_-]{16,}",
    hint: "AIza|ya29\\.|GOCSPX-",
  },
  { kind: "npm-token", pattern: "npm_[A-Za-z0-9]{30,}", hint: "npm_" },
  { kind: "pypi-token", pattern: "pypi-[A-Za-z0-9_-]{32,}", hint: "pypi-" },
  { kind: "ai-key", pattern: "sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}", hint: "\\bsk-|hf_" },
  { kind: "sendgrid-key", pattern: "SG\\.[A-Za-z0-9_-]{16,}(?:\\.[A-Za-z0-9_-]+)?", hint: "SG\\." },
  { kind: "vault-token", pattern: "hv[bsr]\\.[A-Za-z0-9_-]{20,}", hint: "hv[bsr]\\." },
  { kind: "digitalocean-token", pattern: "do[opr]_v1_[a-f0-9]{40,}", hint: "do[opr]_v1_" },
  { kind: "shopify-token", pattern: "shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32,}", hint: "shp[a-z]{2}_" },
  { kind: "age-key", pattern: "AGE-SECRET-KEY-1[A-Z0-9]{40,}", hint: "AGE-SECRET-KEY-" },
  { kind: "tallystick-key", pattern: "ts[ahk]_[A-Za-z0-9_-]{40,}", hint: "ts[ahk]_" },
];
/**
 * An AWS access key id names a key and is none; it goes all the same, but for the fields that exist to say who called.
 */
const ACCESS_KEY_ID: KeyShape = { kind: "aws-access-key-id", pattern: "A[KS]IA[A-Z0-9]{16,}", hint: "A[KS]IA[A-Z0-9]" };

/** A pattern for texts that may hold one of these keys; "bearer" and "basic" in any case. */
export const KEY_HINTS = [
  ...[...SHAPES, ACCESS_KEY_ID].map((shape) => shape.hint),
  "eyJ",
  "-----BEGIN",
  "[Bb][Ee][Aa][Rr][Ee][Rr]",
  "[Bb][Aa][Ss][Ii][Cc]",
].join("|");

const KINDS: readonly string[] = [...SHAPES, ACCESS_KEY_ID].map((shape) => shape.kind);
const KEYS = combined([...SHAPES, ACCESS_KEY_ID]);
const KEYS_BUT_IDS = combined(SHAPES);

const BEARER = /(?<![A-Za-z0-9])(bearer(?:\s{1,4}|%20|\+))([A-Za-z0-9._~+/=:-]{3,})/gi;
const BASIC = /(?<![A-Za-z0-9])(basic(?:\s{1,4}|%20|\+))([A-Za-z0-9+/_-]{4,}={0,2})/gi;
/** Words that follow "bearer" in prose and challenges. */
const PROSE =
  /^(?:tokens?|auth[a-z]*|schemes?|realm|error|credentials?|header|methods?|format|required|missing|invalid|expired)[.:=]*$/i;
const MIN_BEARER_CHARACTERS = 6;
const FINGERPRINT = /^fp:[0-9a-f]{32}$/;

const AWS_SECRET = /(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g;
const BASE64URL = /[A-Za-z0-9_-]*/y;

export function redactKeys(text: string, keepAccessKeyIds: boolean): string {
  let result = text.includes("-----BEGIN ") ? redactPem(text) : text;
  if (result.includes("eyJ")) result = redactTokens(result);
  result = result.replace(keepAccessKeyIds ? KEYS_BUT_IDS : KEYS, (...match: unknown[]) =>
    redacted(matchedKind(match)),
  );
  result = result.replace(BEARER, redactBearer).replace(BASIC, redactBasic);
  return result.length < 40
    ? result
    : result.replace(AWS_SECRET, (run) => (looksRandom(run) ? redacted("aws-secret-key") : run));
}

function redacted(kind: string): string {
  return `[redacted:${kind}]`;
}

function combined(shapes: readonly KeyShape[]): RegExp {
  return new RegExp(`(?<![A-Za-z0-9])(?:${shapes.map((shape) => `(${shape.pattern})`).join("|")})`, "g");
}

/** Which of the groups matched; group n is the shape n − 1. */
function matchedKind(match: readonly unknown[]): string {
  const group = match.findIndex((part, index) => index > 0 && part !== undefined);
  return KINDS[group - 1]!;
}

function redactBearer(match: string, scheme: string, token: string): string {
  const isWord = PROSE.test(token) || token.length < MIN_BEARER_CHARACTERS;
  return isWord || FINGERPRINT.test(token) ? match : scheme + redacted("bearer");
}

/** "basic" is an ordinary word, but what follows it seldom is base64 of `user:password`. */
function redactBasic(match: string, scheme: string, token: string): string {
  return token.endsWith("=") || decodesToColon(token) ? scheme + redacted("basic") : match;
}

function decodesToColon(base64: string): boolean {
  let bits = 0;
  let held = 0;
  for (const character of base64) {
    const value = sixBits(character.charCodeAt(0));
    if (value < 0) break;
    bits = ((bits << 6) | value) & 0xffff;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    const byte = (bits >> held) & 0xff;
    if (byte === 0x3a) return true;
    if (byte < 0x20) return false;
  }
  return false;
}

function sixBits(code: number): number {
  if (code >= 65 && code <= 90) return code - 65;
  if (code >= 97 && code <= 122) return code - 71;
  if (code >= 48 && code <= 57) return code + 4;
  return code === 43 || code === 45 ? 62 : code === 47 || code === 95 ? 63 : -1;
}

/** Private keys; a block that was cut off before its end goes to the end of the text. */
function redactPem(text: string): string {
  let result = "";
  let kept = 0;
  for (let at = text.indexOf("-----BEGIN "); at !== -1; at = text.indexOf("-----BEGIN ", Math.max(kept, at + 1))) {
    if (!text.slice(at, at + 64).includes("PRIVATE KEY")) continue;
    result += text.slice(kept, at) + redacted("private-key");
    const end = text.indexOf("-----END ", at);
    const close = end === -1 ? -1 : text.indexOf("-----", end + 9);
    kept = close === -1 ? text.length : close + 5;
  }
  return result + text.slice(kept);
}

/** JSON Web Tokens and their like: base64url that begins a JSON object, then more base64url after points. */
function redactTokens(text: string): string {
  let result = "";
  let kept = 0;
  for (let at = text.indexOf("eyJ"); at !== -1;) {
    const headerEnd = runEnd(text, at);
    const end = isWordBefore(text, at) || headerEnd - at < 8 ? -1 : tokenEnd(text, headerEnd);
    if (end !== -1) {
      result += text.slice(kept, at) + redacted("jwt");
      kept = end;
    }
    at = text.indexOf("eyJ", end === -1 ? headerEnd : end);
  }
  return result + text.slice(kept);
}

/** Behind the last part, or -1 when no part of some length follows the header. */
function tokenEnd(text: string, headerEnd: number): number {
  if (text[headerEnd] !== ".") return -1;
  let end = runEnd(text, headerEnd + 1);
  if (end - headerEnd < 5) return -1;
  while (text[end] === ".") end = runEnd(text, end + 1);
  return end;
}

function runEnd(text: string, from: number): number {
  BASE64URL.lastIndex = from;
  BASE64URL.test(text);
  return BASE64URL.lastIndex;
}

function isWordBefore(text: string, at: number): boolean {
  return at > 0 && /[A-Za-z0-9]/.test(text[at - 1]!);
}

/** Forty characters of base64 that change case too often for a path or a name, with a digit among them. */
function looksRandom(run: string): boolean {
  let changes = 0;
  for (let index = 1; index < run.length; index++) if (classOf(run, index) !== classOf(run, index - 1)) changes++;
  return changes >= 12 && /[0-9]/.test(run) && /[a-z]/.test(run) && /[A-Z]/.test(run);
}

function classOf(run: string, index: number): number {
  const code = run.charCodeAt(index);
  if (code >= 97) return 0;
  return code >= 65 ? 1 : 2;
}
