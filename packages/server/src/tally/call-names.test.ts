import { timestampUs } from "@tallystick/record";
import type { StoredRecord } from "@tallystick/record";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { STORED_COLUMNS, storedRecord } from "../index/rows.ts";
import type { StoredRow } from "../index/rows.ts";
import { realClock } from "../real-clock.ts";
import { evaluate } from "../search/evaluate.contract.ts";
import type { NamesOf } from "../search/evaluate.contract.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { parseQuery } from "../search/language/parser.ts";
import { Search } from "../search/search.ts";
import { half, openTallyBench, pair, START_US } from "./tally-bench.contract.ts";
import type { Half, TallyBench } from "./tally-bench.contract.ts";

const NAMES = ["orders", "payments", "mail", "address:10.0.0.7", "address:10.0.0.8", "address:pay.internal"] as const;
const DAY = "2026-11-25T08:00:00Z";

let tally: TallyBench;
let search: Search;
let stored: readonly StoredRecord[];
let settled: ReadonlyMap<string, readonly { readonly caller: string; readonly callee: string }[]>;

/** Traced halves, so that each side may say what it saw of the other. */
function traced(number: number, side: "caller" | "callee", caller: string, callee: string, atS: number): Half {
  const span = number.toString(16).padStart(16, "0");
  return half(side, `t${number}`, atS, {
    trace_id: number.toString(16).padStart(32, "0"),
    span_id: side === "caller" ? span : span.replace("0", "f"),
    ...(side === "callee" ? { parent_span_id: span } : {}),
    service_id: caller,
    target_id: callee,
    recorder_id: side === "caller" ? "orders" : "payments",
  });
}

const call = fc.record({
  callerSays: fc.tuple(fc.constantFrom("orders", "mail", "address:10.0.0.9"), fc.constantFrom(...NAMES)),
  calleeSays: fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom("payments", "mail")),
  sides: fc.constantFrom("both", "caller", "callee"),
  atS: fc.integer({ min: 1, max: 300 }),
});

beforeAll(async () => {
  tally = await openTallyBench();
  const alias = { declaredBy: "test", declaredAt: DAY };
  tally.declared.aliases.push(
    { ...alias, name: "address:10.0.0.8", service: "mail", from: null, to: null },
    { ...alias, name: "mail", service: "post", from: null, to: new Date(START_US / 1_000 + 150_000).toISOString() },
  );
  const [calls] = fc.sample(fc.array(call, { minLength: 80, maxLength: 80 }), { numRuns: 1, seed: 7 });
  const halves = calls!.flatMap(({ callerSays, calleeSays, sides, atS }, place) => [
    ...(sides === "callee" ? [] : [traced(place + 1, "caller", ...callerSays, atS)]),
    ...(sides === "caller" ? [] : [traced(place + 1, "callee", ...calleeSays, atS + 0.1)]),
  ]);
  await tally.add(...pair("first", 0.5), ...halves.filter((_, place) => place % 9 !== 0));
  await tally.passTo(250);
  const { reader, follower } = tally.index.index;
  const rows = await tally.select<StoredRow>(`SELECT ${STORED_COLUMNS} FROM records ORDER BY tree, leaf_index`);
  stored = rows.map(storedRecord).filter(({ observed }) => observed.principal !== "tallystick");
  const found = await tally.select<{ tree: string; leaf: number; caller: string; callee: string }>(
    `SELECT records.tree AS tree, records.leaf_index AS leaf, callee,
      if(state = 'unknown_caller', concat('unknown callers of ', callee), caller) AS caller
    FROM calls INNER JOIN records USING (call_key)
    WHERE (call_key, step) NOT IN (SELECT call_key, step FROM superseded)`,
  );
  settled = new Map(found.map(({ tree, leaf, ...parties }) => [`${tree}:${leaf}`, [parties]]));
  search = new Search({ reader, follower, clock: realClock(), names: () => tally.names() });
}, 60_000);

