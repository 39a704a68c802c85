import type { Statement } from "../index/index-seam.ts";
import { STORED_COLUMNS } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { Params } from "./compile/sql.ts";
import { instant } from "./compile/times.ts";
import type { PageKey } from "./cursor.ts";
import { axisColumn, filterPredicate } from "./filter.ts";
import type { RecordFilter } from "./filter.ts";
import type { PageOrder, Window } from "./windows.ts";

/** Where a record lies, and its time on the page's axis. */
export interface PlacedRow {
  readonly tree: string;
  readonly leaf_index: number;
  readonly order_us: number;
}

/** With what the primary key needs to find it again. */
export interface KeyRow extends PlacedRow {
  readonly timestamp_us: number;
  readonly service_id: string;
}

/** With the record itself. */
export interface RecordRow extends PlacedRow, StoredRow {}

export interface PageQuestion {
  readonly filter: RecordFilter;
  /** Lies in the filter's period, and ends at the time of `after`. */
  readonly window: Window;
  readonly after: PageKey | null;
  readonly order: PageOrder;
  readonly wanted: number;
}

/** Gives `KeyRow`s: few columns of the records that match. */
export function keyStatement(question: PageQuestion): Statement {
  return pageStatement(question, "toUnixTimestamp64Micro(timestamp) AS timestamp_us, service_id");
}

/** Gives `RecordRow`s: for questions that few records match, which are then read on the way. */
export function recordStatement(question: PageQuestion): Statement {
  return pageStatement(question, STORED_COLUMNS);
}

function pageStatement({ filter, window, after, order, wanted }: PageQuestion, columns: string): Statement {
  const params = new Params();
  const column = axisColumn(filter.axis);
  const { listing } = filterPredicate({ ...filter, fromUs: window.fromUs, toUs: window.toUs }, params);
  const rest = after === null ? "" : ` AND (${afterPredicate(column, after, order, params)})`;
  const way = order === "newest" ? "DESC" : "ASC";
  return params.statement(
    `SELECT tree, leaf_index, toUnixTimestamp64Micro(${column}) AS order_us, ${columns} ` +
      `FROM records ${listing}${rest} ` +
      `ORDER BY ${column} ${way}, tree ${way}, leaf_index ${way} LIMIT ${params.add(wanted, "UInt64")}`,
  );
}

/** Strictly after the key in the page's order. */
function afterPredicate(column: string, after: PageKey, order: PageOrder, params: Params): string {
  const than = order === "newest" ? "<" : ">";
  const at = instant(after.us, params);
  const tree = params.text(after.tree);
  const index = params.add(after.leafIndex, "Int64");
  const place = `tree ${than} ${tree} OR (tree = ${tree} AND leaf_index ${than} ${index})`;
  return `${column} ${than} ${at} OR (${column} = ${at} AND (${place}))`;
}
