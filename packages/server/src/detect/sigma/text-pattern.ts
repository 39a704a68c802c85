/** Text of a rule with its wildcards. */
import type { Part } from "./syntax.ts";

const MANY: Part = { wild: "*" };
const ONE: Part = { wild: "?" };

/** A backslash takes the meaning from a wildcard or a backslash after it; before anything else it is itself. */
export function parsePattern(text: string): readonly Part[] {
  const parts: Part[] = [];
  let plain = "";
  const flush = (): void => {
    if (plain !== "") parts.push(plain);
    plain = "";
  };
  for (let at = 0; at < text.length; at++) {
    const letter = text[at]!;
    const next = text[at + 1];
    if (letter === "\\" && (next === "*" || next === "?" || next === "\\")) {
      plain += next;
      at++;
    } else if (letter === "*" || letter === "?") {
      flush();
      parts.push(letter === "*" ? MANY : ONE);
    } else {
      plain += letter;
    }
  }
  flush();
  return parts;
}

export const isMany = (part: Part | undefined): boolean => typeof part === "object" && part.wild === "*";

export function anyBefore(parts: readonly Part[]): readonly Part[] {
  return isMany(parts[0]) ? parts : [MANY, ...parts];
}

export function anyAfter(parts: readonly Part[]): readonly Part[] {
  return isMany(parts.at(-1)) ? parts : [...parts, MANY];
}

/** The text when there are no wildcards in it. */
export function literalText(parts: readonly Part[]): string | null {
  return parts.every((part) => typeof part === "string") ? parts.join("") : null;
}

/** Neighbouring texts made one. */
export function joined(parts: readonly Part[]): readonly Part[] {
  const out: Part[] = [];
  for (const part of parts) {
    const last = out.at(-1);
    if (typeof part === "string" && typeof last === "string") out[out.length - 1] = last + part;
    else if (part !== "") out.push(part);
  }
  return out;
}

const OPTION_DASH = /\B[-/]\b/u;

/** The dash or slash that begins an option stands for each character that Windows takes for it. */
export function withDashes(parts: readonly Part[]): readonly Part[] {
  return parts.flatMap((part): readonly Part[] => {
    if (typeof part !== "string") return [part];
    const out: Part[] = [];
    let from = 0;
    for (const { index } of part.matchAll(new RegExp(OPTION_DASH, "gu"))) {
      out.push(part.slice(from, index), { wild: "dash" });
      from = index + 1;
    }
    out.push(part.slice(from));
    return out.filter((piece) => piece !== "");
  });
}

export const DASHES = ["-", "/", "\u2013", "\u2014", "\u2015"] as const;
