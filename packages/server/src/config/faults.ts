import { Value } from "typebox/value";
import type { TSchema } from "typebox";

import { isCidr } from "../access/client-address.ts";
import { alertFaults } from "./alert-faults.ts";
import { ConfigSchema, sectionOf } from "./schema.ts";

/** One thing wrong with the configuration: which key, and what is allowed there. */
export interface SchemaFault {
  readonly path: readonly string[];
  readonly message: string;
}

interface Bounds {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly unknown[];
  readonly says?: string;
  readonly items?: TSchema;
  readonly patternProperties?: Readonly<Record<string, TSchema>>;
}

interface ValidationError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message: string;
}

const NO_NAME = "is not a name that may stand here";

/** What is wrong with a configuration whose defaults are filled in; empty when nothing is. */
export function schemaFaults(value: unknown): readonly SchemaFault[] {
  const found = (Value.Errors(ConfigSchema, value) as readonly ValidationError[]).flatMap(faultsOf);
  const unique = new Map(
    [...addressFaults(value), ...alertFaults(value), ...found].map((fault) => [fault.path.join("\0"), fault]),
  );
  return [...unique.values()];
}

/** An address whose numbers are too large has the right pattern and is none. */
function addressFaults(value: unknown): readonly SchemaFault[] {
  const { http, networks } = value as {
    readonly http?: { readonly trusted_proxies?: unknown };
    readonly networks?: Readonly<Record<string, unknown>> | null;
  };
  const ofNetworks = Object.entries(networks ?? {}).flatMap(([name, list]) => listFaults(["networks", name], list));
  return [...listFaults(["http", "trusted_proxies"], http?.trusted_proxies), ...ofNetworks];
}

function listFaults(above: readonly string[], list: unknown): readonly SchemaFault[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((cidr, at) => {
    const path = [...above, String(at)];
    return typeof cidr === "string" && !isCidr(cidr) ? [{ path, message: `must be ${allowed(schemaAt(path))}` }] : [];
  });
}

function faultsOf(error: ValidationError): readonly SchemaFault[] {
  const path = error.instancePath.split("/").slice(1).map(unescapePointer);
  // typebox reports an unknown key twice; the parent's report names it.
  if (error.keyword === "boolean") return [];
  if (error.keyword === "additionalProperties") {
    return named(error.params["additionalProperties"]).map((key) => ({
      path: [...path, key],
      message: unknownKey(path, key),
    }));
  }
  if (error.keyword === "propertyNames") {
    return named(error.params["propertyNames"]).map((key) => ({ path: [...path, key], message: NO_NAME }));
  }
  // The name's own fault, told at the name as if it were its value's; the parent's report names it.
  if (error.schemaPath.endsWith("/propertyNames")) return [];
  if (error.keyword === "required") {
    return named(error.params["requiredProperties"]).map((key) => ({ path, message: `${key} is missing` }));
  }
  return [{ path, message: `must be ${allowed(schemaAt(path)) ?? error.message.replace(/^must be /, "")}` }];
}

const named = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);
const unescapePointer = (part: string): string => part.replaceAll("~1", "/").replaceAll("~0", "~");

/** Keys that were called otherwise before. */
const MOVED: Readonly<Record<string, string>> = {
  "http.tls_cert_file": "tls.cert",
  "http.tls_key_file": "tls.key",
};

function unknownKey(path: readonly string[], key: string): string {
  const moved = MOVED[[...path, key].join(".")];
  if (moved !== undefined) return `is called ${moved} now`;
  const known = Object.keys(sectionOf(schemaAt(path) ?? ConfigSchema) ?? {});
  if (known.length === 0) return NO_NAME;
  const near = known.find((name) => distance(name, key) <= 2);
  return near === undefined
    ? `is no key of this section; its keys are ${known.join(", ")}`
    : `is no key; did you mean ${near}?`;
}

/** The schema that governs a path, or null where the path leaves the schema. */
function schemaAt(path: readonly string[]): TSchema | null {
  let schema: TSchema | null = ConfigSchema;
  for (const part of path) {
    if (schema === null) return null;
    const { items, patternProperties } = schema as Bounds;
    schema = sectionOf(schema)?.[part] ?? items ?? Object.values(patternProperties ?? {})[0] ?? null;
  }
  return schema;
}

/** What may stand at a key, in words for a message and for the documentation. */
export function allowed(schema: TSchema | null): string | null {
  if (schema === null) return null;
  const bounds = schema as Bounds;
  if (bounds.enum !== undefined) return `one of ${bounds.enum.join(", ")}`;
  if (bounds.says !== undefined) return bounds.says;
  if (bounds.type === "integer") return `a whole number from ${bounds.minimum} to ${bounds.maximum}`;
  if (bounds.type === "boolean") return "true or false";
  if (bounds.type === "string") return "a string";
  if (bounds.type === "array") return `a list, each ${allowed(bounds.items ?? null) ?? "as described"}`;
  return bounds.type === "object" ? "a map of keys to values" : null;
}

/** Edit distance, enough to notice a slip of the finger. */
function distance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const substitution = previous[column - 1]! + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[right.length]!;
}
