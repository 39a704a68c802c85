/**
 * Who read or changed data of one class, of one category, or about one person: accesses in order, and each credential
 * with what it did. An access is a record whose data is such, as its producer or a rule said; a call that both sides
 * recorded counts once. Whoever opened a sealed body of such a record here read it too.
 */
import { DATA_CATEGORIES, DATA_CLASSES } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { Statement } from "../index/index-seam.ts";
import { allOf, Params } from "./compile/sql.ts";
import { OWN_PRINCIPAL } from "../journal/own-records.ts";
import { filterPredicate, periodPredicate } from "./filter.ts";
import type { RecordFilter } from "./filter.ts";
import {
  DEFAULT_PAGE_RECORDS,
  MAX_PAGE_RECORDS,
  MAX_REPORT_LINES,
  SEARCH_MEMORY_BYTES,
  SEARCH_TIMEOUT_MS,
} from "./limits.ts";
import { readPage } from "./page.ts";
import { checkedCount } from "./question.ts";
import { planRun } from "./run.ts";
import type { RunRequest } from "./run.ts";
import { logPredicate } from "./scope.ts";
import type { Scope } from "./scope.ts";
import { isIncomplete } from "./sources.ts";
import type { SearchSources } from "./sources.ts";
import { isMissing } from "./tree-sizes.ts";

/** At least one of the first three. */
export interface AccessReportRequest extends Pick<RunRequest, "from" | "to" | "cursor"> {
  readonly data_class?: string | null;
  readonly data_category?: string | null;
  readonly subject_ref?: string | null;
  readonly limit?: number | null;
}

export type AccessKind = "read" | "changed" | "other";

export interface AccessEntry {
  readonly timestamp: string;
  readonly kind: AccessKind;
  readonly service_id: string;
  readonly credential_id: string;
  readonly auth_subject: string;
  readonly target_id: string;
  readonly operation: string;
  readonly resource: string;
  readonly status: string;
  readonly tree: string;
  readonly leaf_index: number;
}

/** One credential of one service, and one kind of access. */
export interface AccessLine {
  readonly kind: AccessKind;
  readonly service_id: string;
  readonly credential_id: string;
  readonly auth_subject: string;
  readonly calls: number;
  readonly denied: number;
  readonly first: string;
  readonly last: string;
}

/** Somebody opened sealed bodies of such records here. */
export interface BodyOpening {
  readonly timestamp: string;
  readonly auth_subject: string;
  readonly client_address: string;
  readonly reason: string;
  /** `tree:index/part` */
  readonly payloads: readonly string[];
}

export interface AccessReport {
  /** Over the whole of the time; only with the first page, most recent first. */
  readonly lines: readonly AccessLine[];
  /** There are more lines than were given. */
  readonly more_lines: boolean;
  /** Over the whole of the time; only with the first page, newest first. */
  readonly opened: readonly BodyOpening[];
  readonly more_opened: boolean;
  /** Newest first. */
  readonly entries: readonly AccessEntry[];
  readonly next: string | null;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
}

export async function reportAccess(
  sources: SearchSources,
  scope: Scope,
  request: AccessReportRequest,
  signal?: AbortSignal,
): Promise<AccessReport> {
  const { reader, clock, follower } = sources;
  const { from, to, cursor } = request;
  const run = planRun(sources, scope, {
    q: queryOf(request),
    from: from ?? null,
    to: to ?? null,
    cursor: cursor ?? null,
  });
  const limit = checkedCount(request.limit, DEFAULT_PAGE_RECORDS, MAX_PAGE_RECORDS, "limit");
  const page = await readPage(reader, clock, { ...run, limit, firstWidthUs: null }, signal);
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: MAX_REPORT_LINES, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  const counted = cursor ? null : await reader.select<AccessLine>(linesStatement(run.filter), limits, signal);
  const opened = cursor ? null : await reader.select<BodyOpening>(openedStatement(run.filter), limits, signal);
  return {
    lines: counted?.rows ?? [],
    more_lines: counted?.partial ?? false,
    opened: opened?.rows ?? [],
    more_opened: opened?.partial ?? false,
    entries: page.records.map(({ tree, leaf_index, record }) => ({
      timestamp: record.timestamp,
      kind: kindOf(record.action, record.operation),
      service_id: record.service_id,
      credential_id: record.credential_id ?? "",
      auth_subject: record.auth_subject ?? "",
      target_id: record.target_id,
      operation: record.operation,
      resource: record.resource ?? "",
      status: record.status,
      tree,
      leaf_index,
    })),
    next: page.next === null ? null : run.cursorAt(page.next),
    elapsed_ms: page.elapsedMs + (counted?.elapsedMs ?? 0) + (opened?.elapsedMs ?? 0),
    scanned_rows: page.scannedRows + (counted?.scannedRows ?? 0) + (opened?.scannedRows ?? 0),
    partial: page.partial || isIncomplete(sources) || isMissing(run.sizes, follower.positions()),
  };
}

