/** Events of any product as a table of the engine: one column for each field that the rules ask for. */
import { ByteSink } from "../../index/byte-sink.ts";
import { findField, textsWithin } from "./event-fields.ts";
import { listField } from "./field-sql.ts";
import type { EventSql } from "./field-sql.ts";

export interface EventsTable {
  readonly name: string;
  /** What stands between the parentheses of CREATE TABLE. */
  readonly columns: string;
  readonly names: string;
  readonly sql: EventSql;
  /** ClickHouse's Native format; `timesUs` of each event, for correlations. */
  encode(events: readonly unknown[], timesUs: readonly number[]): Uint8Array;
}

export function eventsTable(name: string, fields: readonly string[], withText: boolean): EventsTable {
  const places = new Map(fields.map((field, at) => [field, at]));
  const columns: (readonly [string, string])[] = [
    ["position", "UInt64"],
    ["time_us", "Int64"],
    ...(withText ? [["texts", "Array(String)"] as const] : []),
    ...fields.flatMap((_, at) => [[`v${at}`, "Array(String)"] as const, [`e${at}`, "UInt8"] as const]),
  ];
  return {
    name,
    columns: columns.map(([column, type]) => `${column} ${type}`).join(", "),
    names: columns.map(([column]) => column).join(", "),
    sql: {
      history: () => ({ from: name, where: "1" }),
      isNew: "1",
      position: "position",
      shortPosition: { ofEvent: "position", ofAt: "at" },
      timeUs: "time_us",
      field(field) {
        const at = places.get(field);
        if (at === undefined) throw new Error(`the table of events has no ${field}`);
        return listField(`v${at}`, `e${at} = 1`);
      },
      anywhere: (holds) => `arrayExists(v -> ${holds("v")}, texts)`,
    },
    encode: (events, timesUs) => encode({ columns, fields, withText }, events, timesUs),
  };
}

interface Layout {
  readonly columns: readonly (readonly [string, string])[];
  readonly fields: readonly string[];
  readonly withText: boolean;
}

function encode(layout: Layout, events: readonly unknown[], timesUs: readonly number[]): Uint8Array {
  const sink = new ByteSink(1 << 16);
  sink.varuint(layout.columns.length);
  sink.varuint(events.length);
  let next = 0;
  const begin = (): void => {
    const [name, type] = layout.columns[next++]!;
    sink.text(name);
    sink.text(type);
  };
  begin();
  events.forEach((_, position) => sink.uint64(position));
  begin();
  for (const us of timesUs) sink.raw(int64(us));
  if (layout.withText) {
    begin();
    lists(
      sink,
      events.map((event) => textsWithin(event)),
    );
  }
  for (const field of layout.fields) {
    const found = events.map((event) => findField(event, field));
    begin();
    lists(
      sink,
      found.map(({ values }) => values),
    );
    begin();
    sink.raw(Uint8Array.from(found, ({ exists }) => (exists ? 1 : 0)));
  }
  return sink.bytes.subarray(0, sink.length);
}

function int64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

/** Cumulative offsets, then the texts. */
function lists(sink: ByteSink, values: readonly (readonly string[])[]): void {
  let end = 0;
  for (const list of values) sink.uint64((end += list.length));
  for (const list of values) for (const text of list) sink.text(text);
}
