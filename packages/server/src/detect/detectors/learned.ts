/** What the detectors learned, and what somebody teaches them or revokes, as records of Tallystick's own. */
import { TallystickError } from "../../errors.ts";
import type { IndexReader } from "../../index/index-seam.ts";
import type { OwnFields } from "../../journal/own-records.ts";
import { Params } from "../../search/compile/sql.ts";
import { logPredicate } from "../../search/scope.ts";
import type { Scope } from "../../search/scope.ts";
import { SEARCH_MEMORY_BYTES, SEARCH_TIMEOUT_MS } from "../../search/limits.ts";
import { TAUGHT, TEACH_OPERATION } from "./access-facts.ts";
import type { Detector } from "./detector.ts";
import { FACTS } from "./facts.ts";

export interface LearnedFact {
  readonly kind: string;
  readonly log: string;
  readonly subject: string;
  readonly value: string;
  /** Microseconds since 1970. */
  readonly first_us: number;
  readonly last_us: number;
}

export interface LearnedRequest {
  readonly log?: string | undefined;
  readonly subject?: string | undefined;
  readonly limit: number;
}

/**
 * Newest first, of logs that the scope sees. TallystickError `forbidden`: facts say nothing of classes or parties; and
 * as of the index's reader.
 */
export async function learnedFacts(
  reader: IndexReader,
  scope: Scope,
  { facts }: Detector,
  { log, subject, limit }: LearnedRequest,
  signal?: AbortSignal,
): Promise<readonly LearnedFact[]> {
  if (scope.services !== "*" || scope.dataClasses !== "*")
    throw new TallystickError("forbidden", "What was learned is shown to readers whose scope is whole logs.");
  if (facts.length === 0) return [];
  const params = new Params();
  const only = [
    `(${logPredicate(scope, params)})`,
    `kind IN (${params.add([...facts], "Array(String)")})`,
    ...(log === undefined ? [] : [`log = ${params.text(log)}`]),
    ...(subject === undefined ? [] : [`subject = ${params.text(subject)}`]),
  ];
  const statement = params.statement(
    `SELECT toString(kind) AS kind, toString(log) AS log, subject, value,
  min(first_us) AS first_us, max(last_us) AS last_us
FROM ${FACTS.name} WHERE ${only.join(" AND ")} GROUP BY kind, log, subject, value
ORDER BY first_us DESC, subject, value LIMIT ${params.add(limit, "UInt64")}`,
  );
  const limits = { timeoutMs: SEARCH_TIMEOUT_MS, maxRows: limit, maxMemoryBytes: SEARCH_MEMORY_BYTES };
  return (await reader.select<LearnedFact>(statement, limits, signal)).rows;
}

export interface Taught {
  readonly kind: string;
  readonly log: string;
  readonly subject: string;
  readonly value: string;
  readonly reason: string;
}

/** The record by which a fact is expected; in force once it is searchable. */
export function teachFields(by: string, detector: string, { kind, log, subject, value, reason }: Taught): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: TEACH_OPERATION,
    action: "update",
    resource: `detector/${detector}`,
    auth_subject: by,
    attributes: {
      [TAUGHT.kind]: kind,
      [TAUGHT.log]: log,
      [TAUGHT.subject]: subject,
      [TAUGHT.value]: value,
      "tallystick.reason": reason,
    },
  };
}

/** The record by which a credential is revoked. */
export function revokeFields(by: string, credential: string, reason: string): OwnFields {
  return {
    event_type: "AUTH",
    operation: "revoke credential",
    action: "revoke",
    resource: `credential/${credential}`.slice(0, 256),
    auth_subject: by,
    credential_id: credential,
    attributes: { "tallystick.reason": reason },
  };
}