function queryOf({
  data_class: dataClass,
  data_category: category,
  subject_ref: subject,
}: AccessReportRequest): string {
  const terms = [
    ...term("data_class", checkedName("data_class", dataClass, DATA_CLASSES)),
    ...term("data_categories", checkedName("data_category", category, DATA_CATEGORIES)),
    ...term("subject_refs", subject),
  ];
  if (terms.length > 0) return terms.join(" AND ");
  throw new TallystickError("bad_request", "The report is about nothing.", {
    hint: "Give data_class, data_category or subject_ref.",
  });
}

function checkedName(parameter: string, value: string | null | undefined, values: readonly string[]) {
  if (value === null || value === undefined || value === "" || values.includes(value)) return value;
  throw new TallystickError("bad_request", `${parameter} is none of ${values.join(", ")}.`, { at: { parameter } });
}

function term(field: string, value: string | null | undefined): readonly string[] {
  if (value === null || value === undefined || value === "") return [];
  return [`${field}:"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`];
}

const READ_ACTIONS = ["read", "consume"];
const CHANGE_ACTIONS = ["create", "update", "delete", "publish", "revoke"];
const READ_OPERATION = /^(?:GET|HEAD|SELECT|FIND|READ|CONSUME|RECEIVE)\b/i;
const CHANGE_OPERATION = /^(?:POST|PUT|PATCH|DELETE|INSERT|UPDATE|UPSERT|MERGE|WRITE|PUBLISH|SEND|CREATE)\b/i;

/** By the record's action; where it has none, by the verb that its operation begins with. */
function kindOf(action: string | undefined, operation: string): AccessKind {
  if (action !== undefined && action !== "execute") {
    if (READ_ACTIONS.includes(action)) return "read";
    return CHANGE_ACTIONS.includes(action) ? "changed" : "other";
  }
  if (READ_OPERATION.test(operation)) return "read";
  return CHANGE_OPERATION.test(operation) ? "changed" : "other";
}

/** The same decision as `kindOf`, in SQL. */
function kindSql(params: Params): string {
  const reads = params.add(READ_ACTIONS, "Array(String)");
  const changes = params.add(CHANGE_ACTIONS, "Array(String)");
  const readWords = params.text(`(?i)${READ_OPERATION.source}`);
  const changeWords = params.text(`(?i)${CHANGE_OPERATION.source}`);
  return (
    `multiIf(action IN ${reads}, 'read', action IN ${changes}, 'changed', action NOT IN ('', 'execute'), 'other', ` +
    `match(operation, ${readWords}), 'read', match(operation, ${changeWords}), 'changed', 'other')`
  );
}

function linesStatement(filter: RecordFilter): Statement {
  const params = new Params();
  const { counting } = filterPredicate(filter, params);
  const kind = kindSql(params);
  return params.statement(
    `SELECT ${kind} AS kind, service_id, credential_id, auth_subject, uniqExact(call_key) AS calls, ` +
      `uniqExactIf(call_key, status = 'denied') AS denied, ${shownTime("min(timestamp)")} AS first, ` +
      `${shownTime("max(timestamp)")} AS last FROM records ${counting} ` +
      `GROUP BY kind, service_id, credential_id, auth_subject ORDER BY max(timestamp) DESC, calls DESC, service_id`,
  );
}

const shownTime = (sql: string): string => `formatDateTime(${sql}, '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC')`;

/** Openings within the same time, of bodies of records that match whenever these were made. */
function openedStatement(filter: RecordFilter): Statement {
  const params = new Params();
  const { predicate } = filterPredicate({ ...filter, fromUs: null, toUs: null }, params);
  const openings = allOf([
    logPredicate(filter.scope, params),
    `event_type = 'ACCESS' AND mapContains(attributes, 'access.payloads')`,
    `observed_principal = ${params.text(OWN_PRINCIPAL)}`,
    periodPredicate(filter.axis, filter.fromUs, filter.toUs, params),
  ]);
  // A place is `tree:index/part`; a tree's name has a slash of its own.
  const body =
    `SELECT timestamp AS at, auth_subject, client_address, attributes['access.reason'] AS reason, ` +
    `arrayJoin(splitByChar(' ', attributes['access.payloads'])) AS payload FROM records WHERE ${openings}`;
  return params.statement(
    `SELECT ${shownTime("at")} AS timestamp, auth_subject, client_address, reason, groupArray(payload) AS payloads ` +
      `FROM (${body}) WHERE replaceRegexpOne(payload, '/[a-z]+$', '') IN ` +
      `(SELECT concat(tree, ':', toString(leaf_index)) FROM records WHERE ${predicate}) ` +
      `GROUP BY at, auth_subject, client_address, reason ORDER BY at DESC`,
  );
}