afterAll(() => tally.close());

/** Said plainly: the settled call's, else an alias in force at the record's time, else the record's own. */
const resolved: NamesOf = ({ tree, leaf_index: leaf, record }) => {
  const [row] = settled.get(`${tree}:${leaf}`) ?? [];
  if (row !== undefined) return row;
  const us = timestampUs(record.timestamp);
  const known = (name: string) => {
    const alias = tally.names().aliases.find((one) => one.name === name);
    if (alias === undefined || us < (alias.fromUs ?? 0) || us >= (alias.toUs ?? Infinity)) return name;
    return alias.service;
  };
  return { caller: known(record.service_id), callee: known(record.target_id) };
};

async function agrees(q: string): Promise<number> {
  const answer = await search.search(WHOLE_SCOPE, { q, limit: 1_000 });
  const expected = stored.filter((row) => evaluate(parseQuery(q).root, row, START_US, resolved));
  const place = (row: StoredRecord) => row.leaf_index;
  const inOrder = (rows: readonly StoredRecord[]) => rows.map(place).toSorted((a, b) => a - b);
  expect(inOrder(answer.records), q).toEqual(inOrder(expected));
  return expected.length;
}

describe("caller and callee in a query are the resolved services", () => {
  test("of calls that are settled, and of records whose call is not, by alias and by name", async () => {
    expect(tally.troubles).toEqual([]);
    expect(stored.length - settled.size).toBeGreaterThan(10);
    for (const q of [
      "caller:orders",
      "callee:payments",
      "caller:mail",
      "caller:post",
      'caller:"address:10.0.0.7"',
      'caller:"unknown callers of payments"',
      "caller:unknown*",
      "callee:pay*",
      "caller:>n",
      "_exists_:caller",
    ])
      expect(await agrees(q), q).toBeGreaterThan(0);
  });

  test("whatever else is asked, and what is not", async () => {
    const value = fc.constantFrom(...NAMES, "post", "none", "ORDERS").map((name) => JSON.stringify(name));
    const party = fc
      .tuple(fc.constantFrom("caller", "callee"), fc.oneof(value, fc.constantFrom("*", "a*", "?ail", "o?ders")))
      .map(([field, wanted]) => `${field}:${wanted}`);
    const term = fc.oneof(party, party, fc.constantFrom("side:caller", "status:success", 'service_id:"orders"'));
    const query = fc
      .tuple(term, fc.constantFrom(" AND ", " OR ", " AND NOT ", " OR NOT "), term)
      .map(([one, word, other]) => `${one}${word}${other}`);
    await fc.assert(
      fc.asyncProperty(query, async (q) => void (await agrees(q))),
      { numRuns: 25 },
    );
  });

  test("also within a period, and as facets", async () => {
    const period = { from: "2026-11-25T08:01:00Z", to: "2026-11-25T08:04:00Z" };
    const within = stored.filter(({ record }) => {
      const us = timestampUs(record.timestamp);
      return us >= START_US + 60_000_000 && us < START_US + 240_000_000;
    });
    const { records } = await search.search(WHOLE_SCOPE, { ...period, q: "caller:orders", limit: 1_000 });
    expect(records).toHaveLength(within.filter((row) => resolved(row).caller === "orders").length);
    const fields = ["caller", "callee", "status"];
    const { facets } = await search.facets(WHOLE_SCOPE, {
      ...period,
      q: "side:caller OR side:callee",
      fields,
      limit: 50,
    });
    for (const field of ["caller", "callee"] as const) {
      const counts = new Map<string, number>();
      for (const row of within.filter(({ record }) => record.side !== "observer")) {
        const name = resolved(row)[field];
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      const found = facets.find((facet) => facet.field === field)!.values;
      expect(new Map(found.map((one) => [one.value, one.count]))).toEqual(counts);
    }
  });
});
