import fc from "fast-check";
import type { StoredRecord } from "@tallystick/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isTallystickError } from "../../errors.ts";
import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { NO_CALL_NAMES } from "../call-names.ts";
import { evaluate } from "../evaluate.contract.ts";
import { filterPredicate } from "../filter.ts";
import type { RecordFilter } from "../filter.ts";
import { MAX_QUERY_BYTES, MAX_QUERY_TERMS, MAX_VALUE_WILDCARDS } from "../limits.ts";
import { parseQuery } from "../language/parser.ts";
import { printQuery } from "../language/print.ts";
import type { QueryNode } from "../language/syntax.ts";
import { NOW_US, queries, storedRecords } from "../records.contract.ts";
import type { Scope } from "../scope.ts";
import { Params } from "./sql.ts";
import { WHOLE_SCOPE } from "../scope.ts";

const LIMITS = { timeoutMs: 30_000, maxRows: 10_000, maxMemoryBytes: 500_000_000 };
const ALL: Scope = WHOLE_SCOPE;
const RECORDS = 300;

let index: TemporaryIndex;
let stored: readonly StoredRecord[];

beforeAll(async () => {
  index = await openTemporaryIndex();
  [stored] = fc.sample(storedRecords(RECORDS), { numRuns: 1, seed: 42 }) as [readonly StoredRecord[]];
  for (const tree of new Set(stored.map((row) => row.tree))) {
    await index.add(
      tree,
      stored.filter((row) => row.tree === tree),
    );
  }
});

afterAll(async () => {
  await index.close();
});

function filterOf(root: QueryNode, scope: Scope = ALL): RecordFilter {
  return {
    scope,
    query: { text: "", root, notes: [] },
    own: true,
    axis: "timestamp",
    fromUs: null,
    toUs: null,
    nowUs: NOW_US,
    sizes: null,
    names: NO_CALL_NAMES,
  };
}

/** `tree:index` of the records found, or the code of the fault. */
async function found(root: QueryNode, scope: Scope = ALL): Promise<readonly string[] | string> {
  const params = new Params();
  try {
    const { predicate, counting } = filterPredicate(filterOf(root, scope), params);
    const read = async (clauses: string) => {
      const sql = `SELECT tree, leaf_index FROM records ${clauses} ORDER BY tree, leaf_index`;
      const { rows } = await index.index.reader.select<{ tree: string; leaf_index: number }>(
        params.statement(sql),
        LIMITS,
      );
      return rows.map((row) => `${row.tree}:${row.leaf_index}`);
    };
    const places = await read(`WHERE ${predicate}`);
    expect(await read(counting), printQuery(root)).toEqual(places);
    return places;
  } catch (error) {
    if (isTallystickError(error, "query_syntax")) return error.code;
    throw new Error(`${printQuery(root)}: ${String(error)}`, { cause: error });
  }
}

function expected(root: QueryNode): readonly string[] {
  const rows = stored.filter((row) => evaluate(root, row, NOW_US)).map((row) => [row.tree, row.leaf_index] as const);
  rows.sort(([a, i], [b, j]) => (a < b ? -1 : a > b ? 1 : i - j));
  return rows.map(([tree, leafIndex]) => `${tree}:${leafIndex}`);
}

async function agrees(root: QueryNode): Promise<void> {
  const answer = await found(root);
  if (typeof answer !== "string") expect(answer, printQuery(root)).toEqual(expected(root));
}

