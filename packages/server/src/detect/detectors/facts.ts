/**
 * Facts: what was seen at all, as (kind, log, subject, value). The table remembers when each was seen first and last;
 * every column is a minimum or a maximum, so that taking a range in twice changes nothing. How far a tree was taken in
 * is a row of the same table, written with the facts of the range.
 */
import type { DerivedTable } from "../../index/derived-tables.ts";
import type { Statement } from "../../index/index-seam.ts";
import { Params } from "../../search/compile/sql.ts";
import { LAST_SEEN_PARTS, LAST_SEEN_US } from "./detector-limits.ts";
import { PLACE_TYPE, RANGE_TABLE } from "./range-table.ts";

/** What is told of single tokens, of which there may be many, lies apart by the week. */
export const TOKEN_WEEK_US = 604_800_000_000;

export const FACTS: DerivedTable = {
  name: "detector_facts",
  columns: `kind LowCardinality(String), log LowCardinality(String), subject String, value String,
    first_us SimpleAggregateFunction(min, Int64), last_us SimpleAggregateFunction(max, Int64),
    through SimpleAggregateFunction(max, Int64)`,
  engine: `AggregatingMergeTree PARTITION BY if(startsWith(kind, 'token_'), intDiv(first_us, ${TOKEN_WEEK_US}), 0)
    ORDER BY (kind, log, subject, value)`,
  settings: { index_granularity: "1024" },
};

/** What is told of single tokens: of their key, their users and where they come from. */
export const IS_OF_TOKEN = /^token_/;

/** Facts of the range under way. */
export const RANGE_FACTS: DerivedTable = {
  name: "detector_range_facts",
  columns: `kind LowCardinality(String), log LowCardinality(String), subject String, value String, first_us Int64,
    last_us Int64, records UInt64, place ${PLACE_TYPE}`,
  engine: "Memory",
};

export const RANGE_FACT_COLUMNS = "kind, log, subject, value, first_us, last_us, records, place";

export const POSITION = "position";

const IS_NAMED = "(NOT startsWith(caller, 'address:') AND caller NOT IN ('', 'unknown', 'none'))";
/** Callers that are only an address are one caller a network. */
const CALLER = `if(${IS_NAMED}, caller, if(empty(peer_network), '', concat('network ', peer_network)))`;
export const NAMED_CALLER = `if(${IS_NAMED}, caller, '')`;
const CALLEE = "if(callee IN ('', 'none', 'unknown'), '', toString(callee))";
/** Who says that a credential is revoked does not use it. */
const WHO = "if(side != 'observer' AND NOT (event_type = 'AUTH' AND action = 'revoke'), credential_id, '')";
const SEEN_FROM = "if(side = 'callee', peer_network, '')";

interface Told {
  readonly kind: string;
  readonly subjects: readonly string[];
  readonly value: string;
  /** A list, each of whose elements is a value by itself. */
  readonly isEach?: true;
}

/** What a row of the range tells; an empty subject or value makes it nothing. */
const TOLD: readonly Told[] = [
  { kind: "log", subjects: ["'since'"], value: "toString(log)" },
  { kind: "service", subjects: [CALLEE, NAMED_CALLER], value: "'service'" },
  { kind: "edge", subjects: [CALLER], value: CALLEE },
  { kind: "operation", subjects: [CALLEE], value: "if(sensitive AND NOT denied, toString(operation), '')" },
  {
    kind: "sensitive",
    subjects: [`if(empty(${CALLEE}), '', concat(${CALLEE}, ' ', operation))`],
    value: `if(sensitive AND NOT denied, ${CALLER}, '')`,
  },
  { kind: "credential_caller", subjects: [WHO], value: NAMED_CALLER },
  { kind: "credential_network", subjects: [WHO], value: SEEN_FROM },
  {
    kind: "principal_network",
    subjects: ["if(standing = 'authenticated', toString(principal), '')"],
    value: "source_network",
  },
  { kind: "token_key", subjects: ["token"], value: "thumbprint" },
  { kind: "token_caller", subjects: ["token"], value: NAMED_CALLER },
  { kind: "token_network", subjects: ["token"], value: SEEN_FROM },
  { kind: "credential", subjects: [WHO], value: "'used'" },
  { kind: "scope", subjects: [NAMED_CALLER], value: "scopes", isEach: true },
];

/** Of the table's rows: `groups`. */
export const RANGE_GROUPS: Statement = { sql: `SELECT count() AS groups FROM ${RANGE_TABLE.name}`, params: {} };

