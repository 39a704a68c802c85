/** A rule's text in pieces that are coloured, line by line. It marks; what the text means the server says. */

export type YamlKind = "key" | "modifier" | "quoted" | "comment" | "mark" | "number" | "plain";

export interface YamlToken {
  readonly kind: YamlKind;
  readonly text: string;
}

const KEY = /^(\s*(?:- +)*)("[^"]*"|'[^']*'|[^\s#:"'|-][^\s:#"'|]*)?((?:\|[\w]+)*)(:)(?=\s|$)/;
const REST =
  /("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?)|((?:^|(?<=\s))#.*$)|([[\]{},]|^\s*-(?=\s)|---)|(?<![\w.-])(\d+(?:\.\d+)?[smhdw]?)(?![\w.-])/g;

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
