import { MAX_QUERY_BYTES, MAX_QUERY_DEPTH, MAX_QUERY_NOTES, MAX_QUERY_TERMS, MAX_VALUE_WILDCARDS } from "../limits.ts";
import { syntaxError, tooLarge } from "./fault.ts";
import { foreignSyntax } from "./foreign-syntax.ts";
import { resolveField } from "./query-fields.ts";
import { Scanner } from "./scanner.ts";
import type { Word } from "./scanner.ts";
import type { Bound, FieldRef, Query, QueryNode, QueryNote, QueryValue } from "./syntax.ts";
import { literalOf } from "./syntax.ts";

/**
 * The query language (docs/guides/query-language.md) by recursive descent:
 *
 *   or    = and { ("OR" | "||") and }
 *   and   = unary { [ "AND" | "&&" ] unary }
 *   unary = ("NOT" | "!" | "-" | "+") unary | term
 *   term  = "(" or ")" | name ":" value | word | phrase
 *   value = "(" or ")" | range | comparison | word | phrase
 *
 * It throws TallystickError `query_syntax` or `query_too_large` and nothing else, whatever the text is.
 */
export function parseQuery(text: string): Query {
  refuseLongText(text);
  refuseLoneSurrogates(text);
  const parser = new Parser(text);
  return { text, root: parser.parse(), notes: parser.notes };
}

const TERM = "a word, a phrase in quotes, field:value or (";
const VALUE = "a value, a phrase in quotes, a comparison as >5, a range as [1 TO 9] or (";

class Parser {
  readonly notes: QueryNote[] = [];
  private readonly scanner: Scanner;
  private depth = 0;
  private terms = 0;
  /** The field whose group we are in. */
  private group: FieldRef | null = null;

  constructor(text: string) {
    this.scanner = new Scanner(text);
  }

  parse(): QueryNode {
    this.scanner.skipSpace();
    if (this.scanner.atEnd) return { kind: "all", column: 1 };
    const root = this.or();
    if (this.scanner.atEnd) return root;
    throw syntaxError(this.scanner.column, "This ) closes nothing.", "the end of the query, or a ( before it");
  }

  private or(): QueryNode {
    const column = this.scanner.column;
    const of = [this.and()];
    while (this.takeOr()) of.push(this.and());
    return joined("or", of, column);
  }

  private and(): QueryNode {
    const column = this.scanner.column;
    const of = [this.unary()];
    while (this.continuesAnd()) of.push(this.unary());
    return joined("and", of, column);
  }

  private takeOr(): boolean {
    this.scanner.skipSpace();
    return this.scanner.takeOperator("OR") || this.scanner.take("||");
  }

  private continuesAnd(): boolean {
    const { scanner } = this;
    scanner.skipSpace();
    if (scanner.takeOperator("AND") || scanner.take("&&")) return true;
    if (scanner.atEnd || scanner.next === ")") return false;
    const before = scanner.position;
    const isOr = this.takeOr();
    scanner.position = before;
    return !isOr;
  }

  private unary(): QueryNode {
    const { scanner } = this;
    scanner.skipSpace();
    const column = scanner.column;
    if (scanner.takeOperator("NOT") || scanner.take("!") || this.takeSign("-")) {
      return { kind: "not", of: this.deeper(() => this.unary()), column };
    }
    if (this.takeSign("+")) return this.deeper(() => this.unary());
    return this.term();
  }

  /** `-a` and `+a`, but not a sign that stands alone. */
  private takeSign(sign: string): boolean {
    return this.scanner.next === sign && !this.scanner.followedBySpaceOrEnd(1) && this.scanner.take(sign);
  }