/** `isMuch`: the range has many groups. The same facts either way. */
export function fillRangeFacts(isMuch: boolean): Statement {
  const facts = isMuch ? TOLD.map(kindByItself).join("\nUNION ALL\n") : ALL_KINDS;
  return { sql: `INSERT INTO ${RANGE_FACTS.name} (${RANGE_FACT_COLUMNS})\n${facts}`, params: {} };
}

/** Records of one batch were received at one time: of those the first leaf is the first. */
export const FIRST_PLACE = "argMin(r.place, tuple(r.first_us, r.place.leaf_index))";
const MEASURED = `min(r.first_us) AS first_us, max(r.last_us) AS last_us, sum(r.records) AS records,
  ${FIRST_PLACE} AS place`;

/** What most records say again is one group of few columns, and no list of all that each says. */
function kindByItself({ kind, subjects, value, isEach }: Told): string {
  const subject = subjects.length === 1 ? subjects[0] : `arrayJoin([${subjects.join(", ")}])`;
  return `SELECT '${kind}' AS kind, log, ${subject} AS subject, ${isEach ? `arrayJoin(${value})` : value} AS value, ${MEASURED}
FROM ${RANGE_TABLE.name} AS r GROUP BY log, subject, value HAVING notEmpty(subject) AND notEmpty(value)`;
}

const tuples = ({ kind, subjects, value }: Told): readonly string[] =>
  subjects.map((subject) => `('${kind}', ${subject}, ${value})`);
const ONE_VALUE = TOLD.filter(({ isEach }) => !isEach)
  .flatMap(tuples)
  .join(", ");
const EACH_VALUE = TOLD.filter(({ isEach }) => isEach)
  .flatMap((told) => tuples({ ...told, value: "v" }).map((tuple) => `arrayMap(v -> ${tuple}, ${told.value})`))
  .join(", ");

/** Of few groups: for the engine to make sense of a statement for each kind would cost more than that list. */
const ALL_KINDS = `SELECT fact.1 AS kind, log, fact.2 AS subject, fact.3 AS value, ${MEASURED}
FROM (
  SELECT log, first_us, last_us, records, place, arrayJoin(arrayFilter(one -> notEmpty(one.2) AND notEmpty(one.3),
    arrayConcat([${ONE_VALUE}], ${EACH_VALUE}))) AS fact
  FROM ${RANGE_TABLE.name}
) AS r GROUP BY kind, log, subject, value`;

/** Rows of the table that concern subjects of the range. */
const KNOWN = `SELECT kind, log, subject, value, min(first_us) AS known_first, max(last_us) AS known_last
  FROM ${FACTS.name} WHERE (kind, log, subject) IN (SELECT kind, log, subject FROM ${RANGE_FACTS.name})
  GROUP BY kind, log, subject, value`;

export interface FreshFact {
  readonly kind: string;
  readonly log: string;
  readonly subject: string;
  readonly value: string;
  readonly first_us: number;
  readonly records: number;
  /** Tree, leaf index, call id of the first record. */
  readonly place: { readonly tree: string; readonly leaf_index: number; readonly call_id: string };
  /** When it was seen last before; 0: never. */
  readonly known_last: number;
}

/** What was never seen before, and credentials that were not for so long; first come first. */
export function freshFacts(dormantUs: number, limit: number): Statement {
  const params = new Params();
  const dormant = params.add(dormantUs, "Int64");
  return params.statement(
    `SELECT f.kind AS kind, f.log AS log, f.subject AS subject, f.value AS value, f.first_us AS first_us,
  f.records AS records, f.place AS place, k.known_last AS known_last
FROM ${RANGE_FACTS.name} AS f LEFT JOIN (${KNOWN}) AS k USING (kind, log, subject, value)
WHERE k.known_first = 0 OR (f.kind = 'credential' AND f.first_us - k.known_last > ${dormant})
ORDER BY f.first_us, f.place.leaf_index, f.kind, f.subject, f.value LIMIT ${params.add(limit, "UInt64")}`,
  );
}

export interface KnownValues {
  readonly kind: string;
  readonly log: string;
  readonly subject: string;
  readonly values: readonly string[];
  readonly count: number;
  /** Since when anything is known of it. */
  readonly since_us: number;
}

export type Subject = Pick<FreshFact, "kind" | "log" | "subject">;

/** What is known of subjects beside what is fresh. Of a service, kind `service`, there is one value. */
export function knownValues(subjects: readonly Subject[], shown: number): Statement {
  const params = new Params();
  const list = (of: (subject: Subject) => string) => params.add(subjects.map(of), "Array(String)");
  const keys = [list(({ kind }) => kind), list(({ log }) => log), list(({ subject }) => subject)];
  const wanted = `SELECT arrayJoin(arrayZip(${keys.join(", ")}))`;
  return params.statement(
    `SELECT kind, log, subject, arraySlice(groupUniqArray(value), 1, ${params.add(shown, "UInt64")}) AS values,
  uniqExact(value) AS count, min(first_us) AS since_us
FROM ${FACTS.name} WHERE (kind, log, subject) IN (${wanted}) GROUP BY kind, log, subject`,
  );
}

