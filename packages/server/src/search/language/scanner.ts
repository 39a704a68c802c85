import { syntaxError } from "./fault.ts";
import type { ValuePart } from "./syntax.ts";

/**
 * Reads a query text from left to right. What ends a word depends on where it stands (before or after a field's
 * colon, inside a range), so the parser asks for what it expects instead of taking tokens from a list.
 */

export interface Word {
  /** As written, escapes included: tells the operator AND from the escaped word \AND. */
  readonly raw: string;
  readonly parts: readonly ValuePart[];
  readonly column: number;
}

export type WordPlace =
  /** Ends at a colon too. */
  | "start"
  /** After a field's colon: further colons belong to the value. */
  | "value"
  /** In a range: ends at its bracket too. */
  | "bound";

const ENDS: Readonly<Record<WordPlace, RegExp>> = { start: /[\s()":]/, value: /[\s()"]/, bound: /[\s()"\]}]/ };

export class Scanner {
  readonly text: string;
  position = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** 1-based; one past the text at its end. */
  get column(): number {
    return this.position + 1;
  }

  get atEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** The character here, "" at the end. */
  get next(): string {
    return this.text.charAt(this.position);
  }

  skipSpace(): void {
    while (!this.atEnd && isSpace(this.next)) this.position++;
  }

  /** Steps over the text when it stands here. */
  take(text: string): boolean {
    if (!this.text.startsWith(text, this.position)) return false;
    this.position += text.length;
    return true;
  }

  followedBySpaceOrEnd(length: number): boolean {
    const after = this.text.charAt(this.position + length);
    return after === "" || isSpace(after);
  }

  /** Steps over AND, OR, NOT or TO when it stands here as a word of its own. */
  takeOperator(word: string): boolean {
    if (!this.text.startsWith(word, this.position)) return false;
    const after = this.text.charAt(this.position + word.length);
    if (after !== "" && !/[\s()"]/.test(after)) return false;
    this.position += word.length;
    return true;
  }

  /** A word without quotes; empty when none begins here. */
  word(place: WordPlace): Word {
    const start = this.position;
    const parts: ValuePart[] = [];
    let literal = "";
    const flush = () => {
      if (literal !== "") parts.push({ kind: "literal", text: literal });
      literal = "";
    };
    while (!this.atEnd && !ENDS[place].test(this.next)) {
      const character = this.next;
      if (character === "\\") literal += this.escaped();
      else {
        this.position++;
        if (character !== "*" && character !== "?") literal += character;
        else {
          flush();
          parts.push({ kind: character === "*" ? "any" : "one" });
        }
      }
    }
    flush();
    return { raw: this.text.slice(start, this.position), parts, column: start + 1 };
  }

  /** A phrase; the opening quote stands here. */
  phrase(): string {
    const start = this.column;
    this.position++;
    let text = "";
    while (!this.atEnd) {
      const character = this.next;
      if (character === '"') {
        this.position++;
        return text;
      }
      if (character === "\\") text += this.escaped();
      else {
        text += character;
        this.position++;
      }
    }
    throw syntaxError(start, "The quote that opens here is not closed.", 'a closing "');
  }

  private escaped(): string {
    const column = this.column;
    const point = this.text.codePointAt(this.position + 1);
    if (point === undefined) throw syntaxError(column, "A backslash ends the query.", "the character that it escapes");
    const character = String.fromCodePoint(point);
    this.position += 1 + character.length;
    return character;
  }
}

function isSpace(character: string): boolean {
  return /\s/.test(character);
}
