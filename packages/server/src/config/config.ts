import { Value } from "typebox/value";
import { LineCounter, isMap, isNode, isPair, isScalar, parse, parseDocument, visit } from "yaml";
import type { Document } from "yaml";

import { TallystickError } from "../errors.ts";
import { schemaFaults } from "./faults.ts";
import type { SchemaFault } from "./faults.ts";
import { CONFIG_KEYS, ConfigSchema } from "./schema.ts";
import type { Config, ConfigKey } from "./schema.ts";
import { MAX_ALIASES, MAX_CONFIG_BYTES, MAX_REPORTED_FAULTS } from "./limits.ts";

/** Where a value came from: the file's place, an environment variable, the command line, or the default. */
export type Provenance =
  | { readonly from: "default" }
  | { readonly from: "file"; readonly file: string; readonly line: number; readonly column: number }
  | { readonly from: "environment"; readonly variable: string }
  | { readonly from: "option"; readonly option: string };

export interface EffectiveConfig {
  readonly config: Config;
  /** By key as `http.listen`; every key of the schema is here. */
  readonly provenance: ReadonlyMap<string, Provenance>;
}

export interface ConfigFile {
  readonly name: string;
  readonly text: string;
}

/** A value given on the command line; wins over file and environment. */
export interface ConfigOption {
  readonly key: string;
  readonly option: string;
  readonly value: unknown;
}

export interface ConfigSources {
  readonly file: ConfigFile | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly options: readonly ConfigOption[];
}

type Tree = Record<string, unknown>;

interface Draft {
  readonly value: Tree;
  readonly provenance: Map<string, Provenance>;
}

/** The effective configuration, or `config_invalid` with every fault and its place. */
export function readConfig(sources: ConfigSources): EffectiveConfig {
  const parsed = sources.file === null ? null : parseFile(sources.file);
  const written = schemaFaults(Value.Default(ConfigSchema, structuredClone(parsed?.value ?? {})));
  const draft: Draft = { value: parsed?.value ?? {}, provenance: new Map() };
  for (const key of CONFIG_KEYS) draft.provenance.set(key.name, parsed?.placeOf(key.path) ?? { from: "default" });
  applyEnvironment(draft, sources.environment);
  for (const { key, option, value } of sources.options)
    setKey(draft, key.split("."), value, { from: "option", option });
  const config = Value.Default(ConfigSchema, draft.value);
  const faults = schemaFaults(config).map((found) => place(found, draft, parsed));
  // What another source overrides must be right all the same: it counts when that source is gone.
  const hidden = written.filter((found) => overriddenBy(found, draft) !== null).map((found) => inFile(found, parsed));
  if (faults.length + hidden.length > 0) throw refusal([...faults, ...hidden]);
  return { config: config as Config, provenance: draft.provenance };
}

interface ParsedFile {
  readonly value: Tree;
  /** Null when the file says nothing about the key. */
  placeOf(path: readonly string[]): Provenance | null;
}

interface PlacedFault {
  readonly where: string;
  readonly message: string;
  readonly at: Readonly<Record<string, string | number>>;
}

function parseFile(file: ConfigFile): ParsedFile {
  if (Buffer.byteLength(file.text) > MAX_CONFIG_BYTES)
    throw refusal([fault(file.name, 1, 1, "the file is too large to be a configuration")]);
  const lines = new LineCounter();
  const document = parseDocument(file.text, {
    lineCounter: lines,
    uniqueKeys: true,
    version: "1.2",
    prettyErrors: false,
  });
  if (document.errors.length > 0) {
    throw refusal(
      document.errors.slice(0, MAX_REPORTED_FAULTS).map((error) => {
        const { line, col } = lines.linePos(unclosedBefore(document, error.pos[0]) ?? error.pos[0]);
        return fault(file.name, line, col, error.message);
      }),
    );
  }
  const value = plainValue(document, lines, file.name);
  if (value !== null && (typeof value !== "object" || Array.isArray(value))) {
    throw refusal([fault(file.name, 1, 1, "must be a map of sections, as `http:` with keys below it")]);
  }
  return {
    value: withoutEmptySections((value ?? {}) as Tree),
    placeOf: (path) => placeIn(document, lines, file.name, path),
  };
}

/** An unclosed [ or { is noticed where the next thing begins; people look for where it was opened. */
function unclosedBefore(document: Document.Parsed, offset: number): number | null {
  let opened: number | null = null;
  visit(document, {
    Collection(_, { flow, range }) {
      if (flow === true && range && range[0] < offset && offset <= range[1]) opened = range[0];
    },
  });
  return opened;
}

function plainValue(document: Document.Parsed, lines: LineCounter, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    const { line, col } = lines.linePos(lastAlias(document) ?? 0);
    throw refusal([
      fault(name, line, col, `cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`),
    ]);
  }
}

/** What a parsed document cannot be turned into a value for: an alias of nothing, else the last of too many. */
function lastAlias(document: Document.Parsed): number | null {
  let offset: number | null = null;
  visit(document, {
    Alias(_, alias) {
      offset = alias.range?.[0] ?? offset;
      return alias.resolve(document) === undefined ? visit.BREAK : undefined;
    },
  });
  return offset;
}

