import { FIELD_BY_NAME, type FieldSpec } from "@tallystick/record";
import { XMLParser, XMLValidator } from "fast-xml-parser";

import type { Batch } from "../batch.ts";
import { MAX_XML_ATTRIBUTES, MAX_XML_DEPTH, MAX_XML_NESTED_TAGS, MAX_XML_TAGS } from "../limits.ts";
import { malformed, tooMany, type Refused } from "../refused.ts";
import {
  contentOf,
  decodeEntities,
  decodeText,
  hasDeclaration,
  isMoreThan,
  NotARecord,
  type XmlElement,
} from "./xml-text.ts";

/**
 * Records as XML (DESIGN §6): root `<record>`, or `<records>` of several; an element's name is the field's; arrays
 * are repeated elements; attributes are `<attributes><entry key="k">v</entry></attributes>`. Document types and
 * entities are refused, beside the five that XML itself has and character references. White space around a value
 * counts only in free text and attribute values.
 */
export function readXml(text: string, maxRecords: number, batch: Batch): Refused | null {
  if (isBusy(text)) return busy;
  if (hasDeclaration(text)) return malformed("document type declarations and entities are not accepted in XML");
  const encoding = /^<\?xml\s[^>]*\bencoding\s*=\s*["']([^"']*)["']/.exec(text)?.[1];
  if (encoding !== undefined && !/^(utf-?8|us-ascii)$/i.test(encoding))
    return malformed("the XML declaration names another encoding; bodies are read in UTF-8 only");
  const root = parse(text);
  if ("kind" in root) return root;
  if (root.name === "record") {
    takeRecord(root, 1, batch);
    return null;
  }
  if (root.name !== "records") return malformed("the root element is neither record nor records");
  const { elements } = root;
  if (root.text.trim() !== "") return malformed("there is text between the records");
  if (elements.length > maxRecords) return tooMany(maxRecords);
  for (let at = 0; at < elements.length; at++) {
    const element = elements[at] as XmlElement;
    if (element.name === "record") takeRecord(element, at + 1, batch);
    else batch.reject(at + 1, "malformed_record", "the element is not a record");
  }
  return null;
}

const busy: Refused = {
  kind: "refused",
  code: "body_too_large",
  message: `the XML has more than ${MAX_XML_TAGS} tags or references, or ${MAX_XML_ATTRIBUTES} equals signs; send less at once`,
};

const isBusy = (text: string): boolean =>
  isMoreThan(text, "<", MAX_XML_TAGS) ||
  isMoreThan(text, "=", MAX_XML_ATTRIBUTES) ||
  isMoreThan(text, "&", MAX_XML_TAGS);

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: "",
  textNodeName: "#text",
  cdataPropName: "#cdata",
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: MAX_XML_NESTED_TAGS,
  jPath: false,
});

/** The validator's own words hold what was sent; its codes do not. */
const XML_FAULTS: Readonly<Record<string, string>> = {
  InvalidXml: "there is no element, or one is not closed",
  InvalidTag: "a tag is misspelt, not closed, or closes another element than the one that is open",
  InvalidAttr: "an attribute has no value, no quotes, or comes twice",
  InvalidChar: "there is text where none may be, or an & that is not written &amp;",
};

function parse(text: string): XmlElement | Refused {
  if (text.trim() === "") return malformed("the body is empty; it holds one <record>, or <records>");
  const verdict = XMLValidator.validate(text);
  if (verdict !== true) {
    const { line, col, code } = verdict.err;
    return malformed(`the body is not well-formed XML: ${XML_FAULTS[code] ?? code} at line ${line}, column ${col}`);
  }
  let nodes: unknown;
  try {
    nodes = parser.parse(text);
  } catch {
    return malformed(`the body is not well-formed XML, or nests deeper than ${MAX_XML_NESTED_TAGS} elements`);
  }
  const { elements, text: stray } = contentOf(nodes);
  const [root, ...others] = elements;
  if (root === undefined || others.length > 0 || stray.trim() !== "")
    return malformed("the body is not one XML element");
  return root;
}

function takeRecord(element: XmlElement, line: number, batch: Batch): void {
  let record: Record<string, unknown>;
  try {
    record = recordOf(element);
  } catch (error) {
    if (!(error instanceof NotARecord)) throw error;
    batch.reject(line, error.code, error.message);
    return;
  }
  const ignored = [...element.attributes.keys()].filter((name) => !/^xmlns(?::|$)/.test(name));
  if (ignored.length > 0)
    batch.note(line, "xml_attribute_ignored", "XML attributes of a record are left out; use elements");
  batch.take(line, record);
}

function recordOf(element: XmlElement): Record<string, unknown> {
  if (element.text.trim() !== "") throw new NotARecord("malformed_record", "there is text between the fields");
  const fields = new Map<string, unknown>();
  for (const child of element.elements) {
    const spec = FIELD_BY_NAME.get(child.name);
    const value = spec === undefined ? unknownValue(child, 2) : fieldValue(child, spec);
    const before = fields.get(child.name);
    if (before === undefined) fields.set(child.name, value);
    else if (Array.isArray(before) && (spec === undefined || spec.kind === "names")) before.push(...[value].flat());
    else if (spec === undefined) fields.set(child.name, [before, value]);
    else throw new NotARecord("invalid_value", `${child.name} comes twice`);
  }
  return Object.fromEntries(fields);
}

/** Text converted as the schema says; the validator judges what cannot be. */
function fieldValue(element: XmlElement, spec: FieldSpec): unknown {
  if (spec.kind === "map") return attributesOf(element);
  if (element.elements.length > 0) throw new NotARecord("invalid_value", `${spec.name} holds elements, not text`);
  const text = decodeEntities(element);
  if (spec.kind === "text") return text;
  const trimmed = text.trim();
  if (spec.kind === "names") return trimmed === "" ? [] : [trimmed];
  // Digits beyond 2^53−1 become a number beyond it, which the validator refuses.
  return spec.kind === "uint" && /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
}

function attributesOf(element: XmlElement): Record<string, string> {
  if (element.text.trim() !== "") throw new NotARecord("invalid_value", "attributes holds text outside its entries");
  const entries = new Map<string, string>();
  for (const entry of element.elements) {
    const key = entry.attributes.get("key");
    if (entry.name !== "entry" || key === undefined || entry.elements.length > 0) {
      throw new NotARecord("invalid_value", 'attributes holds something else than <entry key="…">text</entry>');
    }
    const name = decodeText(key);
    if (entries.has(name)) throw new NotARecord("invalid_value", "attributes has two entries of one key");
    entries.set(name, decodeEntities(entry));
  }
  return Object.fromEntries(entries);
}

/** An element that is no field: its text, or an object of its elements. The validator moves it into attributes. */
function unknownValue(element: XmlElement, depth: number): unknown {
  if (depth > MAX_XML_DEPTH) throw new NotARecord("too_deep", `elements nest deeper than ${MAX_XML_DEPTH}`);
  if (element.elements.length === 0) return decodeEntities(element);
  const fields = new Map<string, unknown>();
  for (const child of element.elements) {
    const value = unknownValue(child, depth + 1);
    const before = fields.get(child.name);
    if (before === undefined) fields.set(child.name, value);
    else if (Array.isArray(before)) before.push(value);
    else fields.set(child.name, [before, value]);
  }
  if (element.text.trim() !== "") fields.set("text", decodeEntities(element));
  return Object.fromEntries(fields);
}
