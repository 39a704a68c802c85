import type { StoredRecord } from "@tallystick/record";
import { Fragment, useState, type ReactNode } from "react";
import type { Call } from "../client/call.ts";
import { formatDuration } from "../page/format.ts";
import { CredentialLink } from "../page/links.tsx";
import { Panel } from "../page/panel.tsx";
import { useMoments, type Moments } from "../page/zone.ts";
import { rowsOf, type HalfRow } from "./half-rows.ts";

/** Both halves, field beside field. What both tell and tell differently is marked; a break is marked stronger. */
export function Halves({ call }: { readonly call: Call }) {
  const [differing, setDiffering] = useState(false);
  const moments = useMoments();
  const caller = call.halves.caller[0];
  const callee = call.halves.callee[0];
  const rows = rowsOf(caller, callee, new Set(call.breaks.map(({ field }) => field)));
  const shown = differing ? rows.filter(({ sameness }) => sameness !== "same" && sameness !== "alone") : rows;
  return (
    <Panel
      actions={
        <label className="flex cursor-pointer items-center gap-1.5">
          <input checked={differing} onChange={(event) => setDiffering(event.target.checked)} type="checkbox" />
          differences only
        </label>
      }
      flush
      title="Both halves"
    >
      <div aria-label="Both halves, scrollable" className="relative overflow-x-auto" role="region" tabIndex={0}>
        <table className="w-full table-fixed sm:min-w-[34rem] border-collapse text-left">
          <thead>
            <tr className="text-xs text-quiet">
              <th className="w-24 px-2 py-1.5 font-normal sm:w-44 sm:px-4" scope="col">
                field
              </th>
              <Who half={caller} side="caller" />
              <Who half={callee} side="callee" />
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr className={`border-t border-line ${LOOKS[row.sameness]}`} data-row="" key={row.field} tabIndex={-1}>
                <th
                  className="px-2 py-1 align-top font-mono text-xs font-normal text-quiet [overflow-wrap:anywhere] sm:px-4"
                  scope="row"
                >
                  {breakable(row.field)}
                  {row.sameness === "broken" && <span className="sr-only"> (break)</span>}
                  {row.sameness === "differs" && <span className="sr-only"> (differs)</span>}
                </th>
                <Cell moments={moments} row={row} value={row.caller} />
                <Cell moments={moments} row={row} value={row.callee} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length === 0 && <p className="p-4 text-quiet">They do not differ in anything that both tell.</p>}
    </Panel>
  );
}

/** A name that breaks between its words, where it must. */
function breakable(field: string): ReactNode {
  return field.split("_").map((word, at) => (
    <Fragment key={at}>
      {at > 0 && (
        <>
          _<wbr />
        </>
      )}
      {word}
    </Fragment>
  ));
}

const LOOKS: Readonly<Record<HalfRow["sameness"], string>> = {
  same: "",
  alone: "",
  differs: "bg-warn-ground",
  broken: "bg-bad-ground",
};

function Who({ side, half }: { readonly side: string; readonly half: StoredRecord | undefined }) {
  return (
    <th className="px-2 py-1.5 font-normal sm:px-4" scope="col">
      <span className="font-semibold text-ink">{side}</span>{" "}
      {half === undefined ? (
        <span className="text-bad">recorded nothing</span>
      ) : (
        `as ${half.record.recorder_id} recorded it`
      )}
    </th>
  );
}

interface CellProps {
  readonly row: HalfRow;
  readonly value: unknown;
  readonly moments: Moments;
}

function Cell({ row, value, moments }: CellProps) {
  return (
    <td className="px-2 py-1 align-top font-mono text-xs [overflow-wrap:anywhere] sm:px-4">
      {value === undefined ? <span className="text-quiet">–</span> : shown(row.field, value, moments)}
    </td>
  );
}

function shown(field: string, value: unknown, { moment, label }: Moments) {
  if (field === "credential_id" && typeof value === "string")
    return <CredentialLink id={value}>{value}</CredentialLink>;
  if (field.endsWith("_us") && typeof value === "number") return `${formatDuration(value)} (${value} µs)`;
  if (field === "timestamp" && typeof value === "string") return `${moment(value)} ${label}`;
  return typeof value === "string" ? value : Array.isArray(value) ? value.join(", ") : JSON.stringify(value);
}
