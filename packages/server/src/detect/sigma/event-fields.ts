/**
 * The fields of an event of any product: by the name as it is, by a path of names with dots, or, of an event of
 * Windows, by the name in EventData, UserData or System.
 */

const MAX_DEPTH = 32;

export interface FoundField {
  readonly exists: boolean;
  /** Each value as text; what is nested as JSON. */
  readonly values: readonly string[];
}

const ABSENT: FoundField = { exists: false, values: [] };

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function findField(event: unknown, name: string): FoundField {
  const direct = byPath(event, name, 0);
  const found = direct === undefined ? ofWindows(event, name) : direct;
  return found === undefined ? ABSENT : { exists: true, values: textsOf(found) };
}

/** Undefined: not there. A list on the way stands for each of its entries. */
function byPath(value: unknown, path: string, depth: number): unknown {
  if (depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) {
    const found = value.flatMap((entry) => byPath(entry, path, depth + 1) ?? []);
    return found.length === 0 ? undefined : found;
  }
  if (!isFields(value)) return undefined;
  if (Object.hasOwn(value, path)) return value[path];
  for (let dot = path.indexOf("."); dot > 0; dot = path.indexOf(".", dot + 1)) {
    const head = path.slice(0, dot);
    if (!Object.hasOwn(value, head)) continue;
    const found = byPath(value[head], path.slice(dot + 1), depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function ofWindows(event: unknown, name: string): unknown {
  if (!isFields(event)) return undefined;
  const root = isFields(event["Event"]) ? event["Event"] : event;
  const { EventData: eventData, UserData: userData, System: system } = root;
  const users = isFields(userData) ? [userData, ...Object.values(userData)] : [];
  for (const part of [eventData, ...users]) {
    const found = inData(part, name);
    if (found !== undefined) return found;
  }
  return isFields(system) ? inSystem(system, name) : undefined;
}

/** EventData is a map of names, or holds a list of `Data` with the name as an attribute. */
function inData(data: unknown, name: string): unknown {
  if (!isFields(data)) return undefined;
  if (Object.hasOwn(data, name)) return ownText(data[name]);
  const list = Array.isArray(data["Data"]) ? data["Data"] : [data["Data"]];
  const entry = list.find((one) => isFields(one) && attributesOf(one)?.["Name"] === name);
  return isFields(entry) ? (entry["#text"] ?? entry["text"] ?? null) : undefined;
}

/** `Provider_Name` is the attribute Name of Provider. */
function inSystem(system: Fields, name: string): unknown {
  if (Object.hasOwn(system, name)) return ownText(system[name]);
  for (let bar = name.indexOf("_"); bar > 0; bar = name.indexOf("_", bar + 1)) {
    const attributes = attributesOf(system[name.slice(0, bar)]);
    const attribute = name.slice(bar + 1);
    if (attributes !== null && Object.hasOwn(attributes, attribute)) return attributes[attribute];
  }
  return undefined;
}

function attributesOf(value: unknown): Fields | null {
  if (!isFields(value)) return null;
  const attributes = value["#attributes"] ?? value["@attributes"];
  return isFields(attributes) ? attributes : value;
}

const ownText = (value: unknown): unknown => (isFields(value) && "#text" in value ? value["#text"] : value);

function textsOf(value: unknown): readonly string[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap(textsOf);
  return [textOf(value)];
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Every text, number and truth value in the event, names apart. */
export function textsWithin(value: unknown, depth = 0): readonly string[] {
  if (value === null || value === undefined || depth > MAX_DEPTH) return [];
  if (typeof value !== "object") return [textOf(value)];
  return Object.values(value).flatMap((inner) => textsWithin(inner, depth + 1));
}
