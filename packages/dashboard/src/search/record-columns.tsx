import type { StoredRecord } from "@tallystick/record";
import type { ReactNode } from "react";
import { StatusChip } from "../page/status-chip.tsx";
import { formatDuration } from "../page/format.ts";
import type { Moments } from "../page/zone.ts";

export interface RecordColumn {
  /** The field's own name. */
  readonly field: string;
  readonly title: string;
  /** A CSS grid track, and the least width of it in pixels. */
  readonly track: string;
  readonly leastPx: number;
  readonly numeric: boolean;
  /** What stands in it is always about as long. */
  readonly isShort: boolean;
  readonly cell: (stored: StoredRecord) => ReactNode;
}

const WIDE = new Set(["operation", "resource", "error_message", "call_id", "trace_id", "credential_id"]);
const NARROW = new Set(["status", "side", "status_code", "protocol", "attempt", "phase", "environment", "region"]);
const TIMES = new Set(["timestamp", "received_at", "auth_expires_at"]);

/** The column of any field. `isOneDay`: all records are of one day, which need not stand in every row. */
export function recordColumn(field: string, moments: Moments, isOneDay: boolean): RecordColumn {
  const named = { field, title: field, numeric: false, isShort: true };
  if (TIMES.has(field))
    return {
      ...named,
      title: `${field} (${moments.label})`,
      track: isOneDay ? "8.5rem" : "13.5rem",
      leastPx: isOneDay ? 136 : 216,
      cell: (stored) => (isOneDay ? moments.timeOfDay : moments.moment)(text(valueOf(stored, field))),
    };
  if (field === "status")
    return { ...named, track: "5.5rem", leastPx: 88, cell: ({ record }) => <StatusChip status={record.status} /> };
  if (field.endsWith("_us"))
    return {
      ...named,
      title: field.replace(/_us$/, ""),
      numeric: true,
      track: "5rem",
      leastPx: 80,
      cell: (stored) => {
        const value = valueOf(stored, field);
        return typeof value === "number" ? formatDuration(value) : "";
      },
    };
  const least = WIDE.has(field) ? 160 : NARROW.has(field) ? 72 : 104;
  const track = NARROW.has(field) ? "4.5rem" : `minmax(${least / 16}rem, ${WIDE.has(field) ? 2 : 1}fr)`;
  return {
    ...named,
    isShort: NARROW.has(field),
    track,
    leastPx: least,
    cell: (stored) => text(valueOf(stored, field)),
  };
}

function valueOf(stored: StoredRecord, field: string): unknown {
  const { record, observed, ...place } = stored;
  for (const source of [record, observed, place] as readonly object[])
    if (Object.hasOwn(source, field)) return (source as Readonly<Record<string, unknown>>)[field];
  return record.attributes?.[field.replace(/^attributes\./, "")];
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : JSON.stringify(value);
}
