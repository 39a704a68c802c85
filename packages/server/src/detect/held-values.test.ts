/** What is asked of a range beforehand: over an engine, of a field that has too many values to know them. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import type { Statement } from "../index/index-seam.ts";
import { storedRecords } from "../search/records.contract.ts";
import { HeldValues } from "./held-values.ts";
import type { HeldRow } from "./held-values.ts";
import { FEW_KEYWORDS, MAX_HELD_VALUES } from "./limits.ts";
import { passStatement } from "./pass-sql.ts";
import type { PassRow } from "./pass-sql.ts";
import type { ReadRange } from "../index/newest.ts";
import { checkRules } from "./sigma/check.ts";
import type { LinkedRule } from "./sigma/link.ts";

const TREE = "default/2026-01";
const LIMITS = { timeoutMs: 60_000, maxRows: 1_000_000, maxMemoryBytes: 800_000_000 };
/** More than are known one by one. */
const RANGE_LEAVES = MAX_HELD_VALUES + 100;
const RANGES = 12;

let index: TemporaryIndex;

const rule = (text: string): string =>
  `title: R\nlogsource: {product: tallystick}\ndetection:\n  sel: ${text}\n  condition: sel\n`;

/** Of the record at each place: what is not among them is a number by itself. */
const RESOURCES: ReadonlyMap<number, string> = new Map([
  [4 * RANGE_LEAVES + 7, "/etc/PASSWD"],
  [5 * RANGE_LEAVES + 7, "/etc/passwd/k"],
  [9 * RANGE_LEAVES + 1, "/admin/x;curl"],
  [10 * RANGE_LEAVES + 1, "/\u212Aelvin"],
]);

const RULES = [
  "{resource|contains: /passwd}",
  "{resource: /etc/passwd}",
  "{resource|startswith: /admin}",
  "{resource|endswith: curl}",
  "{resource|re: ';(curl|wget)$'}",
  "{resource|re|i: '^/ADMIN/'}",
  "{resource|re: '^/[0-9]+/never$'}",
  String.raw`{resource|re: '^\Q/admin/x'}`,
  "{resource|contains: /kelvin}",
  "{resource|contains: never, status: success}",
  "{service_id|re: 'nobody$'}",
  "['jndi:', 'PASSWD']",
  "['never seen']",
  "['needs;cu*l']",
];

let rules: readonly LinkedRule[];

beforeAll(async () => {
  index = await openTemporaryIndex();
  await index.keepNewest();
  // Of what is not ASCII only the engine knows how its letters are folded.
  const rows = fc
    .sample(storedRecords(100), { numRuns: 1, seed: 3 })[0]!
    .filter((row) => /^[ -~]*$/.test(JSON.stringify(row)));
  const own = Array.from({ length: RANGES * RANGE_LEAVES }, (_, at) => {
    const { record, observed } = rows[at % rows.length]!;
    return { record: { ...record, resource: RESOURCES.get(at) ?? `/${at}` }, observed };
  });
  await index.add(TREE, own);
  const checked = checkRules(RULES.map((text) => ({ file: text, text: rule(text) })));
  expect(checked.map(({ fault }) => fault?.message ?? "")).toEqual(RULES.map(() => ""));
  rules = checked.map((one) => one.rule!);
});
afterAll(async () => {
  await index.close();
});

const select = <Row>(statement: Statement) => index.index.reader.select<Row>(statement, LIMITS);

/** Places of the rules that find something. */
async function finding(range: ReadRange): Promise<readonly number[]> {
  const { rows } = await select<PassRow>(passStatement(rules, range, 0));
  return [...new Set(rows.map((row) => row.rule))];
}

async function able(held: HeldValues, range: ReadRange, of = rules): Promise<readonly number[]> {
  const { statement, ableIn } = held.ask(of, range);
  const { rows } = await select<HeldRow>(statement);
  const found = ableIn(rows[0]!);
  return of.flatMap((linked, at) => (found.has(linked) ? [at] : []));
}

const rangeAt = (at: number): ReadRange => ({
  tree: TREE,
  from: at * RANGE_LEAVES,
  to: (at + 1) * RANGE_LEAVES,
  table: at % 2 === 0 ? "records" : "newest",
});

it("a rule that finds something is run, and hardly one that does not", async () => {
  const held = new HeldValues();
  const idle: number[] = [];
  for (let at = 0; at < RANGES; at += 1) {
    const found = await finding(rangeAt(at));
    const run = await able(held, rangeAt(at));
    expect(run, `range ${at}`).toEqual(expect.arrayContaining([...found]));
    idle.push(run.length - found.length);
  }
  // Only what stands between wildcards in any text is not asked about.
  expect(idle[3]).toBe(1);
  // Of what was met which it was is found out in a few ranges.
  expect(idle[8]).toBeLessThanOrEqual(4);
  expect(idle[9]).toBeGreaterThan(0);
});

it("many keywords are looked for like few", async () => {
  const many = ["jndi:", "PASSWD", ...Array.from({ length: 2 * FEW_KEYWORDS }, (_, at) => `never ${at}`)];
  const checked = checkRules(many.map((word) => ({ file: word, text: rule(`['${word}']`) })));
  const keywords = checked.map((one) => one.rule!);
  const held = new HeldValues();
  expect(await able(held, rangeAt(3), keywords)).toEqual([]);
  expect(await able(held, rangeAt(4), keywords)).toContain(1);
  for (let at = 0; at < 8; at += 1) await able(held, rangeAt(4), keywords);
  expect(await able(held, rangeAt(4), keywords)).toEqual([1]);
});

it("without tests, after the engine refused them, all that may be is run", async () => {
  const held = new HeldValues();
  for (const at of [0, 1]) await able(held, rangeAt(at));
  expect(await able(held, rangeAt(2))).toHaveLength(1);
  held.refused();
  expect((await able(held, rangeAt(3))).length).toBeGreaterThan(8);
});

it("of what would rule a rule out only one is asked about again", async () => {
  const texts = ["{event_type: X, service_id: nobody}", "{service_id: none, protocol: never}", "{protocol: never}"];
  const checked = checkRules(texts.map((text) => ({ file: text, text: rule(text) })));
  const some = checked.map((one) => one.rule!);
  const held = new HeldValues();
  const askedFor = (name: string): boolean => held.ask(some, rangeAt(3)).statement.sql.includes(name);
  expect([askedFor("event_type"), askedFor("service_id"), askedFor("protocol")]).toEqual([true, true, true]);
  expect(await able(held, rangeAt(3), some)).toEqual([]);
  expect(askedFor("event_type")).toBe(true);
  expect(askedFor("service_id")).toBe(false);
  expect(await able(held, rangeAt(4), some)).toEqual([]);
});
