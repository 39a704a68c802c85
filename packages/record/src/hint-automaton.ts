/**
 * One pass over a text that tells whether any of many patterns occurs in it, at the cost of a table's look-up a
 * character: a regular expression of dozens of alternatives tries them at every place, several times slower.
 *
 * Reads the part of regular expressions that hints need: literals, `\d`, `\s`, escaped signs, classes, groups without
 * capture, alternatives, `?`, `*`, `{n}`, `{m,n}`, and `\b` before a letter. What it does not read is a SyntaxError
 * when the module is loaded. The hints are ASCII; the automaton takes every other character for a hit.
 */
const ALPHABET = 128;
const DIGITS = setOf("0123456789");
const SPACES = setOf(" \t\n\r\f\v");
const WORD = setOf("0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
/** Stands for a hit, in the table as a state. */
const HIT = 0;

type Characters = readonly boolean[];
type Expression =
  | { readonly kind: "character"; readonly set: Characters }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "choice"; readonly parts: readonly Expression[] }
  | { readonly kind: "repeat"; readonly part: Expression; readonly min: number; readonly max: number };

function setOf(characters: string): Characters {
  return Array.from({ length: ALPHABET }, (_, code) => characters.includes(String.fromCharCode(code)));
}

function inverted(set: Characters): Characters {
  return set.map((has) => !has);
}

class Reader {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  whole(): Expression {
    const expression = this.#choice();
    if (this.#at < this.#source.length) throw this.#unread();
    return expression;
  }

  #choice(): Expression {
    const parts = [this.#sequence()];
    while (this.#passes("|")) parts.push(this.#sequence());
    return parts.length === 1 ? parts[0]! : { kind: "choice", parts };
  }

  #sequence(): Expression {
    const parts: Expression[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]!)) parts.push(this.#repeated());
    return parts.length === 1 ? parts[0]! : { kind: "sequence", parts };
  }

  #repeated(): Expression {
    const part = this.#one();
    if (this.#passes("?")) return { kind: "repeat", part, min: 0, max: 1 };
    if (this.#passes("*")) return { kind: "repeat", part, min: 0, max: Number.POSITIVE_INFINITY };
    const counts = /^\{(\d+)(?:,(\d+))?\}/.exec(this.#source.slice(this.#at));
    if (counts === null) return part;
    this.#at += counts[0].length;
    const min = Number(counts[1]);
    return { kind: "repeat", part, min, max: counts[2] === undefined ? min : Number(counts[2]) };
  }

  #one(): Expression {
    if (this.#passes("(?:")) {
      const inner = this.#choice();
      if (!this.#passes(")")) throw this.#unread();
      return inner;
    }
    if (this.#passes("[")) return { kind: "character", set: this.#class() };
    return { kind: "character", set: this.#character() };
  }

  #class(): Characters {
    const isInverted = this.#passes("^");
    const set = Array.from({ length: ALPHABET }, () => false);
    while (!this.#passes("]")) {
      const first = this.#character();
      const from = first.indexOf(true);
      const isRange = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (isRange) {
        this.#at += 1;
        const to = this.#character().indexOf(true);
        for (let code = from; code <= to; code += 1) set[code] = true;
      } else first.forEach((has, code) => (set[code] ||= has));
    }
    return isInverted ? inverted(set) : set;
  }

  #character(): Characters {
    const sign = this.#source[this.#at++];
    if (sign === undefined || ".^$+(){}".includes(sign)) throw this.#unread();
    if (sign !== "\\") return setOf(sign);
    const escaped = this.#source[this.#at++] ?? "";
    if (escaped === "d") return DIGITS;
    if (escaped === "s") return SPACES;
    if (escaped === "b") return inverted(WORD);
    if (/[A-Za-z0-9]/.test(escaped)) throw this.#unread();
    return setOf(escaped);
  }

  #passes(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #unread(): SyntaxError {
    return new SyntaxError(`a hint is not understood at ${this.#at}: ${this.#source}`);
  }
}

/** States that wait for a character, each with where it leads; `end` is the hit. */
class Net {
  readonly sets: Characters[] = [];
  readonly targets: ReadonlySet<number>[] = [];
  readonly end = -1;

