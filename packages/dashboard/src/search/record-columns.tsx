import type { StoredRecord } from "@tallystick/record";
import type { ReactNode } from "react";
import { StatusChip } from "../page/status-chip.tsx";
import { formatDuration, formatMoment } from "../page/format.ts";

export interface RecordColumn {
  readonly title: string;
  /** A CSS grid track. */
  readonly track: string;
  readonly numeric?: boolean;
  readonly cell: (stored: StoredRecord) => ReactNode;
}

/** The columns of the result table; titles are the fields' own names. */
export const RECORD_COLUMNS: readonly RecordColumn[] = [
  { title: "timestamp (UTC)", track: "13.5rem", cell: ({ record }) => formatMoment(record.timestamp) },
  { title: "status", track: "5.5rem", cell: ({ record }) => <StatusChip status={record.status} /> },
  { title: "side", track: "4.5rem", cell: ({ record }) => record.side },
  { title: "service_id", track: "minmax(8rem,1fr)", cell: ({ record }) => record.service_id },
  { title: "target_id", track: "minmax(8rem,1fr)", cell: ({ record }) => record.target_id },
  { title: "operation", track: "minmax(12rem,2fr)", cell: ({ record }) => record.operation },
  {
    title: "duration",
    track: "5.5rem",
    numeric: true,
    cell: ({ record }) => (record.duration_us === undefined ? "" : formatDuration(record.duration_us)),
  },
  { title: "request_id", track: "minmax(9rem,1fr)", cell: ({ record }) => record.request_id },
];

export const GRID_TRACKS = RECORD_COLUMNS.map((column) => column.track).join(" ");