/** How far a tree has come with a range that tells no facts. */
export function keepPosition(tree: string, to: number): Statement {
  const params = new Params();
  return params.statement(
    `INSERT INTO ${FACTS.name} (kind, log, subject, value, first_us, last_us, through)
SELECT '${POSITION}', '', ${params.text(tree)}, '', 0, 0, ${params.add(to, "Int64")}`,
  );
}

/** Takes the facts of the range in, and how far the tree has come with it. */
export function keepFacts(tree: string, to: number, dormantUs: number): Statement {
  const params = new Params();
  const lastSeenUs = params.add(Math.min(LAST_SEEN_US, Math.floor(dormantUs / LAST_SEEN_PARTS)), "Int64");
  return params.statement(
    `INSERT INTO ${FACTS.name} (kind, log, subject, value, first_us, last_us, through)
SELECT f.kind AS kind, f.log AS log, f.subject AS subject, f.value AS value, f.first_us AS first_us,
  f.last_us AS last_us, 0 AS through
FROM ${RANGE_FACTS.name} AS f LEFT JOIN (${KNOWN}) AS k USING (kind, log, subject, value)
WHERE k.known_first = 0 OR f.last_us - k.known_last > ${lastSeenUs}
UNION ALL SELECT '${POSITION}', '', ${params.text(tree)}, '', 0, 0, ${params.add(to, "Int64")}`,
  );
}

export interface ShownScope {
  readonly log: string;
  readonly caller: string;
  readonly scope: string;
  readonly callees: readonly string[];
}

/** At which callees callers of the range showed scopes. */
export function scopesShown(scopes: readonly FreshFact[]): Statement {
  const params = new Params();
  const list = (of: (fact: FreshFact) => string) => params.add(scopes.map(of), "Array(String)");
  const wanted = `arrayZip(${list(({ subject }) => subject)}, ${list(({ value }) => value)})`;
  return params.statement(
    `SELECT toString(log) AS log, who AS caller, scope, groupUniqArray(toString(callee)) AS callees
FROM (SELECT log, callee, ${NAMED_CALLER} AS who, arrayJoin(scopes) AS scope FROM ${RANGE_TABLE.name})
WHERE has(${wanted}, (who, scope)) GROUP BY log, who, scope`,
  );
}

/** A credential that calls of the range showed together with a token, of those that say a fact of it. */
export interface Presented {
  readonly kind: string;
  readonly log: string;
  readonly subject: string;
  readonly value: string;
  readonly credential: string;
  readonly first_us: number;
  readonly records: number;
  readonly place: FreshFact["place"];
}

/** By which credentials tokens were shown; first come first. */
export function tokensPresented(tokens: readonly FreshFact[], limit: number): Statement {
  const params = new Params();
  const list = (of: (fact: FreshFact) => string) => params.add(tokens.map(of), "Array(String)");
  const columns = [list(({ kind }) => kind), list(({ log }) => log), list(({ subject }) => subject)];
  const wanted = `SELECT arrayJoin(arrayZip(${columns.join(", ")}, ${list(({ value }) => value)}))`;
  const selects = TOLD.filter(({ kind }) => IS_OF_TOKEN.test(kind)).map(
    ({ kind, subjects, value }) =>
      `SELECT '${kind}' AS kind, toString(log) AS log, ${subjects[0]!} AS subject, ${value} AS value,
  ${WHO} AS credential, min(r.first_us) AS first_us, toUInt64(sum(r.records)) AS records, ${FIRST_PLACE} AS place
FROM ${RANGE_TABLE.name} AS r GROUP BY log, subject, value, credential HAVING notEmpty(credential)`,
  );
  return params.statement(
    `SELECT * FROM (${selects.join("\nUNION ALL\n")}) WHERE (kind, log, subject, value) IN (${wanted})
ORDER BY first_us, place.leaf_index, kind, subject, value, credential LIMIT ${params.add(limit, "UInt64")}`,
  );
}

export const POSITIONS: Statement = {
  sql: `SELECT subject AS tree, max(through) AS through FROM ${FACTS.name} WHERE kind = '${POSITION}' GROUP BY subject`,
  params: {},
};

/** Since when each log has records. */
export const LOGS_SINCE: Statement = {
  sql: `SELECT value AS log, min(first_us) AS since_us FROM ${FACTS.name} WHERE kind = 'log' GROUP BY value`,
  params: {},
};
