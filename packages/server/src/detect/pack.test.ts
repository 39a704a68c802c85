/** Our own rules over their examples, and rules over random records: all in one engine, all rules in one pass. */
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";

import { nodeDisk } from "../disk/node-disk.ts";
import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import type { RecordsTableName } from "../index/newest.ts";
import { storedRecords } from "../search/records.contract.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { TALLY_TABLES } from "../tally/schema.ts";
import type { RuleChanges, RuleState } from "../control/rule-changes.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import { realClock } from "../real-clock.ts";
import { backtest } from "./backtest.ts";
import { DetectionState } from "./detection-state.ts";
import type { Finding, FindingSink } from "./finding.ts";
import { MAX_FINDINGS_PER_RULE } from "./limits.ts";
import { measureStatement } from "./measure/measure-sql.ts";
import type { MeasuredRow } from "./measure/measure-sql.ts";
import { isMeasureText } from "./measure/read-measure.ts";
import { HeldValues } from "./held-values.ts";
import type { HeldRow } from "./held-values.ts";
import { RuleBook } from "./rule-book.ts";
import { RuleFollower } from "./rule-follower.ts";
import { packExamples } from "./pack-examples.contract.ts";
import { readPack } from "./pack.ts";
import { passStatement, promisingStatement } from "./pass-sql.ts";
import type { PassRow } from "./pass-sql.ts";
import { checkRules } from "./sigma/check.ts";
import type { LinkedRule } from "./sigma/link.ts";
import { plainRule } from "./sigma/plain-evaluator.contract.ts";
import { compileRule } from "./sigma/correlation-sql.ts";
import { askedAtOnce, isAskedTogether } from "./sigma/promising.ts";
import { recordsSql } from "./sigma/records-sql.ts";

const PACK = fileURLToPath(new URL("rules", import.meta.url));
const EXAMPLES = "default/2026-01";
const START_US = 1_770_000_000_000_000;
const LIMITS = { timeoutMs: 60_000, maxRows: 1_000_000, maxMemoryBytes: 800_000_000 };

let index: TemporaryIndex;

beforeAll(async () => {
  index = await openTemporaryIndex();
  await index.keepNewest();
});
afterAll(async () => {
  await index.close();
});

const all = async () => {
  const pack = await readPack(nodeDisk(), PACK);
  return pack.map(({ file, text }) => ({ file, text: text! }));
};
const files = async () => (await all()).filter(({ text }) => !isMeasureText(text));

/** Of each rule the leaves that it finds in the tree. */
async function found(rules: readonly LinkedRule[], tree: string): Promise<readonly (readonly number[])[]> {
  const within = `tree = '${tree}'`;
  const sql = recordsSql({ history: () => within, within: "1" });
  const each = rules.map((rule) => `toUInt8(${compileRule(rule, sql)})`).join(", ");
  const statement = `SELECT leaf_index, arrayFilter((n, hit) -> hit = 1, range(${rules.length}), [${each}]) AS hits FROM records WHERE ${within} AND notEmpty(hits) ORDER BY leaf_index`;
  const { rows } = await index.index.reader.select<{ leaf_index: number; hits: readonly number[] }>(
    { sql: statement, params: {} },
    LIMITS,
  );
  return rules.map((_, rule) => rows.filter(({ hits }) => hits.includes(rule)).map((row) => row.leaf_index));
}

const heldValues = new HeldValues();

/** Rules that may find something among some leaves of the examples, by what these hold. */
async function ableToFind(rules: readonly LinkedRule[], from: number, to: number): Promise<readonly LinkedRule[]> {
  const { statement, ableIn } = heldValues.ask(rules, { tree: EXAMPLES, from, to, table: "newest" });
  const { rows } = await index.index.reader.select<HeldRow>(statement, LIMITS);
  return [...ableIn(rows[0]!)];
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
      if (matches) expect(await ableToFind([rules[rule]!], first, first + records.length), file).toHaveLength(1);
      first += records.length;
    }
    // A record that one rule finds: of most others it is clear that they do not.
    expect((await ableToFind(rules, 0, 1)).length).toBeLessThan(rules.length / 2);
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

/** Changes as the control log would keep them. */
function changes(states: readonly Partial<RuleState>[] = []): RuleChanges {
  const refused = () => Promise.reject(new Error("not in this test"));
  return {
    list: () =>
      states.map((state) => ({
        id: "",
        text: null,
        version: 1,
        on: null,
        removed: false,
        changedBy: "a",
        changedAt: "b",
        ...state,
      })),
    set: refused,
    switchTo: refused,
    remove: refused,
    onChange: () => () => {},
  };
}

