import type { StoredRecord } from "@tallystick/record";

export interface HalfRow {
  readonly field: string;
  readonly caller: unknown;
  readonly callee: unknown;
  /** alone: only one of them tells it. broken: the tally counts the difference as a break. */
  readonly sameness: "same" | "alone" | "differs" | "broken";
}

/** Of these each side has its own; that they differ says nothing. */
const OWN: ReadonlySet<string> = new Set([
  "id",
  "side",
  "recorder_id",
  "span_id",
  "parent_span_id",
  "producer_id",
  "producer_epoch",
  "producer_seq",
  "host",
  "service_version",
  "peer_address",
  "peer_port",
  "peer_identity",
  "request_payload",
  "response_payload",
  "request_id",
  "phase",
]);
const FIRST = [
  "operation",
  "resource",
  "status",
  "status_code",
  "error_type",
  "error_message",
  "timestamp",
  "duration_us",
];

/** Fields that either half has, those that people look at first on top, then what breaks, then the rest. */
export function rowsOf(
  caller: StoredRecord | undefined,
  callee: StoredRecord | undefined,
  broken: ReadonlySet<string>,
): readonly HalfRow[] {
  const [one, other] = [fieldsOf(caller), fieldsOf(callee)];
  const names = [...new Set([...FIRST, ...Object.keys(one), ...Object.keys(other)])];
  const rows = names
    .filter((field) => field in one || field in other)
    .map((field): HalfRow => ({
      field,
      caller: one[field],
      callee: other[field],
      sameness: sameness(field, one, other, broken),
    }));
  return rows.toSorted((a, b) => rank(a) - rank(b));
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(stored: StoredRecord | undefined): Fields {
  if (stored === undefined) return {};
  const { attributes = {}, ...record } = stored.record;
  return {
    ...record,
    ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`attributes.${name}`, value])),
  };
}

function sameness(field: string, one: Fields, other: Fields, broken: ReadonlySet<string>): HalfRow["sameness"] {
  if (broken.has(field)) return "broken";
  if (!(field in one) || !(field in other) || OWN.has(field)) return "alone";
  return JSON.stringify(one[field]) === JSON.stringify(other[field]) ? "same" : "differs";
}

function rank({ field, sameness: how }: HalfRow): number {
  const place = FIRST.indexOf(field);
  if (place >= 0) return place;
  return how === "broken" ? 20 : how === "differs" ? 21 : field.startsWith("attributes.") ? 23 : 22;
}