/** `http:` with every key commented out parses as null and means the same as leaving the section out. */
function withoutEmptySections(value: Tree): Tree {
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
}

function placeIn(
  document: Document.Parsed,
  lines: LineCounter,
  name: string,
  path: readonly string[],
): Provenance | null {
  let node: unknown = document.contents;
  let offset: number | null = null;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === part);
      if (pair === undefined) return null;
      offset = isNode(pair.key) ? (pair.key.range?.[0] ?? offset) : offset;
      node = pair.value;
    } else {
      const child: unknown =
        isNode(node) && "get" in node
          ? (node as { get(key: number, keep: true): unknown }).get(Number(part), true)
          : null;
      if (!isNode(child)) break;
      offset = child.range?.[0] ?? offset;
      node = child;
    }
  }
  if (offset === null) return null;
  const { line, col } = lines.linePos(offset);
  return { from: "file", file: name, line, column: col };
}

/** Sections of the file, which an environment variable must name to be ours: `TALLYSTICK_URL` and others are not. */
const SECTIONS = Object.keys(ConfigSchema.properties).map((name) => `TALLYSTICK_${name.toUpperCase()}_`);
/** An orchestrator sets these for a service called `tallystick-http`; they are no configuration. */
const FOREIGN = /_(PORT(_\d+_(TCP|UDP).*)?|SERVICE_HOST|SERVICE_PORT.*)$/;

function applyEnvironment(draft: Draft, environment: ConfigSources["environment"]): void {
  const byVariable = new Map(CONFIG_KEYS.map((key) => [key.variable, key]));
  for (const [variable, text] of Object.entries(environment)) {
    const key = byVariable.get(variable);
    const isOurs = key !== undefined || SECTIONS.some((prefix) => variable.startsWith(prefix));
    if (text === undefined || !isOurs) continue;
    if (key !== undefined) setKey(draft, key.path, valueOf(key, text), { from: "environment", variable });
    else if (!FOREIGN.test(variable)) throw refusal([unknownVariable(variable)]);
  }
}

function unknownVariable(variable: string): PlacedFault {
  return {
    where: variable,
    message: "names no key of the configuration; `tallystick config` lists them",
    at: { variable },
  };
}

/** Numbers, booleans, lists and maps are YAML; a list may also be written a,b. */
function valueOf(key: ConfigKey, text: string): unknown {
  const type = (key.schema as { readonly type?: string }).type;
  if (type === "string" || type === undefined) return text;
  if (type === "array" && !text.trimStart().startsWith("["))
    return text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}

function setKey(draft: Draft, path: readonly string[], value: unknown, provenance: Provenance): void {
  let tree = draft.value;
  for (const part of path.slice(0, -1)) {
    const child = tree[part];
    const next: Tree = typeof child === "object" && child !== null && !Array.isArray(child) ? { ...child } : {};
    tree[part] = next;
    tree = next;
  }
  tree[path.at(-1)!] = value;
  draft.provenance.set(path.join("."), provenance);
}

function place(found: SchemaFault, draft: Draft, parsed: ParsedFile | null): PlacedFault {
  const other = overriddenBy(found, draft);
  if (other?.from === "environment")
    return { where: other.variable, message: found.message, at: { variable: other.variable } };
  if (other?.from === "option") return { where: other.option, message: found.message, at: { option: other.option } };
  return inFile(found, parsed);
}

/** The source beside the file that gives the value. */
function overriddenBy({ path }: SchemaFault, draft: Draft): Provenance | null {
  const name = path.join(".");
  const key = CONFIG_KEYS.find((candidate) => name === candidate.name || name.startsWith(`${candidate.name}.`));
  const provenance = key === undefined ? undefined : draft.provenance.get(key.name);
  return provenance?.from === "environment" || provenance?.from === "option" ? provenance : null;
}

function inFile({ path, message }: SchemaFault, parsed: ParsedFile | null): PlacedFault {
  const name = path.join(".");
  const spot = parsed?.placeOf(path) ?? null;
  if (spot?.from !== "file") return { where: name, message, at: { key: name } };
  return fault(spot.file, spot.line, spot.column, `${name} ${message}`);
}

const fault = (file: string, line: number, column: number, message: string): PlacedFault => ({
  where: `${file}:${line}:${column}`,
  message,
  at: { file, line, column },
});

function refusal(faults: readonly PlacedFault[]): TallystickError {
  const shown = faults.slice(0, MAX_REPORTED_FAULTS);
  const lines = shown.map(({ where, message }) => `${where}: ${message}`);
  if (faults.length > shown.length) lines.push(`… and ${faults.length - shown.length} more`);
  return new TallystickError("config_invalid", `The configuration is not valid.\n${lines.join("\n")}`, {
    hint: "Every key is described in docs/reference/configuration.md; `tallystick config` prints the effective values.",
    at: shown[0]?.at ?? {},
  });
}
