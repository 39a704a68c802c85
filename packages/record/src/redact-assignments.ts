/**
 * Secrets that a text names: `password=hunter2`, `"client_secret": "…"`, `Cookie: a=b; c=d`. The name stays and the
 * value goes. After a colon the bare word "token" is left alone, for "unexpected token: }" is everybody's error
 * message.
 */
const NAME =
  "pass(?:word|wd|phrase)|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|credentials?" +
  "|(?:api|access|account|private|signing|encryption|subscription|functions)[_-]?key" +
  "|authorization|cookie|token|sig(?:nature)?";
const ATOM = "\\[redacted:[a-z0-9-]{1,32}\\]";
/** In this order: escaped quotes (JSON inside JSON), double quotes, single quotes, a word. */
const VALUE = `\\\\+["'][^"'\\\\]*|"(?:[^"\\\\]|\\\\.)*|'[^']*|(?:${ATOM}|[^\\s,;&"'<>()\\]{}[\\\\])+`;
const ASSIGNMENT = new RegExp(`(${NAME})(\\\\{0,4}["']?\\s{0,2}[=:]\\s{0,2}(?:\\[(?!redacted:)\\s?)?)(${VALUE})`, "gi");
/** Header lines: the value goes to the end of the line. */
const HEADER = /((?:proxy-)?authorization|(?:set-)?cookie)(:\s{0,2})([^\r\n"'[\s][^\r\n"']*)/gi;

/** A pattern for texts that may hold an assignment with a colon; one with `=` is told by that. */
export const ASSIGNMENT_HINTS = [
  "[Pp][Aa][Ss][Ss][Ww]",
  "[Pp][Aa][Ss][Ss][Pp]",
  "[Pp][Ww][Dd]",
  "[Ss][Ee][Cc][Rr][Ee][Tt]",
  "[Kk][Ee][Yy]\\\\*[\"']?\\s?:",
  "[Cc][Rr][Ee][Dd][Ee][Nn][Tt]",
  "[Aa][Uu][Tt][Hh][Oo][Rr][Ii][Zz]",
  "[Cc][Oo][Oo][Kk][Ii][Ee]",
  "(?:[Tt][Oo][Kk][Ee][Nn]|[Ss][Ii][Gg]|[Tt][Uu][Rr][Ee])\\\\*[\"']",
].join("|");

const OPENING = /^\\*["']/;
const HARMLESS = new RegExp(
  `^(?:|${ATOM}|fp:[0-9a-f]{32}|\\?|\\$\\d+|[:@]\\w+|%s|\\*+|null|nil|none|true|false|undefined)$`,
  "i",
);
const SECRET = "[redacted:secret]";

export function redactAssignments(text: string): string {
  return text
    .replace(HEADER, (match, name: string, colon: string, value: string) =>
      HARMLESS.test(value.trim()) ? match : name + colon + SECRET,
    )
    .replace(ASSIGNMENT, redactAssignment);
}

function redactAssignment(match: string, name: string, between: string, value: string): string {
  const opening = OPENING.exec(value)?.[0] ?? "";
  const bareColon = opening === "" && between.includes(":");
  if (bareColon && /^(?:token|sig)/i.test(name)) return match;
  return HARMLESS.test(value.slice(opening.length)) ? match : name + between + opening + SECRET;
}
