/** A rule's text in pieces that are coloured, line by line. It marks; what the text means the server says. */

export type YamlKind = "key" | "modifier" | "quoted" | "comment" | "mark" | "number" | "plain";

export interface YamlToken {
  readonly kind: YamlKind;
  readonly text: string;
}

const KEY = /^(\s*(?:- +)*)("[^"]*"|'[^']*'|[^\s#:"'|-][^\s:#"'|]*)?((?:\|[\w]+)*)(:)(?=\s|$)/;
/** A quote within a word, as in cloud's, opens nothing. */
const REST =
  /((?<![^\s[{(,:])(?:"(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?))|((?:^|(?<=\s))#.*$)|([[\]{},]|^\s*-(?=\s)|---)|(?<![\w.-])(\d+(?:\.\d+)?[smhdw]?)(?![\w.-])/g;

const BLOCK = /(?:^|[\s:-])[|>][-+\d]*\s*(?:#.*)?$/;

/** The lines of a text; those of a block of words (`>-`, `|`) are words, whatever stands in them. */
export function yamlLines(text: string): readonly (readonly YamlToken[])[] {
  let block: number | null = null;
  return text.split("\n").map((line) => {
    const indent = line.search(/\S/);
    if (block !== null && (indent < 0 || indent > block)) return line === "" ? [] : [token("plain", line)];
    block = BLOCK.test(line) ? indent : null;
    return yamlTokens(line);
  });
}

export function yamlTokens(line: string): readonly YamlToken[] {
  const key = KEY.exec(line);
  if (key === null) return restTokens(line);
  const [whole, indent = "", name = "", modifiers = "", colon = ""] = key;
  return [
    token("mark", indent),
    token("key", name),
    token("modifier", modifiers),
    token("mark", colon),
    ...restTokens(line.slice(whole.length)),
  ].filter(({ text }) => text !== "");
}

function restTokens(text: string): readonly YamlToken[] {
  const found: YamlToken[] = [];
  let at = 0;
  for (const match of text.matchAll(REST)) {
    const [piece, quoted, comment, mark] = match;
    if (match.index > at) found.push(token("plain", text.slice(at, match.index)));
    const kind =
      quoted !== undefined ? "quoted" : comment !== undefined ? "comment" : mark !== undefined ? "mark" : "number";
    found.push(token(kind, piece));
    at = match.index + piece.length;
  }
  if (at < text.length) found.push(token("plain", text.slice(at)));
  return found;
}

const token = (kind: YamlKind, text: string): YamlToken => ({ kind, text });
