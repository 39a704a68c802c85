/** What is said of producers: where a sequence begins and ends, who is silent and why, and who may see it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import { SAMPLE_START_US } from "../index/sample.contract.ts";
import type { SampleEntry } from "../index/sample.contract.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { countProducers } from "./producer-figures.ts";
import { listProducers } from "./producer-list.ts";
import type { ProducerRun, ProducersRequest } from "./producer-list.ts";
import { inOrderOfCloseness } from "./producer-runs.ts";
import { claim, DAY_US, follow, member, MINUTE_US, RULES } from "./producers.contract.ts";
import type { Followed } from "./producers.contract.ts";

const DECLARED = [
  { pattern: "*", us: 40 * 60 * MINUTE_US },
  { pattern: "declared-*", us: 6 * MINUTE_US },
  { pattern: "declared-one", us: 5_000_000 },
];

let temporary: TemporaryIndex;
let followed: Followed;
let declaring: Followed;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
  followed = follow(temporary.index, temporary.journal);
  await followed.whole();
});
afterAll(async () => {
  await followed.close();
  await temporary.close();
});

let logs = 0;
let log = "";
beforeEach(() => {
  log = `log-${++logs}`;
  followed.clock.set(SAMPLE_START_US);
});

async function said(entries: readonly SampleEntry[], request: ProducersRequest = {}): Promise<readonly ProducerRun[]> {
  await temporary.add(`${log}/2026-11`, entries);
  return list(request);
}

async function list(request: ProducersRequest = {}, from: Followed = followed): Promise<readonly ProducerRun[]> {
  await from.whole();
  return (await from.list({ log, ...request })).producers;
}

const members = (numbers: readonly number[], rest: Parameters<typeof member>[0] = {}): readonly SampleEntry[] =>
  numbers.map((seq) => member({ ...rest, seq }));
const upTo = (count: number): readonly number[] => [...Array(count).keys()];

describe("a sequence", () => {
  test.each([
    ["from 0", [0, 1, 2], "complete", []],
    ["from 1", [1, 2, 3], "complete", []],
    ["that is seen from 3 on only", [3, 4], "gap", [{ from: 1, to: 2 }]],
    ["with a hole", [1, 2, 5], "gap", [{ from: 3, to: 4 }]],
    ["of one number alone", [0], "complete", []],
  ])("%s", async (_, numbers, state, gaps) => {
    expect(await said(members(numbers))).toMatchObject([{ state, gaps, more_gaps: false, count: numbers.length }]);
  });

  test("begins where a heartbeat's count says", async () => {
    const entries = [...members([500, 501]), claim("heartbeat", { seq: 501, count: 2 })];
    expect(await said(entries)).toMatchObject([{ state: "complete", missing: 0, first_seq: 500 }]);
  });

  test("lost at its end is seen by a heartbeat, and a late record closes the gap", async () => {
    const beat = claim("heartbeat", { seq: 4, count: 4, atUs: SAMPLE_START_US + 1 });
    expect(await said([...members([1, 2]), beat])).toMatchObject([
      {
        state: "gap",
        gaps: [{ from: 3, to: 4 }],
        last_seq: 2,
        claimed_last_seq: 4,
        last_heartbeat: "2026-11-25T08:00:00.000001Z",
      },
    ]);
    expect(await said(members([4, 3]))).toMatchObject([{ state: "complete", missing: 0, gaps: [], count: 4 }]);
  });

  test("of which nothing but a heartbeat arrived is missing whole", async () => {
    expect(await said([claim("heartbeat", { seq: 9, count: 10 })])).toMatchObject([
      { state: "gap", missing: 10, gaps: [{ from: 0, to: 9 }], first_seq: null, count: 0 },
    ]);
  });

  test("begins with nothing missing when a heartbeat comes before the first record and says 0", async () => {
    const early = { id: "early", seq: 0 };
    for (const beat of [claim("heartbeat", early), claim("heartbeat", { ...early, count: 0 })])
      expect(await said([beat], { producer_id: "early" })).toMatchObject([{ state: "complete", missing: 0, gaps: [] }]);
    expect(await said([member({ id: "early", seq: 2 })], { producer_id: "early" })).toMatchObject([
      { state: "gap", missing: 1, gaps: [{ from: 1, to: 1 }] },
    ]);
  });

  test("is closed by a close that names its end, and open again when more comes", async () => {
    const closed = await said([...members([1, 2]), claim("close", { seq: 2, count: 2 })]);
    expect(closed).toMatchObject([{ state: "closed", closed_at: "2026-11-25T08:00:00Z" }]);
    expect(await said(members([3]))).toMatchObject([{ state: "complete", closed_at: null }]);
  });

  test("that is closed and has a gap says the gap", async () => {
    expect(await said([...members([1]), claim("close", { seq: 2, count: 2 })])).toMatchObject([
      { state: "gap", gaps: [{ from: 2, to: 2 }], closed_at: "2026-11-25T08:00:00Z" },
    ]);
  });

  test("is not made of records without a number, of which nothing can be said", async () => {
    expect(await said([member({}), member({})])).toMatchObject([{ state: "unnumbered", unnumbered: 2, count: 0 }]);
    expect(await said([claim("heartbeat", { id: "idle" })], { producer_id: "idle" })).toMatchObject([
      { state: "complete", unnumbered: 0 },
    ]);
  });

  test("of another key under the same name is another producer's", async () => {
    const entries = [...members([1, 2]), ...members([2 ** 53 - 1], { principal: "key:impostor" })];
    expect(await said(entries)).toMatchObject([
      { principal: "key:impostor", state: "gap", missing: 2 ** 53 - 2, gaps: [{ from: 1, to: 2 ** 53 - 2 }] },
      { principal: "key:orders", state: "complete", duplicates: 0 },
    ]);
  });

  test("is complete when a whole chunk of numbers is", async () => {
    const all = members(upTo(65_536));
    expect(await said(all)).toMatchObject([{ state: "complete", count: 65_536, missing: 0, duplicates: 0 }]);
    expect(await said(members([65_536 * 4]))).toMatchObject([
      { count: 65_537, gaps: [{ from: 65_536, to: 4 * 65_536 - 1 }] },
    ]);
  });

  test("may be broken everywhere: every second number of many chunks", async () => {
    const chunks = [0, 1, 2].flatMap((chunk) => upTo(1_000).map((n) => chunk * 65_536 + 64_536 + 2 * (n % 500)));
    const [run] = await said(members([...new Set(chunks)]), { limit: 1, gaps: 5_000 });
    expect(run).toMatchObject({ count: 1_500, missing: 2 * 65_536 + 64_536 + 998 - 1_500, more_gaps: false });
    expect(run!.gaps).toHaveLength(1_500);
    expect(run!.gaps.at(-1)).toEqual({ from: 2 * 65_536 + 64_536 + 997, to: 2 * 65_536 + 64_536 + 997 });
  });

  test("has as many gaps shown as were asked for", async () => {
    const odd = members(upTo(40).map((n) => 2 * n + 1));
    const [run] = await said(odd, { gaps: 3 });
    expect(run).toMatchObject({ missing: 39, more_gaps: true, gaps: [2, 4, 6].map((n) => ({ from: n, to: n })) });
    expect((await list({ gaps: 39 }))[0]).toMatchObject({ more_gaps: false });
  });
});

describe("silence", () => {
  const every = (minutes: number, count: number, id = "p"): readonly SampleEntry[] =>
    upTo(count).map((n) => member({ id, seq: n, atUs: SAMPLE_START_US - (count - 1 - n) * minutes * MINUTE_US }));
  const after = (us: number): void => followed.clock.set(SAMPLE_START_US + us);

  test("comes after the default while nothing is learned", async () => {
    await said(every(1, 5));
    after(15 * MINUTE_US);
    expect(await list()).toMatchObject([
      { state: "complete", silent: false, silent_after_s: 900, silent_after_source: "default", usual_pause_s: null },
    ]);
    after(15 * MINUTE_US + 1);
    expect(await list()).toMatchObject([{ state: "silent", silent: true }]);
    expect(await list({ state: "silent" })).toHaveLength(1);
    expect(await list({ state: "complete" })).toEqual([]);
  });

  test("comes after twice the usual pause", async () => {
    await said(every(4, 12));
    after(9 * MINUTE_US);
    const learned = { silent_after_s: 540, silent_after_source: "learned", usual_pause_s: 240 };
    expect(await list()).toMatchObject([{ state: "complete", ...learned }]);
    after(9 * MINUTE_US + 1);
    expect(await list()).toMatchObject([{ state: "silent", ...learned }]);
    expect(await list({ state: "silent" })).toHaveLength(1);
  });

  test("of a nightly job is not the day between two nights, and one long pause is not usual", async () => {
    const night = (days: number) =>
      upTo(10).map((n) => member({ seq: days * 10 + n, atUs: SAMPLE_START_US - (4 - days) * DAY_US + n * MINUTE_US }));
    await said(upTo(2).flatMap(night));
    expect(await list()).toMatchObject([{ usual_pause_s: 60 }]);
    await said(night(2));
    expect(await list()).toMatchObject([{ usual_pause_s: (1_440 - 9) * 60 }]);
  });

  test("is broken by a heartbeat, and by nothing else's", async () => {
    await said([member({ seq: 1 }), member({ seq: 1, id: "other" })]);
    after(20 * MINUTE_US);
    await said([claim("heartbeat", { seq: 1, count: 1, atUs: SAMPLE_START_US + 20 * MINUTE_US })]);
    expect(await list()).toMatchObject([
      { producer_id: "other", silent: true },
      { producer_id: "p", silent: false, last_seen: "2026-11-25T08:20:00Z" },
    ]);
  });

  test("and a gap are both said, and both are found", async () => {
    await said(members([1, 3]));
    after(DAY_US);
    const both = [{ state: "gap", silent: true }];
    expect(await list({ state: "gap" })).toMatchObject(both);
    expect(await list({ state: "silent" })).toMatchObject(both);
    expect(await list({ state: "closed" })).toEqual([]);
  });

  test("does not begin before the server could hear", async () => {
    await said([member({ seq: 1, atUs: SAMPLE_START_US - DAY_US })]);
    after(15 * MINUTE_US);
    expect(await list()).toMatchObject([{ silent: false }]);
  });

  test("is never said of a run that was closed", async () => {
    await said([member({ seq: 1 }), claim("close", { seq: 1, count: 1 })]);
    after(DAY_US);
    expect(await list()).toMatchObject([{ state: "closed", silent: false }]);
    expect(await list({ state: "closed" })).toHaveLength(1);
  });

  test("comes when it is declared to, the closest name first", async () => {
    await said([...every(4, 12, "declared-one"), ...every(4, 12, "declared-two"), ...every(4, 12, "else")]);
    const rules = { ...RULES, declared: inOrderOfCloseness(DECLARED) };
    declaring = follow(temporary.index, temporary.journal, temporary.index.deriver, rules);
    const runs = await list({}, declaring);
    await declaring.close();
    expect(runs.map((run) => [run.producer_id, run.silent_after_s, run.silent_after_source])).toEqual([
      ["declared-one", 5, "declared"],
      ["declared-two", 360, "declared"],
      ["else", 144_000, "declared"],
    ]);
  });
});

describe("a restart", () => {
  const at = (hours: number): number => SAMPLE_START_US + hours * 60 * MINUTE_US;

  test("ends the run before it, which is left out when nothing of it is missing", async () => {
    const first = members([1, 2], { epoch: "one", atUs: at(-3) });
    const second = members([1, 3], { epoch: "two", atUs: at(-2) });
    const third = members([1], { epoch: "three", atUs: at(-1) });
    followed.clock.set(at(1));
    expect(await said([...first, ...second, ...third])).toMatchObject([
      { producer_epoch: "two", superseded: true, silent: false, state: "gap", restarts: 2 },
      { producer_epoch: "three", superseded: false, silent: true, state: "silent", restarts: 2 },
    ]);
    const history = await list({ history: true });
    expect(history.map((run) => run.producer_epoch)).toEqual(["one", "two", "three"]);
    expect(history[0]).toMatchObject({ superseded: true, state: "complete" });
  });

  test("is none while both runs are heard: one of them may go silent", async () => {
    const both = (hours: number, seq: number) =>
      ["one", "two"].flatMap((epoch) => members([seq], { epoch, atUs: at(hours) }));
    followed.clock.set(at(0));
    await said([...both(-2, 1), ...both(-1, 2), member({ epoch: "two", seq: 3, atUs: at(0) })]);
    followed.clock.set(at(0) + 16 * MINUTE_US);
    expect(await list()).toMatchObject([
      { producer_epoch: "one", superseded: false, silent: true },
      { producer_epoch: "two", superseded: false, silent: true },
    ]);
  });

  test("of long ago, and who was not heard of since, is history", async () => {
    followed.clock.set(SAMPLE_START_US + 31 * DAY_US);
    expect(await said(members([1]))).toEqual([]);
    expect(await list({ history: true })).toHaveLength(1);
  });
});

describe("a list", () => {
  test("is paged: each run is on one page, whatever arrives meanwhile", async () => {
    await said(upTo(25).flatMap((n) => members([1, 2], { id: `p-${n % 9}`, epoch: `e-${n}` })));
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await followed.list({ log, limit: 7, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.producers.length).toBeLessThanOrEqual(7);
      seen.push(...page.producers.map((run) => run.producer_epoch));
      cursor = page.next ?? undefined;
      await said(members([3], { id: "p-0", epoch: "e-0" }));
    } while (cursor !== undefined);
    expect(seen.toSorted()).toEqual(
      upTo(25)
        .map((n) => `e-${n}`)
        .toSorted(),
    );
  });

  test("goes on where time was up, over thousands of producers that are not asked for", async () => {
    await said([...upTo(2_500).map((n) => member({ id: `p-${n}`, seq: 1 })), ...members([1, 3], { id: "z" })]);
    // Time is up as soon as somebody looks at the clock again.
    let ms = 0;
    const clock = { ...followed.clock, monotonicMs: () => (ms += 3_600_000) };
    const sources = { reader: temporary.index.reader, follower: followed.follower, clock, rules: RULES };
    const found: string[] = [];
    let cursor: string | undefined;
    let cuts = 0;
    do {
      const request = { log, state: "gap" as const, ...(cursor === undefined ? {} : { cursor }) };
      const page = await listProducers(sources, WHOLE_SCOPE, request);
      found.push(...page.producers.map((run) => run.producer_id));
      cursor = page.next ?? undefined;
      expect(page.partial).toBe(cursor !== undefined);
      cuts += page.partial ? 1 : 0;
    } while (cursor !== undefined);
    expect(found).toEqual(["z"]);
    expect(cuts).toBe(2);
  });

  test("takes a cursor with its own question only", async () => {
    await said(upTo(3).map((n) => member({ id: `p-${n}`, seq: 1 })));
    const { next } = await followed.list({ log, limit: 1 });
    await expect(followed.list({ log, limit: 1, state: "gap", cursor: next! })).rejects.toMatchObject({
      code: "cursor_invalid",
    });
    for (const cursor of ["", "x", `${next!}A`, Buffer.from("[1,2]").toString("base64url")])
      await expect(followed.list({ log, cursor })).rejects.toMatchObject({ code: "cursor_invalid" });
  });

  test("has no more gaps than its bound", async () => {
    await expect(followed.list({ log, limit: 1_000, gaps: 11 })).rejects.toMatchObject({ code: "bad_request" });
  });

  test("is filtered by who it is about", async () => {
    await said([...members([1], { id: "one" }), ...members([1], { id: "two", principal: "key:two" })]);
    expect(await list({ producer_id: "one" })).toMatchObject([{ producer_id: "one" }]);
    expect(await list({ principal: "key:two" })).toMatchObject([{ producer_id: "two" }]);
    expect(await list({ recorder_id: "orders" })).toHaveLength(2);
    expect(await list({ recorder_id: "payments" })).toEqual([]);
  });

  test("shows the logs of its scope and no others", async () => {
    await said(members([1]));
    const seen = async (logs: readonly string[] | "*") =>
      (await followed.list({ log }, { ...WHOLE_SCOPE, logs })).producers.length;
    expect([await seen([log]), await seen(["other"]), await seen([]), await seen("*")]).toEqual([1, 0, 0, 1]);
  });

  test("judges a run by all the logs among which its records are parted, and a key's own log alone", async () => {
    const [home, cards, alone] = [log, `${log}-cards`, `${log}-alone`];
    const id = "parted";
    const rules = { ...RULES, sharedLogs: [home, cards] };
    await temporary.add(`${home}/2026-11`, [
      ...members([1, 4, 5], { id }),
      claim("heartbeat", { id, seq: 8, count: 8 }),
    ]);
    await temporary.add(`${cards}/2026-11`, [
      ...members([2, 3, 7], { id }),
      ...members([1, 3], { id, principal: "key:cards" }),
    ]);
    await temporary.add(`${alone}/2026-11`, members([1, 3], { id }));
    const shared = follow(temporary.index, temporary.journal, temporary.index.deriver, rules);
    await shared.whole();
    const shown = async (request: ProducersRequest, scope = WHOLE_SCOPE) =>
      (await shared.list({ producer_id: id, ...request }, scope)).producers.map(
        ({ log: of, principal, count, gaps }) => [of, principal, count, gaps],
      );
    const whole = [
      6,
      [
        { from: 6, to: 6 },
        { from: 8, to: 8 },
      ],
    ] as const;
    const broken = [2, [{ from: 2, to: 2 }]] as const;
    expect(await shown({})).toEqual([
      [home, "key:orders", ...whole],
      [alone, "key:orders", ...broken],
      [cards, "key:cards", ...broken],
    ]);
    expect(await shown({ log: cards }, { ...WHOLE_SCOPE, logs: [cards] })).toEqual([
      [cards, "key:cards", ...broken],
      [cards, "key:orders", ...whole],
    ]);
    const now = { asOfUs: shared.follower.asOfUs(), listeningSinceUs: 0 };
    const figures = await countProducers(temporary.index.reader, rules, now);
    const apart = await countProducers(temporary.index.reader, RULES, now);
    await shared.close();
    // Two logs that each lack numbers, or one run that does.
    expect(apart.byState.get("gap")! - figures.byState.get("gap")!).toBe(1);
  });

  test("stays readable beside a key that begins thousands of runs", async () => {
    const flood = upTo(3_000).map((n) =>
      member({ id: "a", epoch: `e-${n}`, seq: 2 ** 53 - 1 - n, principal: "key:x" }),
    );
    await said([...flood, ...members([1], { id: "b" })]);
    expect(await list({ producer_id: "b" })).toMatchObject([{ state: "complete", restarts: 0 }]);
    const [first] = await list({ limit: 1 });
    expect(first).toMatchObject({ producer_id: "a", restarts: 2_999, state: "gap" });
  });
});
