import { FIELDS } from "@tallystick/record";
import type { FieldKind } from "@tallystick/record";

import type { FieldRef, QueryNote } from "./syntax.ts";

/**
 * The names a query knows: the record's own, what the server observed, and where the record lies. All else is an
 * attribute.
 */

export interface QueryField {
  /** The same word in a query, in JSON and as the index's column, but for the prefix `observed_` of the latter. */
  readonly name: string;
  readonly column: string;
  /** `flag`: true or absent. `int`: may be below zero. */
  readonly kind: FieldKind | "flag" | "int";
  /** Letters' case counts. Ids and service names: always; names that people choose: no. */
  readonly exact: boolean;
  readonly values: readonly string[] | null;
  readonly says: string;
}

const OWN_FIELDS: readonly QueryField[] = FIELDS.map((field) => ({
  name: field.name,
  column: field.name,
  kind: field.kind,
  exact: field.kind === "id" || (field.kind === "names" && field.values === undefined) || field.name.endsWith("_id"),
  values: field.values ?? null,
  says: field.says,
}));

const observed = (name: string, kind: QueryField["kind"], says: string, values: readonly string[] | null = null) => ({
  name,
  column: `observed_${name}`,
  kind,
  exact: name === "principal" || kind === "id",
  values,
  says,
});

const OBSERVED_FIELDS: readonly QueryField[] = [
  observed("received_at", "time", "When the server took the record, by the server's clock."),
  observed("principal", "name", "Who sent the record, as authenticated."),
  observed("standing", "enum", "Whether the principal may speak for the recorder.", [
    "authenticated",
    "relayed",
    "claimed",
  ]),
  observed("intake", "name", "The protocol by which the record came."),
  observed("source_address", "id", "The address from which the record came."),
  observed("conflict", "flag", "True when the same id was stored before with other content."),
  observed("clock_skew_us", "int", "The producer's clock minus the server's, in microseconds."),
];

const PLACE_FIELDS: readonly QueryField[] = [
  { name: "tree", column: "tree", kind: "name", exact: true, values: null, says: "The tree in which the record lies." },
  { name: "leaf_index", column: "leaf_index", kind: "uint", exact: true, values: null, says: "Its place in the tree." },
  {
    name: "call_id",
    column: "call_id",
    kind: "id",
    exact: true,
    values: null,
    says: "What both sides of one call share.",
  },
];

const party = (name: string, says: string): QueryField => ({
  name,
  column: name,
  kind: "name",
  exact: true,
  values: null,
  says,
});

/** Resolved; what the record itself says is service_id and target_id. */
const PARTY_FIELDS: readonly QueryField[] = [
  party("caller", "The service that made the call: as it was settled, else by an alias, else service_id."),
  party("callee", "The service that was called: as it was settled, else by an alias, else target_id."),
];

const network = (name: string, address: string, says: string): QueryField => ({
  name,
  column: address,
  kind: "name",
  exact: true,
  values: null,
  says,
});

/** Of the configuration; no column of their own. */
const NETWORK_FIELDS: readonly QueryField[] = [
  network("source_network", "observed_source_address", "The named network in which source_address lies."),
  network("peer_network", "peer_address", "The named network in which peer_address lies."),
  network("client_network", "client_address", "The named network in which client_address lies."),
];

export const QUERY_FIELDS: readonly QueryField[] = [
  ...OWN_FIELDS,
  ...OBSERVED_FIELDS,
  ...PLACE_FIELDS,
  ...PARTY_FIELDS,
  ...NETWORK_FIELDS,
];
const BY_NAME: ReadonlyMap<string, QueryField> = new Map(QUERY_FIELDS.map((field) => [field.name, field]));

/** Longest name for which a near known field is looked for. */
const MAX_SUGGESTED_LENGTH = 40;

export function queryField(name: string): QueryField | undefined {
  return BY_NAME.get(name);
}

export interface Resolved {
  readonly field: FieldRef;
  readonly note: QueryNote | null;
}

/**
 * A known name, with or without `record.` or `observed.`; `attributes.x` and every unknown name is an attribute.
 */
export function resolveField(written: string, column: number): Resolved {
  if (written.startsWith("attributes.") && written.length > 11) return attribute(written.slice(11), null);
  const bare = /^(?:record|observed)\.(.+)$/s.exec(written)?.[1] ?? written;
  if (BY_NAME.has(bare)) return { field: { kind: "field", name: bare }, note: null };
  const near = nearestField(bare);
  if (near !== null) {
    const message = `\`${written}\` is no field and is read as an attribute. Did you mean \`${near}\`?`;
    return attribute(written, { code: "did_you_mean", column, message });
  }
  if (written.includes(".")) return attribute(written, null);
  const message = `\`${written}\` is no field and is read as an attribute of that name.`;
  return attribute(written, { code: "read_as_attribute", column, message });
}

function attribute(name: string, note: QueryNote | null): Resolved {
  return { field: { kind: "attribute", name }, note };
}

/** The known field that somebody may have meant: other case, other separators, or one or two letters off. */
function nearestField(name: string): string | null {
  if (name.length > MAX_SUGGESTED_LENGTH) return null;
  const plain = plainName(name);
  const allowed = plain.length <= 5 ? 1 : 2;
  let best: string | null = null;
  let bestDistance = allowed + 1;
  for (const field of QUERY_FIELDS) {
    const distance = editDistance(plain, plainName(field.name));
    if (distance < bestDistance) [best, bestDistance] = [field.name, distance];
  }
  return best ?? ALIASES.get(plain) ?? null;
}

/** What the same thing is called elsewhere. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["service", "service_id"],
  ["servicename", "service_id"],
  ["target", "target_id"],
  ["time", "timestamp"],
  ["trace", "trace_id"],
  ["span", "span_id"],
  ["request", "request_id"],
  ["duration", "duration_us"],
  ["latency", "duration_us"],
  ["type", "event_type"],
  ["method", "operation"],
  ["error", "error_message"],
  ["message", "error_message"],
  ["level", "status"],
  ["env", "environment"],
  ["hostname", "host"],
  ["version", "service_version"],
]);

function plainName(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");
}

/** Levenshtein. Both are at most 40 letters long. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
