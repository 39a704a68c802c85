import { MAX_CONSIDERED_ATTRIBUTES } from "../limits.ts";
import { isList, isMap, textOf, type Attributes, type Value } from "./shape.ts";

/** Headers and RPC metadata come as lists of values; one value stands alone, several are joined as HTTP joins them. */
const HEADER = /^(?:http|rpc)\.(?:grpc\.)?(?:request|response)\.(?:header|metadata)\./;

/**
 * What attributes tell, by several names: conventions rename, and a sender may write the old name, the new one or
 * both. A value that is *taken* becomes a field of the record and is left out of its attributes; one that is only
 * *seen* stays.
 */
export class Told {
  readonly #attributes: Attributes;
  readonly #taken = new Set<string>();
  readonly #renamed = new Map<string, string>();

  constructor(attributes: Attributes) {
    this.#attributes = attributes;
  }

  /** The first of the names that has a value; "" when none has. */
  see(...names: readonly string[]): string {
    for (const name of names) {
      const text = attributeText(name, this.#attributes.get(name));
      if (text !== "") return text;
    }
    return "";
  }

  /** As `see`; every name that says the same is taken. */
  take(...names: readonly string[]): string {
    const text = this.see(...names);
    if (text === "") return "";
    for (const name of names) if (attributeText(name, this.#attributes.get(name)) === text) this.#taken.add(name);
    return text;
  }

  /** Takes an unsigned integer; something else stays where it is. */
  takeCount(...names: readonly string[]): number | undefined {
    const text = this.see(...names);
    if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(Number(text))) return undefined;
    return Number(this.take(...names));
  }

  /** A value under a name of the conventions' newest version when it came under an older one. */
  rename(from: string, to: string): void {
    if (this.#attributes.has(from) && !this.#attributes.has(to)) this.#renamed.set(from, to);
  }

  /** What was not taken, as text, into `target`, where it does not have the name already. */
  restInto(target: Map<string, string>, leftOut: (name: string) => boolean): void {
    for (const [name, value] of this.#attributes) {
      if (this.#taken.has(name) || leftOut(name)) continue;
      flattenInto(target, this.#renamed.get(name) ?? name, value);
    }
  }
}

/**
 * Puts a value under its name, and what is inside a map under dotted names: redaction goes by the name of each value,
 * which it could not see in one long text. Of two values of one name the first stays; a prefix to tell them apart
 * would hide the second's name.
 */
export function flattenInto(target: Map<string, string>, name: string, value: Value): void {
  if (isMap(value) && value.size > 0) {
    for (const [key, inner] of value) flattenInto(target, `${name}.${key}`, inner);
  } else if (isList(value) && value.some((inner) => isMap(inner) || isList(inner))) {
    value.forEach((inner, at) => flattenInto(target, `${name}.${at}`, inner));
  } else if (target.size < MAX_CONSIDERED_ATTRIBUTES && !target.has(name)) {
    target.set(name, attributeText(name, value));
  }
}

function attributeText(name: string, value: Value | undefined): string {
  return isList(value) && HEADER.test(name) ? value.map(textOf).join(", ") : textOf(value);
}