describe("a compiled query finds what the query means", () => {
  it.each([
    "status:error",
    "STATUS:error",
    "status:ERROR -service_id:payments",
    'operation:"GET /health"',
    "error_message:refused",
    'error_message:"connection refused"',
    '"second line"',
    '"line second"',
    "resource:/",
    "refus*",
    "*fused",
    "resource:*42*",
    "duration_us:>=500",
    "-duration_us:>=500",
    "duration_us:<50ms",
    "NOT _exists_:duration_us",
    "clock_skew_us:<0",
    "-clock_skew_us:0",
    "auth_expires_at:<now",
    "-auth_expires_at:[now-2m TO *]",
    "trace_id:4BF92F3577B34DA6A3CE929D0E0E4736",
    "trace_id:4bf9*",
    "call_id:4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7",
    "http.response.status_code:>=404",
    "attributes:retry",
    "attributes.status:200",
    "k\\ e\\:y:*",
    "conflict:true",
    "conflict:false",
    "xyz-123",
    "request_id:xyz-123",
    "alice@example.com",
    "order-placed-now",
    '"order placed"',
    "placed",
    "alice",
    "r-1",
    "alic?",
    "service_version:>1.9",
    "service_version:>=1.10",
    "service_version:[1.9 TO 1.10.1}",
    "service_version:<v1.10.2",
    "service_version:<main",
    "peer_address:[10.0.0.1 TO 10.0.0.9]",
    "db.version:>=10.0",
    "http.route:<10.0.0.9",
    "auth_scopes:orders.read",
    "tree:default/2026-11 leaf_index:[3 TO 9}",
    'status_code:""',
    "event_type:CONFIG_CHANGE",
    "event_type:config_change AND -status:error",
    "-event_type:CONFIG_CHANGE",
    "event_type:(CONFIG_CHANGE OR DB_QUERY)",
    "NOT (event_type:CONFIG_CHANGE AND status:error)",
    "*",
  ])("%s", async (text) => {
    await agrees(parseQuery(text).root);
  });

  it.each([
    ["event_type:config_change", true],
    ["service_id:a AND (event_type:CONFIG_CHANGE AND status:error)", true],
    ["event_type:API_CALL", false],
    ["-event_type:CONFIG_CHANGE", false],
    ["event_type:CONFIG_CHANGE OR service_id:a", false],
  ])("%s: asks the index of words for a type of few records: %s", (text, asks) => {
    const { predicate } = filterPredicate(filterOf(parseQuery(text).root), new Params());
    expect(predicate.includes("hasAllTokens(words")).toBe(asks);
  });

  it("whatever the query", async () => {
    await fc.assert(fc.asyncProperty(queries(), agrees), { numRuns: 600 });
  });

  it("and nothing of another log", async () => {
    const root = parseQuery("*").root;
    expect(await found(root, { ...WHOLE_SCOPE, logs: [] })).toEqual([]);
    expect(await found(root, { ...WHOLE_SCOPE, logs: ["control"] })).toEqual(
      expected(parseQuery("tree:control*").root),
    );
    expect(await found(parseQuery("tree:default* OR *").root, { ...WHOLE_SCOPE, logs: ["control"] })).toEqual(
      expected(parseQuery("tree:control*").root),
    );
  });
});

describe("the largest query", () => {
  const many = (term: (place: number) => string, count = MAX_QUERY_TERMS) =>
    Array.from({ length: count }, (_, place) => term(place));
  const wild = `${"a".repeat(250)}?`.repeat(MAX_VALUE_WILDCARDS);
  it.each([
    ["one wildcard", wild],
    ["one wildcard in a field", `resource:${wild.slice(10)}`],
    ["one wildcard in a name", `operation:${"*a".repeat(MAX_VALUE_WILDCARDS)}`],
    ["one word", "w".repeat(MAX_QUERY_BYTES)],
    ["one phrase", `"${"w ".repeat(4_000)}"`],
    ["all words of one of many", many((place) => `word${place}`).join(" OR ")],
    ["ids", many((place) => `xyz-12345${place}`).join(" OR ")],
    ["phrases", many((place) => `"refused by ${place}"`).join(" OR ")],
    ["wildcards", many((place) => `timeout${place}*`).join(" OR ")],
    ["attributes", many((place) => `http.route:r${place}`).join(" OR ")],
    ["ranges of attributes", many((place) => `http.x:>${place}`).join(" OR ")],
    ["nested", "-(".repeat(16) + "status:error" + ")".repeat(16)],
    ["numbers", many((place) => `duration_us:>${place}`).join(" ")],
  ])("of %s is answered", async (_, text) => {
    await agrees(parseQuery(text).root);
  });
});

describe("a reader's text stays a value", () => {
  const attacks = [
    "' OR 1=1 --",
    "\\' OR 1=1 --",
    "'; DROP TABLE records; --",
    "{p1:String}",
    "{p999:String}",
    "%' OR '1'='1",
    "`records`",
    "\u0000",
    "\\",
    "\\\\'",
    "$$",
    "/* x */",
    "'||(SELECT 1)||'",
    ") OR (1",
    "\n",
    "\u2028",
    "😀'",
  ];

  it.each(attacks)("%j finds nothing it should not", async (attack) => {
    for (const field of [
      "service_id",
      "request_id",
      "resource",
      "trace_id",
      "id",
      "auth_scopes",
      "call_id",
      "attributes.x",
      "observed.source_address",
    ]) {
      const quoted = `"${attack.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
      await agrees(parseQuery(`${field}:${quoted}`).root);
      await agrees(parseQuery(`-${field}:${quoted}`).root);
    }
    await agrees(parseQuery(`attributes.${attack.replaceAll(/[^a-z0-9]/giu, String.raw`\$&`)}:*`).root);
    expect(await found(parseQuery("*").root)).toHaveLength(RECORDS);
  });
});
