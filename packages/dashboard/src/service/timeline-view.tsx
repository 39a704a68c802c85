import { useState } from "react";
import type { Timeline, TimelineEntry } from "../client/search.ts";
import { useApi } from "../client/use-api.ts";
import { formatDuration } from "../page/format.ts";
import { CallLink, ServiceLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { Answer } from "../page/states.tsx";
import { StatusChip } from "../page/status-chip.tsx";
import { useMoments, type Moments } from "../page/zone.ts";
import { DataTable, type DataColumn } from "../table/data-table.tsx";
import type { Period } from "./window.ts";

interface ServiceTimelineProps {
  readonly name: string;
  readonly period: Period;
  readonly enabled: boolean;
}

const FAILED = "status:(error OR timeout OR denied)";

/** What it did and what was done to it, newest first. */
export function ServiceTimeline({ name, period: { from, to }, enabled }: ServiceTimelineProps) {
  const [failedOnly, setFailedOnly] = useState(false);
  const moments = useMoments();
  const found = useApi<Timeline>(
    "/api/timeline",
    { service: name, from, to, limit: 50, ...(failedOnly ? { q: FAILED } : {}) },
    { keep: true, enabled },
  );
  return (
    <Panel
      actions={
        <label className="flex cursor-pointer items-center gap-1.5">
          <input checked={failedOnly} onChange={(event) => setFailedOnly(event.target.checked)} type="checkbox" />
          failures only
        </label>
      }
      flush
      note={`the newest 50, times in ${moments.label}`}
      title="Timeline"
    >
      <Answer of={found}>
        {({ entries }) => (
          <DataTable
            columns={columns(name, moments)}
            empty="Nothing in this period."
            keyOf={({ tree, leaf_index: index }) => `${tree}/${index}`}
            label="Timeline"
            rows={entries}
          />
        )}
      </Answer>
    </Panel>
  );
}

function columns(name: string, { clock }: Moments): readonly DataColumn<TimelineEntry>[] {
  return [
    {
      title: "time",
      className: "whitespace-nowrap tabular-nums",
      cell: ({ record, call_id: id }) => <CallLink id={id}>{clock(record.timestamp)}</CallLink>,
    },
    { title: "status", cell: ({ record }) => <StatusChip status={record.status} /> },
    {
      title: "what",
      cell: ({ direction, record }) => {
        const other = record.service_id === name ? record.target_id : record.service_id;
        return (
          <>
            {direction === "did" ? "called " : "was called by "}
            {other === undefined || other === "" ? "nobody named" : <ServiceLink name={other} />}
          </>
        );
      },
    },
    { title: "operation", className: "font-mono text-xs", cell: ({ record }) => record.operation },
    {
      title: "duration",
      numeric: true,
      cell: ({ record }) => (record.duration_us === undefined ? "–" : formatDuration(record.duration_us)),
    },
    {
      title: "error",
      className: "max-w-80 truncate",
      cell: ({ record }) => [record.error_type, record.error_message].filter(Boolean).join(": "),
    },
  ];
}