  private term(): QueryNode {
    const { scanner } = this;
    const column = scanner.column;
    if (scanner.next === "(") return this.parenthesis();
    if (this.group !== null) return this.value(this.group, column);
    this.refuseNoTerm(TERM, /[)\]}:]/);
    if (scanner.next === '"') {
      const phrase = this.phrase();
      return this.atColon() ? this.fielded(phrase) : this.matched(null, phrase, column);
    }
    if (/[[{<>]/.test(scanner.next)) {
      throw syntaxError(
        column,
        "A range or comparison stands after a field.",
        "field: before it, as duration_us:>50000",
      );
    }
    const word = scanner.word("start");
    if (this.atColon()) return this.fielded(word);
    this.noteLowerCaseOperator(word);
    this.note(foreignSyntax(word));
    if (isAll(word)) return this.counted({ kind: "all", column });
    return this.matched(null, unquoted(word), column);
  }

  private atColon(): boolean {
    return this.scanner.next === ":";
  }

  private parenthesis(): QueryNode {
    const { scanner } = this;
    const column = scanner.column;
    scanner.take("(");
    const inner = this.deeper(() => this.or());
    scanner.skipSpace();
    if (scanner.take(")")) return inner;
    throw syntaxError(scanner.column, `The ( of column ${column} is not closed.`, ")");
  }

  /** What may not begin a term or a value. */
  private refuseNoTerm(expected: string, refused: RegExp): void {
    const { scanner } = this;
    const { column, next } = scanner;
    if (scanner.atEnd) throw syntaxError(column, "The query ends here.", expected);
    if (refused.test(next)) throw syntaxError(column, `Unexpected ${next}`, expected);
    const before = scanner.position;
    for (const operator of ["AND", "OR", "NOT", "&&", "||"]) {
      const taken = /[&|]/.test(operator) ? scanner.take(operator) : scanner.takeOperator(operator);
      scanner.position = before;
      if (taken) throw syntaxError(column, `Unexpected ${operator}`, `${expected}; in quotes it is a word`);
    }
    if ((next === "-" || next === "+") && scanner.followedBySpaceOrEnd(1)) {
      throw syntaxError(column, `A ${next} stands alone.`, `a term right after it, or "${next}" in quotes`);
    }
  }

  /** The colon after a name stands here. */
  private fielded(name: Pick<Word, "parts" | "column">): QueryNode {
    const { scanner } = this;
    scanner.take(":");
    scanner.skipSpace();
    const written = literalOf({ quoted: false, parts: name.parts, column: name.column });
    if (isAll(name) && scanner.next === "*") {
      const value = scanner.word("value");
      if (isAll(value)) return this.counted({ kind: "all", column: name.column });
    }
    if (written === null || written === "") {
      throw syntaxError(name.column, "A field's name has no wildcards.", "the name of one field or attribute");
    }
    if (written === "_exists_") return this.exists(name.column);
    const field = this.resolved(written, name.column);
    if (scanner.next === "(") return this.fieldGroup(field);
    return this.value(field, name.column);
  }

  private exists(column: number): QueryNode {
    const name = this.scanner.word("value");
    const written = literalOf({ quoted: false, parts: name.parts, column: name.column });
    if (written === null || written === "") {
      throw syntaxError(name.column, "This is no field's name.", "a name, as _exists_:trace_id");
    }
    return this.counted({ kind: "exists", field: this.resolved(written, name.column), column });
  }

  private fieldGroup(field: FieldRef): QueryNode {
    this.group = field;
    const node = this.parenthesis();
    this.group = null;
    return node;
  }

  private value(field: FieldRef, column: number): QueryNode {
    const { scanner } = this;
    this.refuseNoTerm(VALUE, /[)\]}]/);
    if (scanner.next === "[" || scanner.next === "{") return this.range(field, column);
    if (scanner.next === "<" || scanner.next === ">") return this.comparison(field, column);
    if (scanner.next === '"') return this.matched(field, this.phrase(), column);
    const word = scanner.word("value");
    if (this.group !== null && word.raw.endsWith(":") && /["(]/.test(scanner.next)) {
      throw syntaxError(word.column, "A field inside another field's group.", "values only");
    }
    this.note(foreignSyntax(word));
    if (isAll(word)) return this.counted({ kind: "exists", field, column });
    return this.matched(field, unquoted(word), column);
  }

  private phrase(): QueryValue {
    const column = this.scanner.column;
    const text = this.scanner.phrase();
    if (this.scanner.next === "~" || this.scanner.next === "^") {
      throw syntaxError(this.scanner.column, "There is no fuzzy search and no boost.", "a space, or the end");
    }
    return { quoted: true, parts: text === "" ? [] : [{ kind: "literal", text }], column };
  }

  private comparison(field: FieldRef, column: number): QueryNode {
    const { scanner } = this;
    const below = scanner.take("<");
    if (!below) scanner.take(">");
    const inclusive = scanner.take("=");
    scanner.skipSpace();
    const bound = this.bound("value", inclusive);
    if (bound === null) throw syntaxError(scanner.column, "A comparison needs a value.", "a number, a time or a word");
    const [lower, upper] = below ? [null, bound] : [bound, null];
    return this.counted({ kind: "range", field, lower, upper, column });
  }

  private range(field: FieldRef, column: number): QueryNode {
    const { scanner } = this;
    const open = scanner.column;
    const includesLower = scanner.take("[");
    if (!includesLower) scanner.take("{");
    const lower = this.bound("bound", includesLower);
    scanner.skipSpace();
    if (!scanner.takeOperator("TO")) throw syntaxError(scanner.column, "This range has no TO.", "TO, as [1 TO 9]");
    const upper = this.bound("bound", true);
    scanner.skipSpace();
    const includesUpper = scanner.take("]");
    if (!includesUpper && !scanner.take("}")) {
      throw syntaxError(scanner.column, `The range of column ${open} is not closed.`, "] or }");
    }
    if (lower === null && upper === null) return this.counted({ kind: "exists", field, column });
    const end = upper === null ? null : { ...upper, inclusive: includesUpper };
    return this.counted({ kind: "range", field, lower, upper: end, column });
  }

  /** Null for `*`. */
  private bound(place: "value" | "bound", inclusive: boolean): Bound | null {
    const { scanner } = this;
    scanner.skipSpace();
    const column = scanner.column;
    if (scanner.next === '"') return { text: scanner.phrase(), inclusive, column };
    if (place === "bound" && scanner.takeOperator("TO")) {
      throw syntaxError(column, "The range has no lower end.", "a value or *");
    }
    const word = scanner.word(place);
    if (place === "bound" && isAll(word)) return null;
    const text = literalOf({ quoted: false, parts: word.parts, column });
    if (text === null) throw syntaxError(column, "A range's end has no wildcards.", "a value or *");
    if (text === "") throw syntaxError(column, "A value is missing.", place === "bound" ? "a value or *" : "a value");
    return { text, inclusive, column };
  }

  private resolved(written: string, column: number): FieldRef {
    const { field, note } = resolveField(written, column);
    this.note(note);
    return field;
  }

  private matched(field: FieldRef | null, value: QueryValue, column: number): QueryNode {
    const wildcards = value.parts.filter((part) => part.kind !== "literal").length;
    if (wildcards > MAX_VALUE_WILDCARDS) {
      throw tooLarge(value.column, `A value has more than ${MAX_VALUE_WILDCARDS} wildcards.`);
    }
    return this.counted({ kind: "match", field, value, column });
  }

  private counted(node: QueryNode): QueryNode {
    this.terms++;
    if (this.terms > MAX_QUERY_TERMS) throw tooLarge(node.column, `It has more than ${MAX_QUERY_TERMS} terms.`);
    return node;
  }

  private deeper(parse: () => QueryNode): QueryNode {
    this.depth++;
    if (this.depth > MAX_QUERY_DEPTH) {
      const column = Math.min(this.scanner.column, this.scanner.text.length);
      throw tooLarge(column, `It is nested more than ${MAX_QUERY_DEPTH} deep.`);
    }
    const node = parse();
    this.depth--;
    return node;
  }

  private noteLowerCaseOperator(word: Word): void {
    if (!/^(?:and|or|not)$/.test(word.raw)) return;
    const message = `\`${word.raw}\` is searched as a word. The operator is written ${word.raw.toUpperCase()}.`;
    this.note({ code: "lower_case_operator", column: word.column, message });
  }

  private note(note: QueryNote | null): void {
    if (note !== null && this.notes.length < MAX_QUERY_NOTES) this.notes.push(note);
  }
}

function joined(kind: "and" | "or", of: readonly QueryNode[], column: number): QueryNode {
  const [only] = of;
  if (of.length === 1 && only !== undefined) return only;
  return { kind, of: of.flatMap((node) => (node.kind === kind ? node.of : [node])), column };
}

function unquoted(word: Word): QueryValue {
  return { quoted: false, parts: word.parts, column: word.column };
}

function isAll(word: Pick<Word, "parts">): boolean {
  return word.parts.length > 0 && word.parts.every((part) => part.kind === "any");
}

function refuseLoneSurrogates(text: string): void {
  const at = text.search(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/);
  if (at >= 0) throw syntaxError(at + 1, "Half of a surrogate pair.", "valid Unicode");
}

/** The column is where the first byte too many stands. */
function refuseLongText(text: string): void {
  if (Buffer.byteLength(text) <= MAX_QUERY_BYTES) return;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_QUERY_BYTES));
  throw tooLarge(read + 1, `It is longer than ${MAX_QUERY_BYTES} bytes.`);
}