const OWN_ID = "00000000-0000-4000-8000-0000000000aa";
const OWN = `title: Own\nid: ${OWN_ID}\nlogsource: {product: tallystick}\ndetection:\n  sel: {operation: "own operation"}\n  condition: sel\n`;

it("rules run over what becomes searchable, each record once, also after a restart", async () => {
  const disk = memoryDisk();
  const book = new RuleBook(await all(), changes([{ id: OWN_ID, text: OWN, version: 3, on: true }]), {});
  const told: Finding[] = [];
  const heard: (() => void)[] = [];
  const sink: FindingSink = async (findings) => {
    told.push(...findings);
    for (const hear of heard) hear();
  };
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => void (holds() && resolve());
      heard.push(look);
      look();
    });
  const follow = async () =>
    new RuleFollower({
      book,
      reader: index.index.reader,
      prompt: index.index.prompt,
      index: index.index.follower,
      journal: index.journal,
      state: await DetectionState.open(disk, "/rules.json"),
      sink,
      clock: realClock(),
      onTrouble: (message) => expect.unreachable(message),
    });
  const [template] = packExamples(await files(), START_US)[0]!.records;
  const record = (more: object, id: number) => ({
    ...template!,
    record: { ...template!.record, id: `00000000-0000-7000-8000-00000000f00${id}`, request_id: `f${id}`, ...more },
  });
  const first = await follow();
  await index.add("default/2026-03", [record({ operation: "own operation" }, 1), record({ resource: "/a" }, 2)]);
  await until(() => told.some(({ ruleId }) => ruleId === OWN_ID));
  await first.close();
  const [own] = told.filter(({ ruleId }) => ruleId === OWN_ID);
  expect(own).toMatchObject({
    ruleVersion: 3,
    count: 1,
    labels: { caller: "orders", callee: "payments", operation: "own operation" },
  });
  expect(own!.records).toEqual([
    { tree: "default/2026-03", leafIndex: 0, callId: expect.stringMatching(/^\S+\/\S+$/) as string },
  ]);
  // What was found before rules first ran, in the other tests, is not told.
  expect(told.every(({ records }) => records.every(({ tree }) => tree === "default/2026-03"))).toBe(true);

  await index.add("default/2026-03", [record({ operation: "own operation" }, 3)]);
  const before = told.length;
  const second = await follow();
  await until(() => told.slice(before).some(({ ruleId }) => ruleId === OWN_ID));
  await second.close();
  expect(told.slice(before).flatMap(({ records }) => records.map(({ leafIndex }) => leafIndex))).toEqual([2]);

  const third = await follow();
  const many = Array.from({ length: MAX_FINDINGS_PER_RULE + 3 }, (_, at) =>
    record(
      { operation: "own operation", service_id: `caller-${at}`, id: `00000000-0000-7000-8000-0000000f${1000 + at}` },
      4,
    ),
  );
  await index.add("default/2026-04", many);
  await until(() => told.some(({ labels }) => labels["overflow"] === "true"));
  await third.close();
  const beyond = told.filter(({ ruleId, records }) => ruleId === OWN_ID && records[0]?.tree === "default/2026-04");
  expect(beyond).toHaveLength(MAX_FINDINGS_PER_RULE + 1);
  expect(beyond.at(-1)).toMatchObject({ labels: { overflow: "true" }, records: [{}] });

  const rule = book.find(OWN_ID)!.sigma!;
  const period = { fromUs: START_US - 1, toUs: START_US + 86_400_000_000 };
  const past = await backtest(index.index.reader, WHOLE_SCOPE, rule, period);
  expect(past).toMatchObject({ days: [{ hits: past.hits }], buckets: [{ hits: past.hits }] });
  expect([past.hits, past.per_day, past.sample.length]).toEqual([2 + many.length, 2 + many.length, 20]);
  const scoped = { ...WHOLE_SCOPE, services: ["nobody"] };
  expect(await backtest(index.index.reader, scoped, rule, period)).toMatchObject({ hits: 0, sample: [] });
});

