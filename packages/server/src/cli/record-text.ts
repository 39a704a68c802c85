import type { StoredRecord } from "@tallystick/record";

import type { TimelineEntry } from "../search/timeline.ts";
import { table } from "./table.ts";
import type { Column } from "./table.ts";
import { printable } from "./terminal.ts";
import type { Style, Terminal } from "./terminal.ts";
import { timeText } from "./time-text.ts";

const COLUMNS: readonly Column[] = [
  { title: "timestamp" },
  { title: "call" },
  { title: "operation", shrinks: true },
  { title: "status" },
  { title: "duration", right: true },
  { title: "request_id", shrinks: true },
  { title: "leaf" },
];

/** Records as a table for people. */
export function recordTable(terminal: Terminal, records: readonly StoredRecord[], local: boolean): readonly string[] {
  return table(
    COLUMNS,
    records.map((stored) => cells(terminal, stored, local)),
    terminal.width,
  );
}

/** The same with the way that each goes. */
export function timelineTable(
  terminal: Terminal,
  entries: readonly TimelineEntry[],
  local: boolean,
): readonly string[] {
  return table(
    [{ title: "direction" }, ...COLUMNS],
    entries.map((entry) => [DIRECTIONS[entry.direction], ...cells(terminal, entry, local)]),
    terminal.width,
  );
}

const DIRECTIONS: Readonly<Record<TimelineEntry["direction"], string>> = {
  did: "did",
  done_to: "done to",
  both: "both",
};

/** One record as a line, for a tail. */
export function recordLine(terminal: Terminal, stored: StoredRecord, local: boolean): string {
  return cells(terminal, stored, local)
    .filter((cell) => cell !== "")
    .join("  ");
}

function cells(
  terminal: Terminal,
  { tree, leaf_index: index, record }: StoredRecord,
  local: boolean,
): readonly string[] {
  return [
    timeText(record.timestamp, local),
    printable(`${record.service_id} → ${record.target_id}`),
    printable(record.operation),
    terminal.paint(
      STATUS_STYLES[record.status] ?? "dim",
      printable(record.status + (record.status_code === undefined ? "" : ` ${record.status_code}`)),
    ),
    record.duration_us === undefined ? "" : durationText(record.duration_us),
    printable(record.request_id),
    `${tree}/${index}`,
  ];
}

const STATUS_STYLES: Readonly<Record<string, Style>> = {
  success: "green",
  error: "red",
  denied: "yellow",
  timeout: "red",
};

export function durationText(us: number): string {
  if (us < 1_000) return `${us} µs`;
  return us < 1_000_000 ? `${(us / 1_000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(2)} s`;
}
