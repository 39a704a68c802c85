/**
 * The places of a JSON text that are to be taken out, found without writing the text again: what is not taken out stays
 * byte for byte, numbers of any length included. Paths are a small part of RFC 9535: `$`, `.name`, `['name']`, `[n]`,
 * `[*]`, `.*` and `..name`.
 */
export type PathStep =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "any" }
  | { readonly kind: "below"; readonly name: string };
export type JsonPath = readonly PathStep[];

export interface JsonPlace {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface JsonRules {
  readonly paths: readonly JsonPath[];
  /** What stands for a value under this name; null: the value stays. */
  readonly named: (name: string) => string | null;
  /** What stands for a string, a number's text or a name; the same text when it stays. */
  readonly content: (text: string) => string;
}

/** Nesting of a body that is looked into. */
export const MAX_JSON_DEPTH = 256;
export const JSON_PATH_PATTERN = "^\\$(?:\\.\\.?[A-Za-z_][\\w-]*|\\.\\*|\\[(?:\\*|\\d{1,6}|'[^'\\\\]{1,128}')\\])+$";
const PATH_TAKEN = "[redacted:path]";
const STEP = /\.\.([A-Za-z_][\w-]*)|\.([A-Za-z_][\w-]*)|(\.\*|\[\*\])|\[(\d+)\]|\['([^'\\]+)'\]/g;

export function parseJsonPath(text: string): JsonPath {
  return Array.from(text.slice(1).matchAll(STEP), ([, below, name, any, index, quoted]): PathStep => {
    if (below !== undefined) return { kind: "below", name: below };
    if (any !== undefined) return { kind: "any" };
    if (index !== undefined) return { kind: "index", index: Number(index) };
    return { kind: "name", name: name ?? quoted ?? "" };
  });
}

/** Null when the text is no JSON, or nests too deeply to be looked into. */
export function placesIn(text: string, rules: JsonRules): readonly JsonPlace[] | null {
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  const scan = new Scan(text, rules);
  return scan.value(0) ? scan.places : null;
}

/** The text with each place's text in place of what stands there. */
export function withPlaces(text: string, places: readonly JsonPlace[]): string {
  let result = "";
  let kept = 0;
  for (const { start, end, text: replacement } of places) {
    result += text.slice(kept, start) + replacement;
    kept = end;
  }
  return result + text.slice(kept);
}

/** Over a text that JSON.parse took, so that nothing is checked again. */
class Scan {
  readonly places: JsonPlace[] = [];
  readonly #text: string;
  readonly #rules: JsonRules;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string, rules: JsonRules) {
    this.#text = text;
    this.#rules = rules;
  }

  /** False when it nests too deeply. */
  value(depth: number): boolean {
    this.#space();
    const start = this.#at;
    const name = this.#path.at(-1);
    const named = typeof name === "string" ? this.#rules.named(name) : null;
    const taken = this.#isTaken() ? PATH_TAKEN : named;
    const before = this.places.length;
    const character = this.#text[start];
    if (character === "{" || character === "[") {
      if (depth >= MAX_JSON_DEPTH || !this.#members(character, depth)) return false;
    } else this.#scalar(character === '"');
    if (taken === null || this.#text.startsWith("null", start)) return true;
    this.places.length = before;
    this.places.push({ start, end: this.#at, text: JSON.stringify(taken) });
    return true;
  }

  #members(opening: string, depth: number): boolean {
    const closing = opening === "{" ? "}" : "]";
    this.#at += 1;
    this.#space();
    for (let index = 0; this.#text[this.#at] !== closing; index += 1) {
      if (index > 0) this.#at += 1;
      this.#path.push(opening === "{" ? this.#name() : index);
      if (!this.value(depth + 1)) return false;
      this.#path.pop();
      this.#space();
    }
    this.#at += 1;
    return true;
  }

  /** A name, its colon passed; what is secret in the name itself is taken out. */
  #name(): string {
    this.#space();
    const start = this.#at;
    const name = this.#string();
    this.#replace(start, name);
    this.#space();
    this.#at += 1;
    return name;
  }

  #scalar(isString: boolean): void {
    const start = this.#at;
    if (isString) return this.#replace(start, this.#string());
    while (this.#at < this.#text.length && /[-+.\w]/.test(this.#text[this.#at]!)) this.#at += 1;
    if (this.#at - start >= 13) this.#replace(start, this.#text.slice(start, this.#at));
  }

  #replace(start: number, content: string): void {
    const replaced = this.#rules.content(content);
    if (replaced !== content) this.places.push({ start, end: this.#at, text: JSON.stringify(replaced) });
  }

  #string(): string {
    const start = this.#at;
    let end = start + 1;
    while (this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(start, end + 1)) as string;
  }

  #space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? "")) this.#at += 1;
  }

  #isTaken(): boolean {
    return this.#rules.paths.some((path) => fits(path, path.length, this.#path, this.#path.length));
  }
}

/** Whether the first `steps` of the path lead to the first `depth` names. From the end, so that most fail at once. */
function fits(path: JsonPath, steps: number, names: readonly (string | number)[], depth: number): boolean {
  let at = depth;
  for (let step = steps - 1; step >= 0; step -= 1) {
    const wanted = path[step]!;
    const found = names[--at];
    if (found === undefined) return false;
    if (wanted.kind === "index" && found !== wanted.index) return false;
    if (wanted.kind === "name" && found !== wanted.name) return false;
    if (wanted.kind !== "below") continue;
    if (found !== wanted.name) return false;
    // What lies before may be anywhere above.
    for (let above = at; above >= step; above -= 1) if (fits(path, step, names, above)) return true;
    return false;
  }
  return at === 0;
}
