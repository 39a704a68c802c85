/**
 * What one system, key or person did and what was done to it, in order: a run of pages over the records that name it,
 * each with the direction in which it does.
 */
import type { AuditRecord, StoredRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import { parseQuery } from "./language/parser.ts";
import type { QueryNote } from "./language/syntax.ts";
import { wordsOf } from "./compile/words.ts";
import type { RunRequest } from "./run.ts";

export const SUBJECT_KINDS = ["service", "credential", "subject_ref"] as const;
export type SubjectKind = (typeof SUBJECT_KINDS)[number];

/** Exactly one of the three kinds; `q` narrows further. */
export interface TimelineRequest extends RunRequest, Readonly<Partial<Record<SubjectKind, string | null>>> {
  readonly limit?: number | null;
}

export type Direction = "did" | "done_to" | "both";

export interface TimelineEntry extends StoredRecord {
  readonly direction: Direction;
}

export interface TimelineAnswer {
  readonly entries: readonly TimelineEntry[];
  readonly next: string | null;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial: boolean;
  readonly notes: readonly QueryNote[];
}

export interface Subject {
  readonly kind: SubjectKind;
  readonly name: string;
}

/** TallystickError `bad_request` unless exactly one kind is named. */
export function subjectOf(request: TimelineRequest): Subject {
  const named = SUBJECT_KINDS.flatMap((kind) => {
    const name = request[kind] ?? "";
    return name === "" ? [] : [{ kind, name }];
  });
  const [subject] = named;
  if (subject !== undefined && named.length === 1) return subject;
  throw new TallystickError("bad_request", `${named.length} of ${SUBJECT_KINDS.join(", ")} are given.`, {
    hint: "Give exactly one: whose timeline it is.",
  });
}

/** The run over all records that name the subject. */
export function timelineRun(request: TimelineRequest, subject: Subject): RunRequest {
  const { q, limit: _limit, service: _service, credential: _credential, subject_ref: _subject, ...rest } = request;
  const naming = FIELDS_NAMING[subject.kind]
    .map((field) =>
      field === "resource" && wordsOf(subject.name).length === 0 ? "" : `${field}:${quoted(subject.name)}`,
    )
    .filter((term) => term !== "")
    .join(" OR ");
  const narrowed = (q ?? "").trim() === "" ? naming : `(${naming}) AND (${checkedQuery(q ?? "")})`;
  return { q: narrowed, ...rest };
}

export function directionOf({ kind, name }: Subject, { record }: StoredRecord): Direction {
  const [did, doneTo] = DIRECTIONS[kind](record, name);
  return did && doneTo ? "both" : did ? "did" : "done_to";
}

/** A key is acted on where it is the object: made, renewed, revoked. */
const FIELDS_NAMING: Readonly<Record<SubjectKind, readonly string[]>> = {
  service: ["service_id", "target_id"],
  credential: ["credential_id", "auth_token_id", "auth_key_thumbprint", "resource"],
  subject_ref: ["subject_refs", "auth_subject"],
};

const DIRECTIONS: Readonly<{
  [Kind in SubjectKind]: (record: AuditRecord, name: string) => readonly [boolean, boolean];
}> = {
  service: (record, name) => [record.service_id === name, record.target_id === name],
  credential: (record, name) => {
    const used = [record.credential_id, record.auth_token_id, record.auth_key_thumbprint].includes(name);
    return [used, namesWords(record.resource ?? "", name)];
  },
  subject_ref: (record, name) => [record.auth_subject === name, record.subject_refs?.includes(name) === true],
};

/** As the query `resource:"name"` finds it. */
function namesWords(text: string, name: string): boolean {
  const words = wordsOf(name).join(" ");
  return words !== "" && text.split("\n").some((line) => ` ${wordsOf(line).join(" ")} `.includes(` ${words} `));
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** On its own first, so that a fault names its own column and a stray parenthesis ends in it. */
function checkedQuery(q: string): string {
  parseQuery(q);
  return q;
}
