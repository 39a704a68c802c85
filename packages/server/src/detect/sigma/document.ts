/** A YAML document of a rule, read with the place of everything in it. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import type { Document, ParsedNode, Scalar, YAMLParseError } from "yaml";

import { FIRST_PLACE, RuleFault } from "./fault.ts";
import type { Place } from "./fault.ts";
import { MAX_DOCUMENTS, MAX_RULE_FILE_BYTES } from "./limits.ts";

/** A value of the document. */
export class Value {
  readonly node: unknown;
  readonly place: Place;
  private readonly source: Source;

  constructor(node: unknown, place: Place, source: Source) {
    this.source = source;
    this.node = isAlias(node) ? node.resolve(source.document) : node;
    this.place = place;
    if (isAlias(node) && this.node === undefined)
      throw this.fault(`nothing is called &${node.source} before the alias`);
  }

  fault(reason: string): RuleFault {
    return new RuleFault(this.place, reason);
  }

  isMap(): boolean {
    return isMap(this.node);
  }

  isList(): boolean {
    return isSeq(this.node);
  }

  /** Keys and values of a map, in order. */
  entries(what: string): readonly { readonly key: string; readonly at: Place; readonly value: Value }[] {
    if (!isMap(this.node)) throw this.fault(`${what} must be a map of names to values`);
    return this.node.items.map(({ key, value }) => {
      const at = this.source.placeOf(key, this.place);
      if (!isScalar(key)) throw new RuleFault(at, "a name must be text");
      return { key: scalarText(key), at, value: new Value(value, this.source.placeOf(value, at), this.source) };
    });
  }

  get(name: string): Value | null {
    return this.entries("this").find(({ key }) => key === name)?.value ?? null;
  }

  items(what: string): readonly Value[] {
    if (!isSeq(this.node)) throw this.fault(`${what} must be a list`);
    return this.node.items.map((item) => new Value(item, this.source.placeOf(item, this.place), this.source));
  }

  /** A list's values, or the one value. */
  each(): readonly Value[] {
    return this.isList() ? this.items("this") : [this];
  }

  scalar(): { readonly value: unknown; readonly text: string } | null {
    if (this.node === null || this.node === undefined) return { value: null, text: "" };
    return isScalar(this.node) ? { value: this.node.value, text: scalarText(this.node) } : null;
  }

  text(what: string): string {
    const scalar = this.scalar();
    if (scalar === null || scalar.value === null) throw this.fault(`${what} must be text`);
    return scalar.text;
  }

  /** The place of a character of a text on one line; else where the text begins. */
  placeIn(offset: number): Place {
    if (!isScalar(this.node) || this.node.type?.startsWith("BLOCK") === true) return this.place;
    const [start, end] = this.node.range ?? [];
    if (start === undefined || end === undefined) return this.place;
    const isQuoted = this.node.type !== "PLAIN";
    return this.source.placeAt(Math.min(start + offset + (isQuoted ? 1 : 0), Math.max(start, end - 1)));
  }
}

function scalarText(scalar: Scalar): string {
  if (typeof scalar.value === "string") return scalar.value;
  return scalar.source ?? String(scalar.value);
}

class Source {
  readonly document: Document.Parsed;
  private readonly lines: LineCounter;

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.document = document;
    this.lines = lines;
  }

  placeAt(offset: number): Place {
    const { line, col } = this.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  placeOf(node: unknown, otherwise: Place): Place {
    const range = (node as { readonly range?: readonly number[] | null } | null)?.range;
    return range?.[0] === undefined ? otherwise : this.placeAt(range[0]);
  }
}

/** One document of a file: its map, or why it cannot be read. */
export type ReadDocument =
  | { readonly kind: "map"; readonly root: Value }
  | { readonly kind: "fault"; readonly fault: RuleFault };

/** The documents of a file that hold anything. */
export function readDocuments(text: string): readonly ReadDocument[] {
  if (Buffer.byteLength(text) > MAX_RULE_FILE_BYTES)
    return [
      fault(FIRST_PLACE, `the file is longer than the ${MAX_RULE_FILE_BYTES} bytes that a file of rules may have`),
    ];
  const lines = new LineCounter();
  let documents: readonly Document.Parsed[];
  try {
    documents = parseAllDocuments(text.replace(/^\uFEFF/, ""), { lineCounter: lines, prettyErrors: false }) as never;
  } catch (error) {
    return [fault(FIRST_PLACE, `this is no YAML: ${error instanceof Error ? error.message : String(error)}`)];
  }
  if (documents.length > MAX_DOCUMENTS)
    return [fault(FIRST_PLACE, `the file has more than the ${MAX_DOCUMENTS} documents that it may have`)];
  return documents.flatMap((document) => readDocument(document, new Source(document, lines)));
}

const fault = (place: Place, reason: string): ReadDocument => ({ kind: "fault", fault: new RuleFault(place, reason) });

function readDocument(document: Document.Parsed, source: Source): readonly ReadDocument[] {
  const [error] = document.errors;
  if (error !== undefined) return [fault(source.placeAt(error.pos[0]), reasonOf(error))];
  const { contents } = document as { readonly contents: ParsedNode | null };
  if (contents === null || (isScalar(contents) && contents.value === null)) return [];
  const place = source.placeOf(contents, FIRST_PLACE);
  if (!isMap(contents)) return [fault(place, "a rule must be a map of names to values")];
  return [{ kind: "map", root: new Value(contents, place, source) }];
}

/** What is nested too deep exhausts the parser, which says so in words of its own. */
function reasonOf({ code, message }: YAMLParseError): string {
  return code === "RESOURCE_EXHAUSTION"
    ? "the file is nested deeper than it may be"
    : `this is no YAML: ${firstLine(message)}`;
}

const firstLine = (text: string): string => (text.split("\n")[0] ?? text).replace(/[:.]?\s*$/, "");
