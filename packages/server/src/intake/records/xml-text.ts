/** An element of the parsed document: its child elements, and its text with entities still in it. */
export interface XmlElement {
  readonly name: string;
  readonly elements: readonly XmlElement[];
  /** With entities still in the values. */
  readonly attributes: ReadonlyMap<string, string>;
  /** All text of the element, for telling white space from more. */
  readonly text: string;
  /** Text and CDATA in order; entities stand for something in the first only. */
  readonly pieces: readonly { readonly text: string; readonly verbatim: boolean }[];
}

/** One record is not what it should be; its neighbours may be. */
export class NotARecord extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Whether there is a `<!` that is neither comment nor CDATA: a DOCTYPE or one of its parts. */
export function hasDeclaration(text: string): boolean {
  for (let at = text.indexOf("<"); at !== -1; at = text.indexOf("<", at)) {
    if (text.startsWith("<!--", at)) at = after(text, "-->", at + 4);
    else if (text.startsWith("<![CDATA[", at)) at = after(text, "]]>", at + 9);
    else if (text.startsWith("<?", at)) at = after(text, "?>", at + 2);
    else if (text.startsWith("<!", at)) return true;
    else at++;
  }
  return false;
}

/** Whether a mark comes more than so many times. */
export function isMoreThan(text: string, mark: string, count: number): boolean {
  let seen = 0;
  for (let at = text.indexOf(mark); at !== -1; at = text.indexOf(mark, at + 1)) if (++seen > count) return true;
  return false;
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at + mark.length;
}

type Nodes = readonly Readonly<Record<string, unknown>>[];
const isNodes = (value: unknown): value is Nodes => Array.isArray(value);

/** The parser's ordered nodes as elements; what it was told to ignore is not among them. */
export function contentOf(nodes: unknown): Omit<XmlElement, "name" | "attributes"> {
  const elements: XmlElement[] = [];
  const pieces: { text: string; verbatim: boolean }[] = [];
  for (const node of isNodes(nodes) ? nodes : []) {
    const name = Object.keys(node).find((key) => key !== ":@");
    if (name === undefined) continue;
    const value = node[name];
    if (name === "#text") pieces.push({ text: text(value), verbatim: false });
    else if (name === "#cdata") pieces.push({ text: cdata(value), verbatim: true });
    else elements.push({ name, attributes: attributesOf(node[":@"]), ...contentOf(value) });
  }
  return { elements, pieces, text: pieces.map((piece) => piece.text).join("") };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const cdata = (value: unknown): string => (isNodes(value) ? value.map((node) => text(node["#text"])).join("") : "");

function attributesOf(value: unknown): ReadonlyMap<string, string> {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  return new Map(entries.map(([name, text]) => [name, String(text)]));
}

export function decodeEntities(element: XmlElement): string {
  return element.pieces.map((piece) => (piece.verbatim ? piece.text : decodeText(piece.text))).join("");
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ["lt", "<"],
  ["gt", ">"],
  ["amp", "&"],
  ["quot", '"'],
  ["apos", "'"],
]);

export function decodeText(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&([^;&\s]{1,10};)?/g, (_, reference: string | undefined) => {
    const character = reference === undefined ? undefined : characterOf(reference.slice(0, -1));
    if (character === undefined) throw new NotARecord("unknown_entity", "an entity is not one of XML's own");
    return character;
  });
}

function characterOf(name: string): string | undefined {
  const hex = /^#x([0-9a-fA-F]{1,6})$/.exec(name)?.[1];
  const decimal = /^#(\d{1,7})$/.exec(name)?.[1];
  if (hex === undefined && decimal === undefined) return NAMED.get(name);
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  return isXmlCharacter(code) ? String.fromCodePoint(code) : undefined;
}

/** XML 1.0 §2.2. */
const isXmlCharacter = (code: number): boolean =>
  code === 0x9 ||
  code === 0xa ||
  code === 0xd ||
  (code >= 0x20 && code <= 0xd7ff) ||
  (code >= 0xe000 && code <= 0xfffd) ||
  (code >= 0x10000 && code <= 0x10ffff);
