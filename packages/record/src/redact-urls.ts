/** URLs: user information goes, and so do the values of query, fragment and path parameters; their names stay. */
const QUERY_VALUE = "[redacted:query]";
const USER = "[redacted:userinfo]";
/** A piece of a query without `=` is taken for a name up to this length, and for a value above it. */
const MAX_BARE_CHARACTERS = 40;
/** How far an unencoded `/` in a password is looked past. */
const MAX_PASSWORD_CHARACTERS = 512;

const AUTHORITY_END = /[/?#\s"'<>\\`]/g;
const TOKEN_END = /[\s"'<>\\`]/g;
const PORT = /^(?:[^:]*|\[[^\]]*\])(?::\d{0,5})?$/;

/** A `?` or `#` that a name and `=` follow, and what comes after it up to where a URL inside a text ends. */
const EMBEDDED = /[?#](?=[^\s?#=&;"<>`]{1,256}=)[^\s"<>`]*/g;
const PIECES = /([?#&;])([^?#&;]*)/g;

/** URLs inside any text. */
export function redactEmbeddedUrls(text: string): string {
  const anonymous = text.includes("@") ? redactUsers(text) : text;
  return anonymous.replace(EMBEDDED, redactPieces);
}

/**
 * A text that is itself a URL, a path or a request target: everything from its first `?`, `#` or `;` on is parameters.
 */
export function redactUrl(text: string): string {
  const anonymous = text.includes("@") ? redactUsers(text) : text;
  const parameters = anonymous.search(/[?#]/);
  const path = parameters === -1 ? anonymous : anonymous.slice(0, parameters);
  const rest = parameters === -1 ? "" : anonymous.slice(parameters);
  return (path.includes(";") ? path.replace(/;[^/;]*/g, redactPieces) : path) + redactPieces(rest);
}

/** A query or fragment as it stands after its `?` or `#`. */
export function redactQuery(text: string): string {
  return redactPieces(`?${text}`).slice(1);
}

function redactPieces(text: string): string {
  return text.replace(PIECES, (_match, separator: string, piece: string) => separator + redactPiece(piece));
}

function redactPiece(piece: string): string {
  const equals = piece.indexOf("=");
  if (equals === -1) return piece.length > MAX_BARE_CHARACTERS ? QUERY_VALUE : piece;
  return equals === piece.length - 1 ? piece : piece.slice(0, equals + 1) + QUERY_VALUE;
}

function redactUsers(text: string): string {
  let result = "";
  let kept = 0;
  for (let at = text.indexOf("://"); at !== -1; at = text.indexOf("://", at + 3)) {
    if (at < kept) continue;
    const from = at + 3;
    const end = userEnd(text, from);
    if (end === -1) continue;
    result += text.slice(kept, from) + USER;
    kept = end;
  }
  return result + text.slice(kept);
}

/** Where the `@` after the user information stands, or -1. */
function userEnd(text: string, from: number): number {
  const authority = text.slice(from, next(AUTHORITY_END, text, from));
  const at = authority.lastIndexOf("@");
  if (at !== -1) return from + at;
  // `scheme://user:pa/ss@host`: what looks like a port is none, so a password with an unencoded slash goes on behind
  // it.
  if (PORT.test(authority)) return -1;
  const ahead = text.slice(from, from + MAX_PASSWORD_CHARACTERS);
  const late = ahead.slice(0, next(TOKEN_END, ahead, 0)).lastIndexOf("@");
  return late === -1 ? -1 : from + late;
}

function next(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  const match = pattern.exec(text);
  return match === null ? text.length : match.index;
}
