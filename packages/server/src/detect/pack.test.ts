/** Our own rules over their examples, and rules over random records: all in one engine, all rules in one pass. */
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";

import { nodeDisk } from "../disk/node-disk.ts";
import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import { storedRecords } from "../search/records.contract.ts";
import { packExamples } from "./pack-examples.contract.ts";
import { readPack } from "./pack.ts";
import { checkRules } from "./sigma/check.ts";
import type { LinkedRule } from "./sigma/link.ts";
import { plainRule } from "./sigma/plain-evaluator.contract.ts";
import { compileRule } from "./sigma/correlation-sql.ts";
import { recordsSql } from "./sigma/records-sql.ts";

const PACK = fileURLToPath(new URL("rules", import.meta.url));
const EXAMPLES = "default/2026-01";
const START_US = 1_770_000_000_000_000;
const LIMITS = { timeoutMs: 60_000, maxRows: 1_000_000, maxMemoryBytes: 800_000_000 };

let index: TemporaryIndex;

beforeAll(async () => {
  index = await openTemporaryIndex();
});
afterAll(async () => {
  await index.close();
});

const files = async () => {
  const pack = await readPack(nodeDisk(), PACK);
  return pack.map(({ file, text }) => ({ file, text: text! }));
};

/** Of each rule the leaves that it finds in the tree. */
async function found(rules: readonly LinkedRule[], tree: string): Promise<readonly (readonly number[])[]> {
  const within = `tree = '${tree}'`;
  const sql = recordsSql({ history: () => within });
  const each = rules.map((rule) => `toUInt8(${compileRule(rule, sql)})`).join(", ");
  const statement = `SELECT leaf_index, arrayFilter((n, hit) -> hit = 1, range(${rules.length}), [${each}]) AS hits FROM records WHERE ${within} AND notEmpty(hits) ORDER BY leaf_index`;
  const { rows } = await index.index.reader.select<{ leaf_index: number; hits: readonly number[] }>(
    { sql: statement, params: {} },
    LIMITS,
  );
  return rules.map((_, rule) => rows.filter(({ hits }) => hits.includes(rule)).map((row) => row.leaf_index));
}

describe("our own rules", () => {
  it("are enough, and say what they are about", async () => {
    const checked = checkRules(await files());
    expect(
      checked.filter(({ fault }) => fault !== null).map(({ file, fault }) => `${file}: ${fault!.message}`),
    ).toEqual([]);
    const own = checked.filter(({ file }, at) => file !== checked[at - 1]?.file).map(({ rule }) => rule!);
    expect(own.length).toBeGreaterThanOrEqual(40);
    for (const { rule } of own) {
      expect(rule.id, rule.title).not.toBeNull();
      expect(
        rule.tags.filter((tag) => /^attack\.t\d{4}(\.\d{3})?$/.test(tag)),
        rule.title,
      ).not.toEqual([]);
      expect(rule.description.length, rule.title).toBeGreaterThan(20);
      expect(rule.falsePositives, rule.title).not.toEqual([]);
    }
    expect(new Set(checked.map(({ id }) => id)).size).toBe(checked.length);
  });

  it("find what their examples say, and nothing else of them", async () => {
    const pack = await files();
    const examples = packExamples(pack, START_US);
    await index.add(
      EXAMPLES,
      examples.flatMap(({ records }) => records),
    );
    const checked = checkRules(pack);
    const rules = pack.map(({ file }) => checked.find((rule) => rule.file === file)!.rule!);
    const hits = await found(rules, EXAMPLES);
    let first = 0;
    for (const { file, matches, records } of examples) {
      const rule = pack.findIndex((one) => one.file === file);
      const inside = hits[rule]!.filter((leaf) => leaf >= first && leaf < first + records.length);
      expect(inside.length > 0, `${file}: ${JSON.stringify(records.at(-1)!.record)}`).toBe(matches);
      first += records.length;
    }
    for (const { file } of pack)
      for (const matches of [true, false])
        expect(
          examples.some((one) => one.file === file && one.matches === matches),
          file,
        ).toBe(true);
  });
});

const detection = (text: string) =>
  `title: R\nlogsource: {product: tallystick}\ndetection:\n  sel:\n    ${text}\n  condition: sel\n`;
const OVER_RECORDS = [
  "status: ERROR",
  "status|cased: ERROR",
  "service_id|endswith: [payments, '%c_d']",
  "operation|contains|all: [get, '/']",
  "resource|re: '^/orders/[0-9]+'",
  "resource|re: 'line.second'",
  "error_message|contains: 'refused*payments'",
  "duration_us|gte: 500",
  "duration_us: 7",
  "duration_us: null",
  "auth_scopes: ORDERS.read",
  "auth_scopes|contains: 'x%'",
  "trace_id: 4BF92F3577B34DA6A3CE929D0E0E4736",
  "request_digest|startswith: 'sha256:ab'",
  "id|endswith: '0001'",
  "attributes.http.route|contains: ORDERS",
  "attributes.status: 200",
  "attributes.db.version|lt: 5",
  "attributes.retry|exists: false",
  "observed.standing: claimed",
  "observed.conflict: true",
  "observed.clock_skew_us|lt: 0",
  "observed.clock_skew_us: null",
  "peer_address|cidr: 10.0.0.0/24",
  "service_id|fieldref: target_id",
  "attempt: 1",
  "error_type: ''",
  "timestamp|year: 2026",
  "attributes.http.route|re|i: '^/ORDERS'",
];

it("rules over records find what they mean there", async () => {
  const [rows] = fc.sample(storedRecords(150), { numRuns: 1, seed: 7 }) as [
    ReturnType<typeof storedRecords> extends fc.Arbitrary<infer Rows> ? Rows : never,
  ];
  const tree = "default/2026-10";
  const own = rows.map(({ record, observed }) => ({ record, observed }));
  await index.add(tree, own);
  const checked = checkRules(OVER_RECORDS.map((text) => ({ file: text, text: detection(text) })));
  expect(checked.find(({ fault }) => fault !== null)?.fault?.message ?? null).toBeNull();
  const hits = await found(
    checked.map(({ rule }) => rule!),
    tree,
  );
  checked.forEach(({ file }, at) => {
    const [[key, value]] = Object.entries(parse(file) as Record<string, unknown>) as [[string, unknown]];
    // The evaluator knows no times.
    const isYear = key.endsWith("|year");
    const matches = isYear ? ({ record }: (typeof own)[0]) => record.timestamp.startsWith(String(value)) : null;
    const plain = plainRule(detection(file));
    const expected = own.flatMap((row, leaf) =>
      (matches?.(row) ?? plain({ ...row.record, observed: row.observed })) ? [leaf] : [],
    );
    expect(hits[at], file).toEqual(expected);
  });
});
