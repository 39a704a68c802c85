/**
 * What the engine is asked to run, and the one place where values enter SQL text. The embedded engine serialises
 * bound queries for the whole process, so typed parameters are rendered to literals here.
 *
 * Guarantee: a value never ends its literal. Text outside quotes that this scanner does not fully understand
 * (comments other than the plain ones, `#`, `$` quoting, braces that are no parameter) is refused rather than passed
 * on.
 */

export type Verb = "query" | "insert" | "kill" | "command";

export class StatementFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = "StatementFault";
  }
}

interface Piece {
  readonly kind: "text" | "quoted" | "parameter";
  readonly text: string;
}

const PARAMETER = /^\{\s*([A-Za-z_]\w{0,63})\s*:\s*([^{}']+(?:'[A-Za-z_/]*'[^{}']*)?)\}/;

/** What ends a run within quotes is not in it. */
const WITHIN: Readonly<Record<string, RegExp>> = { "'": /[^'\\]*/y, '"': /[^"\\]*/y, "`": /[^`\\]*/y };

/** End of the quoted part that starts at `start`; a backslash takes the next character with it. */
function quotedEnd(sql: string, start: number): number {
  const run = WITHIN[sql[start]!]!;
  for (let at = start + 1; at < sql.length; at += 2) {
    run.lastIndex = at;
    at += run.exec(sql)![0].length;
    if (at < sql.length && sql[at] !== "\\") return at + 1;
  }
  throw new StatementFault("a quoted part is not closed");
}

/** Text outside quotes that is understood: a whole run at a time, since statements of many rules are long. */
const PLAIN = /(?:[^'"`{}#$;\\\-/\u007F-\uFFFF]+|-(?!-)|\/(?!\*))+/y;

/** Cuts a statement into plain text, quoted parts and parameters. */
function pieces(sql: string): readonly Piece[] {
  const found: Piece[] = [];
  for (let at = 0; at < sql.length;) {
    const piece = pieceAt(sql, at);
    found.push(piece);
    at += piece.text.length;
  }
  return found;
}

function pieceAt(sql: string, at: number): Piece {
  const character = sql[at]!;
  if (character in WITHIN) return { kind: "quoted", text: sql.slice(at, quotedEnd(sql, at)) };
  if (character === "{") {
    const match = PARAMETER.exec(sql.slice(at, at + 256));
    if (match === null) throw new StatementFault("a brace that is no parameter");
    return { kind: "parameter", text: match[0] };
  }
  PLAIN.lastIndex = at;
  const text = PLAIN.exec(sql)?.[0] ?? "";
  if (text !== "" && !text.includes("\0")) return { kind: "text", text };
  if (sql.startsWith("--", at) || sql.startsWith("/*", at)) throw new StatementFault("comments are not taken");
  throw new StatementFault("a character that has no place outside quotes");
}

export function stringLiteral(value: string): string {
  const escaped = value.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\0", "\\0");
  return `'${escaped}'`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  "'": "'",
  t: "\t",
  n: "\n",
  r: "\r",
  b: "\b",
  f: "\f",
  "0": "\0",
};

/** Parameters arrive as ClickHouse's HTTP protocol sends them: tab-separated escaping. */
function unescapeText(text: string): string {
  return text.replace(/\\(.?)/gs, (_, letter: string) => {
    const value = ESCAPES[letter];
    if (value === undefined) throw new StatementFault("an escape that the protocol does not have");
    return value;
  });
}

const INTEGER = /^U?Int(?:8|16|32|64)$/;
const FLOAT = /^Float(?:32|64)$/;
const TEXTUAL = /^(?:UUID|Date|Date32|DateTime(?:\('[A-Za-z_/]+'\))?|DateTime64\(\d(?:, ?'[A-Za-z_/]+')?\))$/;
const ELEMENT = /^(?:String|U?Int(?:8|16|32|64)|Float64|UUID)$/;

/** The literal for one value; the text of an array is parsed by the engine as data, inside one string literal. */
function literal(type: string, text: string): string {
  if (type === "String") return stringLiteral(unescapeText(text));
  if (INTEGER.test(type)) {
    if (!/^-?\d{1,20}$/.test(text)) throw new StatementFault(`a parameter is no ${type}`);
    return `_CAST(${text}, '${type}')`;
  }
  if (FLOAT.test(type)) {
    if (!/^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(text)) throw new StatementFault(`a parameter is no ${type}`);
    return `_CAST(${stringLiteral(text)}, '${type}')`;
  }
  if (type === "Bool") {
    if (text !== "0" && text !== "1") throw new StatementFault("a parameter is no Bool");
    return text === "1" ? "true" : "false";
  }
  const array = /^Array\((.+)\)$/.exec(type);
  if (array !== null && ELEMENT.test(array[1]!)) return `_CAST(${stringLiteral(text)}, '${type}')`;
  if (TEXTUAL.test(type)) return `_CAST(${stringLiteral(unescapeText(text))}, ${stringLiteral(type)})`;
  throw new StatementFault(`parameters of type ${type} are not taken`);
}

/** The statement with each `{name:Type}` replaced by a literal of that type. */
export function renderParameters(sql: string, parameters: ReadonlyMap<string, string>): string {
  const rendered = pieces(sql).map((piece) => {
    if (piece.kind !== "parameter") return piece.text;
    const match = PARAMETER.exec(piece.text)!;
    const value = parameters.get(match[1]!);
    if (value === undefined) throw new StatementFault(`parameter ${match[1]!} has no value`);
    return literal(match[2]!.trim(), value);
  });
  return rendered.join("");
}

const VERBS: ReadonlyMap<string, Verb> = new Map([
  ["SELECT", "query"],
  ["WITH", "query"],
  ["EXPLAIN", "query"],
  ["INSERT", "insert"],
  ["KILL", "kill"],
  ["CREATE", "command"],
  ["ALTER", "command"],
  ["DROP", "command"],
  ["OPTIMIZE", "command"],
  ["TRUNCATE", "command"],
]);

/** Makes the engine look at once for what it is to do in the background with a table. */
const LOOK_AGAIN = /^SYSTEM START MERGES \w+$/;

/** What a statement does, by its first word; anything else is refused. */
export function verbOf(sql: string): Verb {
  if (LOOK_AGAIN.test(sql)) return "command";
  const word = /^[\s(]*([A-Za-z]+)\b/.exec(sql)?.[1]?.toUpperCase();
  const verb = word === undefined ? undefined : VERBS.get(word);
  if (verb === undefined)
    throw new StatementFault("only SELECT, INSERT, KILL QUERY and the schema's own statements are taken");
  return verb;
}

/**
 * A query may not reach outside the tables: no file is written, and no function in `refused` (the engine's table
 * functions and what reads files or dictionaries) is called. Checked on the text outside quotes, and on quoted
 * identifiers.
 */
export function checkQuery(sql: string, refused: ReadonlySet<string>): void {
  const parts = pieces(sql);
  const plain = parts
    .map((piece) => (piece.kind === "text" ? piece.text : piece.text.startsWith("'") ? " '' " : piece.text))
    .join("");
  if (/\bINTO\s+OUTFILE\b/i.test(plain)) throw new StatementFault("INTO OUTFILE is not taken");
  for (const match of plain.matchAll(/([A-Za-z_]\w*)["`]?\s*\(/g)) {
    if (refused.has(match[1]!.toLowerCase())) throw new StatementFault(`the function ${match[1]!} is not taken`);
  }
}

const INSERT = /^\s*INSERT INTO ((?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*) \(([A-Za-z_][\w, ]*)\) FORMAT Native\s*$/;

/** The insert of a Native body, reading it from `path` instead. */
export function insertFrom(sql: string, path: string): string {
  const match = INSERT.exec(sql);
  if (match === null) throw new StatementFault("an insert is `INSERT INTO table (columns) FORMAT Native`");
  return `INSERT INTO ${match[1]!} (${match[2]!}) SELECT ${match[2]!} FROM file(${stringLiteral(path)}, 'Native')`;
}

const DERIVING = /^\s*INSERT INTO [A-Za-z_]\w* \([A-Za-z_][\w, ]*\)\s+(?:SELECT|WITH)\b/;

/** True of `INSERT INTO table (columns) SELECT …`: rows made from those of other tables, no body follows. */
export const derivesRows = (sql: string): boolean => DERIVING.test(sql);

const KILL = /^\s*KILL QUERY WHERE query_id = '([\w-]{1,128})' ASYNC\s*(?:FORMAT \w+\s*)?$/;

export function killedQueryId(sql: string): string {
  const match = KILL.exec(sql);
  if (match === null) throw new StatementFault("a kill is `KILL QUERY WHERE query_id = '…' ASYNC`");
  return match[1]!;
}

/** Splits the client's FORMAT clause off: streamed queries name their format apart from the text. */
export function splitFormat(sql: string): { readonly sql: string; readonly format: string | null } {
  const match = /\s+FORMAT\s+(\w+)\s*$/.exec(sql);
  if (match === null) return { sql, format: null };
  return { sql: sql.slice(0, match.index), format: match[1]! };
}
