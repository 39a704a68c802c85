/**
 * On a cluster `records` is sharded by `call_key`, and a step's statements run on each shard alone
 * (docs/adr/2026-11-26-calls-are-written-when-due.md). Here the shards are engines of their own: what they say of calls
 * is what one engine says of all of them, and their edges add up to its edges.
 */
import { createHash } from "node:crypto";

import { afterEach, expect, test } from "vitest";

import { half, openTallyBench, pair } from "./tally-bench.contract.ts";
import type { CallRow, Half, TallyBench } from "./tally-bench.contract.ts";

const open: TallyBench[] = [];
afterEach(async () => {
  for (const tally of open.splice(0)) await tally.close();
});

async function bench(): Promise<TallyBench> {
  const tally = await openTallyBench();
  open.push(tally);
  return tally;
}

/** Every shard has met the services when the first call without its other half comes due. */
const ACQUAINTANCES = 8;

const KINDS: readonly ((request: string, atS: number) => readonly Half[])[] = [
  (request, atS) => pair(request, atS),
  (request, atS) => pair(request, atS, { status: "success" }, { status: "error" }),
  (request, atS) => pair(request, atS, { request_size: 100 }, { request_size: 101 }),
  (request, atS) => [half("caller", request, atS)],
  (request, atS) => [half("callee", request, atS)],
  (request, atS) => [...pair(request, atS), half("caller", request, atS + 1, { attempt: 1 })],
  (request, atS) => [...pair(request, atS), half("callee", request, atS + 1)],
  // Its other half comes when the call is settled.
  (request, atS) => [half("caller", request, atS), half("callee", request, atS + 200)],
];

const requestOf = ({ record }: Half): string => record.request_id ?? "";
const hashOf = (text: string): number => createHash("sha256").update(text).digest()[0] ?? 0;

async function settled(tally: TallyBench, halves: readonly Half[]): Promise<TallyBench> {
  const isLate = (one: Half) => one.observed.received_at > "2026-11-25T08:02:30";
  await tally.add(...halves.filter((one) => !isLate(one)));
  await tally.passTo(150);
  await tally.add(...halves.filter(isLate));
  await tally.passTo(400);
  expect(tally.troubles).toEqual([]);
  return tally;
}

interface EdgeRow {
  readonly at: string;
  readonly caller: string;
  readonly callee: string;
  readonly counts: readonly number[];
}

const edgesOf = (tally: TallyBench) =>
  tally.select<EdgeRow>(
    `SELECT toString(minute) AS at, caller, callee,
  arrayMap(one -> toInt64(one), [sum(calls), sum(matched), sum(discrepant), sum(unpaired_caller), sum(unpaired_callee)])
    AS counts
FROM (SELECT * FROM edges_1m WHERE (minute, version) IN (SELECT minute, max(version) FROM edges_1m GROUP BY minute))
GROUP BY minute, caller, callee ORDER BY minute, caller, callee`,
  );

test("shards by call say together what one engine says", async () => {
  const shards = 2;
  const first = Array.from({ length: ACQUAINTANCES }, (_, place) => pair(`known${place}`, 1 + place / 100));
  const calls = Array.from({ length: 96 }, (_, place) => KINDS[place % KINDS.length]!(`r${place}`, 10 + place / 4));
  const halves = [...first, ...calls].flat();
  const whole = await settled(await bench(), halves);
  const parts: TallyBench[] = [];
  for (let shard = 0; shard < shards; shard += 1)
    parts.push(
      await settled(
        await bench(),
        halves.filter((one) => hashOf(requestOf(one)) % shards === shard),
      ),
    );

  const judged = (await Promise.all(parts.map((part) => part.calls()))).flat();
  const byId = (a: CallRow, b: CallRow) => (a.call_id < b.call_id ? -1 : 1);
  expect(judged.toSorted(byId)).toEqual((await whole.calls()).toSorted(byId));
  const told = (tally: TallyBench) => tally.verdicts.map(({ operation, request_id: id }) => `${operation} ${id}`);
  expect(parts.flatMap(told).toSorted()).toEqual(told(whole).toSorted());
  expect(parts.every(({ verdicts }) => verdicts.length > 10)).toBe(true);

  const sums = new Map<string, readonly number[]>();
  for (const { at, caller, callee, counts } of (await Promise.all(parts.map(edgesOf))).flat()) {
    const edge = `${at} ${caller} ${callee}`;
    sums.set(
      edge,
      counts.map((count, place) => count + (sums.get(edge)?.[place] ?? 0)),
    );
  }
  const edges = await edgesOf(whole);
  expect(new Map(edges.map(({ at, caller, callee, counts }) => [`${at} ${caller} ${callee}`, counts]))).toEqual(sums);
  expect(edges.length).toBeGreaterThan(0);
});
