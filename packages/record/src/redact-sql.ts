/**
 * Literals and comments of a database statement, in the dialects that OpenTelemetry's instrumentations report. Names,
 * keywords and placeholders stay. Where dialects disagree on where a literal ends, the rest of the statement goes: a
 * leak is worse than a short text. Lists of literals become one, so that a bulk insert does not grow.
 */
const LITERAL = "[redacted:literal]";
const COMMENT = "[redacted:comment]";

/**
 * Systems in which double quotes enclose names; elsewhere (MySQL, MongoDB, an unknown one) they are taken for values.
 */
const QUOTED_NAMES: ReadonlySet<string> = new Set([
  "aws.redshift",
  "cockroachdb",
  "db2",
  "derby",
  "h2",
  "hsqldb",
  "ibm.db2",
  "microsoft.sql_server",
  "mssql",
  "oracle",
  "oracle.db",
  "postgresql",
  "redshift",
  "snowflake",
  "sqlite",
  "trino",
]);
/** Systems whose statements are a command and its values. */
const COMMANDS: ReadonlySet<string> = new Set(["redis", "valkey", "memcached"]);

const WORD = /[\p{L}_][\p{L}\p{N}_$]*/uy;
const NUMBER = /0[xX][0-9A-Fa-f_]+|[0-9][0-9_]*\.?[0-9_]*(?:[eE][+-]?[0-9]+)?/y;
const DOLLAR_QUOTE = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?\$/uy;
const POSITION = /[$:?][0-9]+/y;
const JSON_KEY = /"[A-Za-z0-9_.$-]{1,64}"\s{0,4}:/y;
const COMMAND = /^\s*[A-Za-z][A-Za-z0-9_.-]{0,31}(?=\s|$)/;
const COMMENT_MARK = /\/\*|\*\//g;
const BETWEEN_LITERALS = /^\s*(?:,|\)\s*,\s*\()\s*$/;
const CLOSING: ReadonlyMap<string, string> = new Map([
  ["[", "]"],
  ["(", ")"],
  ["{", "}"],
  ["<", ">"],
]);

export function redactStatement(text: string, system: string | undefined): string {
  if (system !== undefined && COMMANDS.has(system)) return redactCommand(text);
  return new StatementRedaction(text, system !== undefined && QUOTED_NAMES.has(system)).run();
}

function redactCommand(text: string): string {
  const command = COMMAND.exec(text)?.[0];
  if (command === undefined) return text.trim() === "" ? text : LITERAL;
  return text.slice(command.length).trim() === "" ? text : `${command} ${LITERAL}`;
}

/** One pass over one statement; `#at` never goes back. */
class StatementRedaction {
  readonly #text: string;
  readonly #quotesNames: boolean;
  #at = 0;
  /** What was written so far; it stands for the text up to `#kept`. */
  #result = "";
  #kept = 0;
  /** Where the last literal ended, if nothing has been written since. */
  #literalEnd = -1;

  constructor(text: string, quotesNames: boolean) {
    this.#text = text;
    this.#quotesNames = quotesNames;
  }

  run(): string {
    while (this.#at < this.#text.length) this.#step();
    return this.#result + this.#text.slice(this.#kept);
  }

  #step(): void {
    const text = this.#text;
    const at = this.#at;
    switch (text[at]) {
      case "'":
        return this.#drop(LITERAL, literalEnd(text, at, "'"));
      case '"':
        return this.#quotesNames ? this.#name('"') : this.#doubleQuoted();
      case "`":
        return this.#name("`");
      case "-":
        return text[at + 1] === "-" ? this.#drop(COMMENT, lineEnd(text, at)) : this.#skip(at + 1);
      case "#":
        return this.#quotesNames ? this.#skip(at + 1) : this.#drop(COMMENT, lineEnd(text, at));
      case "/":
        return text[at + 1] === "*" ? this.#drop(COMMENT, commentEnd(text, at)) : this.#skip(at + 1);
      case "[":
        return text.startsWith(LITERAL, at) ? this.#drop(LITERAL, at + LITERAL.length) : this.#skip(at + 1);
      case "$":
        return this.#dollar();
      case ":":
        // `:1` is a placeholder in Oracle and the like; `{age:42}` is a document.
        return this.#skip(Math.max(this.#quotesNames ? matchEnd(POSITION, text, at) : -1, at + 1));
      case "?":
        return this.#skip(Math.max(matchEnd(POSITION, text, at), at + 1));
      default:
        return this.#word();
    }
  }