it("correlations look back beyond the range, also through one another, and find only with what is new", async () => {
  const tree = "default/2026-04";
  const counted = (name: string, of: string, least: number, by: string) =>
    `---\ntitle: ${name}\nname: ${name}\ncorrelation:\n  type: event_count\n  rules: [${of}]\n  group-by: [${by}]\n` +
    `  timespan: 1m\n  condition: {gte: ${least}}\n`;
  const base = detection('operation: "own operation"').replace("title: R", "title: R\nname: base");
  const foundIn = async (correlations: string, from: number, to: number) => {
    const rule = checkRules([{ file: "c.yml", text: `${base}${correlations}` }]).at(-1)!.rule!;
    const { rows } = await index.index.reader.select<PassRow>(
      passStatement([rule], { tree, from, to, table: "records" }, START_US),
      LIMITS,
    );
    return rows.map(({ count }) => count);
  };
  const many = MAX_FINDINGS_PER_RULE + 3;
  // Two are in the tree before.
  expect(await foundIn(counted("all", "base", many + 2, "callee"), many - 1, many)).toEqual([1]);
  expect(await foundIn(counted("more", "base", many + 3, "callee"), many - 1, many)).toEqual([]);
  expect(await foundIn(counted("one", "base", 2, "caller"), 0, many)).toEqual([]);
  const twice = counted("inner", "base", 2, "callee") + counted("outer", "inner", 7, "callee");
  expect(await foundIn(twice, 3, 5)).toEqual([2]);
});

const CORRELATED = [
  ...["gte: 3", "gt: 40", "eq: 2", "lt: 2", "gt: 1, lte: 4", "lt: 60, gt: 40", "neq: 2, lt: 4"].map(
    (condition) => `event_count\n  rules: [ok]\n  condition: {${condition}}`,
  ),
  ...["gte: 3", "neq: 1", "gte: 2, lt: 4", "lt: 3, gt: -1"].flatMap((condition) => [
    `event_count\n  rules: [ok, no]\n  condition: {${condition}}`,
    `value_count\n  rules: [no]\n  condition: {field: operation, ${condition}}`,
    `value_sum\n  rules: [ok]\n  condition: {field: response_size, ${condition}}`,
    `value_avg\n  rules: [ok]\n  condition: {field: response_size, ${condition}}`,
  ]),
  "temporal\n  rules: [ok, no]",
  "temporal\n  rules: [ok, no]\n  condition: {gt: 1, lte: 2}",
  "temporal_ordered\n  rules: [no, ok]",
].map((text) => `correlation:\n  timespan: 5s\n  group-by: [caller, callee]\n  type: ${text}\n`);

it("what can come true of correlations is told by all of them together, and none of those that do is left out", async () => {
  const base = (name: string, status: string) => `---\nname: ${name}\n${detection(`status: ${status}`)}`;
  const bases = base("ok", "success") + base("no", "denied");
  const own = CORRELATED.map((text) => checkRules([{ file: "", text: `title: C\n${text}${bases}` }])[0]!.rule!);
  const pack = checkRules(await files()).flatMap(({ rule }) => (rule?.kind === "correlation" ? [rule] : []));
  const rules = [...own, ...pack].filter(isAskedTogether);
  expect(rules).toHaveLength(CORRELATED.length + pack.length);
  const size = packExamples(await files(), START_US).reduce((sum, { records }) => sum + records.length, 0);
  const range = { tree: EXAMPLES, from: Math.floor(size / 2), to: size };
  const promising = new Set<LinkedRule>();
  for (const some of askedAtOnce(rules)) {
    const statement = promisingStatement(some, range, START_US);
    const { rows } = await index.index.reader.select<{ rule: number }>(statement, LIMITS);
    for (const { rule } of rows) promising.add(some[rule]!);
  }
  expect(promising.size).toBeLessThan(rules.length);
  let told = 0;
  for (const [at, rule] of rules.entries()) {
    const found = async (table: RecordsTableName) =>
      (await index.index.reader.select<PassRow>(passStatement([rule], { ...range, table }, START_US), LIMITS)).rows;
    const rows = await found("records");
    expect(await found("newest")).toEqual(rows);
    told += rows.length;
    if (rows.length > 0) expect(promising, CORRELATED[at] ?? rule.rule.title).toContain(rule);
  }
  expect(told).toBeGreaterThan(0);
});

it("six measures are switched on, and the engine takes them", async () => {
  const book = new RuleBook(await all(), changes(), {});
  const measures = book.list().flatMap(({ measure, on }) => (measure !== null && on ? [measure] : []));
  expect(measures.map(({ of }) => of)).toHaveLength(6);
  await index.index.deriver.prepare(TALLY_TABLES);
  for (const measure of measures) {
    const statement = measureStatement({ ...measure, groupBy: ["caller", "callee"] }, START_US + 60_000_000);
    if (statement === null) continue;
    const { rows } = await index.index.reader.select<MeasuredRow>(statement, LIMITS);
    if (measure.of !== "match_rate" && measure.relativeToS === null)
      expect(rows.some(({ calls }) => calls > 0)).toBe(true);
  }
});
