import { FIELD_BY_NAME, type FieldSpec } from "@tallystick/record";

import { isList, textOf, type Attributes, type Resource, type Scope, type Value } from "./shape.ts";
import { UNKNOWN_PARTY } from "./parties.ts";
import type { Told } from "./told.ts";

export type FieldValue = string | number | readonly string[];

/** A record in the making: fields by name, and its attributes beside them, because both may have to be shortened. */
export interface Draft {
  readonly fields: Map<string, FieldValue>;
  readonly attributes: Map<string, string>;
  /**
   * For each field that the sender set itself: what stood there before, and the attribute it came by. The latest
   * last.
   */
  readonly overrides: Map<string, Override[]>;
}

export type DraftOutcome = { readonly kind: "draft"; readonly draft: Draft } | Rejected;

export interface Rejected {
  readonly kind: "rejected";
  readonly code: string;
  readonly message: string;
}

export const rejected = (code: string, message: string): Rejected => ({ kind: "rejected", code, message });

export interface Override {
  readonly before: FieldValue | undefined;
  readonly from: string;
}

export const OWN_PREFIX = "tallystick.";

/** What SDKs put into `service.name` when nobody told them one. */
const UNTOLD_NAME = /^(?:unknown_service(?::.*)?)?$/;

/** Resource attributes that say how the process was built and started, not who it is; command lines hold secrets. */
const LEFT_OUT = /^(?:telemetry\.|process\.(?!pid$))/;

export const newDraft = (): Draft => ({ fields: new Map(), attributes: new Map(), overrides: new Map() });

/** Empty texts and absent numbers are left out. */
export function put(draft: Draft, name: string, value: string | number | undefined): void {
  if (value !== undefined && value !== "") draft.fields.set(name, value);
}

/**
 * What a resource says of the recorder. Its name is returned, for whoever calls to place it: `service.name`; where an
 * SDK was told none and says so, the service that the sender's key stands for; else `unknown`.
 */
export function putResource(draft: Draft, told: Told, keyService: string | null): string {
  const given = told.take("service.name");
  const name = UNTOLD_NAME.test(given) ? (keyService ?? given) : given;
  put(draft, "service_version", told.take("service.version"));
  put(draft, "environment", told.take("deployment.environment.name", "deployment.environment"));
  put(draft, "host", told.take("host.name"));
  put(draft, "region", told.take("cloud.region"));
  put(draft, "producer_id", told.take("service.instance.id"));
  return name || UNKNOWN_PARTY;
}

/**
 * Everything that did not become a field, under its own name; what the item itself says goes before what its resource
 * says.
 */
export function putRest(draft: Draft, told: Told, resource: Told, scope: Scope, dropped: number): void {
  told.restInto(draft.attributes, isOwnField);
  resource.restInto(draft.attributes, (name) => isOwnField(name) || LEFT_OUT.test(name));
  if (scope.name !== "") draft.attributes.set("otel.scope.name", scope.name);
  if (scope.version !== "") draft.attributes.set("otel.scope.version", scope.version);
  if (dropped > 0) draft.attributes.set("otel.dropped_attributes_count", String(dropped));
}

/** Lets attributes `tallystick.<field>` have the last word: the resource's, then the item's own. */
export function putOwnFields(draft: Draft, resource: Resource, attributes: Attributes): void {
  for (const source of [resource.attributes, attributes]) {
    for (const [name, value] of source) {
      const spec = ownField(name);
      if (spec === undefined) continue;
      override(draft, spec, value, name);
    }
  }
}

/** Sets a field from what the sender says it is; should that be no valid value, the field gets back what it had. */
export function override(draft: Draft, spec: FieldSpec, value: Value, from: string): void {
  const converted = fieldValue(value, spec);
  if (typeof converted !== "number" && converted.length === 0) return;
  const overrides = draft.overrides.get(spec.name) ?? [];
  overrides.push({ before: draft.fields.get(spec.name), from });
  draft.overrides.set(spec.name, overrides);
  draft.fields.set(spec.name, converted);
}

export function hasOwnField(attributes: Attributes): boolean {
  for (const name of attributes.keys()) if (isOwnField(name)) return true;
  return false;
}

/** A field named as it is or as `tallystick.<field>`, except the map of attributes. */
export function fieldNamed(name: string): FieldSpec | undefined {
  const spec = FIELD_BY_NAME.get(name) ?? ownField(name);
  return spec?.kind === "map" ? undefined : spec;
}

const isOwnField = (name: string): boolean => ownField(name) !== undefined;

function ownField(name: string): FieldSpec | undefined {
  if (!name.startsWith(OWN_PREFIX)) return undefined;
  const spec = FIELD_BY_NAME.get(name.slice(OWN_PREFIX.length));
  return spec?.kind === "map" ? undefined : spec;
}

/**
 * A value as a field of its kind; the validator judges what cannot be converted. A text of several names is cut at
 * spaces and commas.
 */
function fieldValue(value: Value, spec: FieldSpec): FieldValue {
  if (spec.kind === "names") {
    return isList(value)
      ? value.map(textOf)
      : textOf(value)
          .split(/[\s,]+/)
          .filter((name) => name !== "");
  }
  const text = textOf(value);
  // What a number cannot hold stays text, so that nothing is kept or told of it but what was sent.
  return spec.kind === "uint" && /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
}