  #word(): void {
    const text = this.#text;
    const code = text.charCodeAt(this.#at);
    if (code >= 48 && code <= 57) return this.#drop(LITERAL, matchEnd(NUMBER, text, this.#at));
    const wordEnd = code < 65 ? -1 : matchEnd(WORD, text, this.#at);
    if (wordEnd === -1) return this.#skip(this.#at + 1);
    const isAlternativeQuote = text[wordEnd] === "'" && /^n?q$/i.test(text.slice(this.#at, wordEnd));
    return isAlternativeQuote ? this.#drop(LITERAL, alternativeEnd(text, wordEnd)) : this.#skip(wordEnd);
  }

  #dollar(): void {
    const text = this.#text;
    const positionEnd = matchEnd(POSITION, text, this.#at);
    if (positionEnd !== -1) return this.#skip(positionEnd);
    const openEnd = matchEnd(DOLLAR_QUOTE, text, this.#at);
    if (openEnd === -1) return this.#skip(this.#at + 1);
    const tag = text.slice(this.#at, openEnd);
    const close = text.indexOf(tag, openEnd);
    this.#drop(LITERAL, close === -1 ? text.length : close + tag.length);
  }

  #doubleQuoted(): void {
    const keyEnd = matchEnd(JSON_KEY, this.#text, this.#at);
    return keyEnd === -1 ? this.#drop(LITERAL, literalEnd(this.#text, this.#at, '"')) : this.#skip(keyEnd);
  }

  /** A quoted name stays, unless a quote inside it says that it may be something else. */
  #name(quote: string): void {
    const end = this.#text.indexOf(quote, this.#at + 1);
    if (end === -1) return this.#drop(LITERAL, this.#text.length);
    const isName = !/['\\]/.test(this.#text.slice(this.#at, end));
    return isName ? this.#skip(end + 1) : this.#drop(LITERAL, literalEnd(this.#text, this.#at, quote));
  }

  #skip(end: number): void {
    this.#at = end;
  }

  #drop(instead: string, end: number): void {
    const before = this.#text.slice(this.#kept, this.#at);
    const isList = instead === LITERAL && this.#literalEnd === this.#kept && BETWEEN_LITERALS.test(before);
    if (!isList) this.#result += before + instead;
    this.#at = end;
    this.#kept = end;
    this.#literalEnd = instead === LITERAL ? end : -1;
  }
}

/** A backslash before a quote ends the literal in standard SQL and goes on in MySQL: then all that follows goes. */
function literalEnd(text: string, at: number, quote: string): number {
  let end = text.indexOf(quote, at + 1);
  while (end !== -1) {
    if (text[end - 1] === "\\") return text.length;
    if (text[end + 1] !== quote) return end + 1;
    end = text.indexOf(quote, end + 2);
  }
  return text.length;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end === -1 ? text.length : end;
}

/** PostgreSQL nests comments; elsewhere that takes more than the comment, never less. */
function commentEnd(text: string, at: number): number {
  COMMENT_MARK.lastIndex = at;
  let depth = 0;
  for (let mark = COMMENT_MARK.exec(text); mark !== null; mark = COMMENT_MARK.exec(text)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return mark.index + 2;
  }
  return text.length;
}

/** Oracle's `q'[…]'`. */
function alternativeEnd(text: string, quoteAt: number): number {
  const opening = text[quoteAt + 1] ?? "";
  const end = text.indexOf(`${CLOSING.get(opening) ?? opening}'`, quoteAt + 2);
  return end === -1 ? text.length : end + 2;
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : -1;
}