  /** States from which `expression`, followed by `next`, begins. */
  add(expression: Expression, next: ReadonlySet<number>): ReadonlySet<number> {
    switch (expression.kind) {
      case "character":
        this.sets.push(expression.set);
        this.targets.push(next);
        return new Set([this.sets.length - 1]);
      case "sequence":
        return expression.parts.reduceRight((after, part) => this.add(part, after), next);
      case "choice":
        return new Set(expression.parts.flatMap((part) => [...this.add(part, next)]));
      case "repeat":
        return this.#repeat(expression, next);
    }
  }

  #repeat({ part, min, max }: Expression & { readonly kind: "repeat" }, next: ReadonlySet<number>) {
    let after = next;
    if (max === Number.POSITIVE_INFINITY) {
      const looping = new Set(next);
      for (const state of this.add(part, looping)) looping.add(state);
      after = looping;
    } else for (let count = max; count > min; count -= 1) after = new Set([...this.add(part, after), ...next]);
    for (let count = min; count > 0; count -= 1) after = this.add(part, after);
    return after;
  }
}

/** `matches(text)` is true where `new RegExp(source)` would match, and for every text beyond ASCII. */
export class HintAutomaton {
  /** By state and character, the next state. */
  readonly #table: Uint16Array;
  readonly #first: number;

  constructor(source: string) {
    const net = new Net();
    const starts = net.add(new Reader(source).whole(), new Set([net.end]));
    // A state is what the text so far has begun; that anything can begin anew at each character goes without saying.
    const alike = firstAlike(net);
    const begun = Array.from({ length: ALPHABET }, (_, code) => follow(net, starts, code, starts));
    const rows: number[][] = [[]];
    const known = new Map<string, number>();
    const waiting: { readonly row: number; readonly active: ReadonlySet<number> }[] = [];
    const stateOf = (active: ReadonlySet<number>): number => {
      if (active.has(net.end)) return HIT;
      const key = [...active].sort((a, b) => a - b).join(" ");
      const found = known.get(key);
      if (found !== undefined) return found;
      const row = rows.push([]) - 1;
      known.set(key, row);
      waiting.push({ row, active });
      return row;
    };
    const fresh = begun.map(stateOf);
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const row = rows[next.row]!;
      for (const [code, first] of alike.entries()) {
        const more = first < code ? null : follow(net, next.active, code, starts);
        if (more === null) row.push(row[first]!);
        else row.push(more.size === 0 ? fresh[code]! : stateOf(new Set([...more, ...begun[code]!])));
      }
    }
    // A text begins as if a space came before it.
    this.#first = fresh[0x20]!;
    this.#table = new Uint16Array(rows.length * ALPHABET);
    rows.forEach((row, state) => this.#table.set(row, state * ALPHABET));
  }

  matches(text: string): boolean {
    const table = this.#table;
    let state = this.#first;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code >= ALPHABET) return true;
      state = table[(state << 7) | code]!;
      if (state === HIT) return true;
    }
    return false;
  }
}

/** By character, the first one that no pattern tells from it. */
function firstAlike(net: Net): readonly number[] {
  const firsts = new Map<string, number>();
  return Array.from({ length: ALPHABET }, (_, code) => {
    const membership = net.sets.map((set) => (set[code] === true ? "1" : "0")).join("");
    const first = firsts.get(membership) ?? code;
    firsts.set(membership, first);
    return first;
  });
}

/** Where the states in `active` lead with a character, but for `but`. */
function follow(net: Net, active: ReadonlySet<number>, code: number, but: ReadonlySet<number>): ReadonlySet<number> {
  const next = new Set<number>();
  for (const state of active) {
    if (net.sets[state]![code] !== true) continue;
    for (const target of net.targets[state]!) if (!but.has(target)) next.add(target);
  }
  return next;
}
