import { decodeLeaf } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { describe, expect, it } from "vitest";

import { entryLength, LENGTH_BYTES } from "../journal/entries.ts";
import type { Journal } from "../journal/journal.ts";
import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { AccessRecorder } from "./access-recorder.ts";
import type { ReadRequest } from "./access-recorder.ts";
import { READING_IDLE_MS, READING_LONGEST_MS } from "./limits.ts";

const asked: ReadRequest = {
  principal: "user:ada",
  address: "203.0.113.7",
  operation: "GET /api/search",
  resource: "/api/search",
  query: "service_id:payments",
  parameters: { limit: "100" },
  reason: null,
};

async function opened() {
  const clock = manualClock();
  const journal = await memoryJournal({ clock });
  const troubles: string[] = [];
  const parts = {
    journal,
    clock,
    random: seededBytes("access"),
    fingerprint: (secret: string) => `fp:of ${secret.length}`,
    onTrouble: (text: string) => void troubles.push(text),
  };
  return { clock, journal, troubles, accesses: new AccessRecorder(parts) };
}

/** The records of the log of access without the one that opens its tree. */
async function recorded(journal: Journal): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = [];
  for (;;) {
    const range = await journal.read("access/2026-11", records.length, 1_000_000);
    if (range === null) break;
    for (let at = 0; at < range.entries.length;) {
      const end = at + LENGTH_BYTES + entryLength(range.entries, at);
      records.push(decodeLeaf(range.entries.subarray(at + LENGTH_BYTES, end)).record);
      at = end;
    }
  }
  return records.slice(1);
}

describe("a read", () => {
  it("is a durable record before it is answered: who, from where, what and how much", async () => {
    const { accesses, journal } = await opened();
    await accesses.answered(asked, { records: 17 });
    expect(await recorded(journal)).toMatchObject([
      {
        event_type: "ACCESS",
        operation: "GET /api/search",
        resource: "/api/search",
        auth_subject: "user:ada",
        client_address: "203.0.113.7",
        status: "success",
        attributes: {
          "access.state": "answered",
          "access.records": "17",
          "access.query": "service_id:payments",
          "access.parameters": '{"limit":"100"}',
        },
      },
    ]);
  });

  it("is not answered when it cannot be recorded", async () => {
    const { accesses, journal } = await opened();
    await journal.close({ seal: false });
    await expect(accesses.answered(asked, { records: 1 })).rejects.toMatchObject({ code: "shutting_down" });
    await expect(accesses.begin(asked)).rejects.toMatchObject({ code: "shutting_down" });
    const full = new AccessRecorder({
      journal: { appendOwn: async () => ({ kind: "pushback", reason: "full", retryAfterS: 30 }) },
      clock: manualClock(),
      fingerprint: () => "fp:",
      random: seededBytes("full"),
      onTrouble: () => {},
    });
    await expect(full.answered(asked, { records: 1 })).rejects.toMatchObject({ code: "access_unrecorded" });
  });

  it("shows no secret that was typed into the query, and not more than there is room for", async () => {
    const { accesses, journal } = await opened();
    const secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    await accesses.answered({ ...asked, query: `${secret} OR ${"x".repeat(20_000)}`, reason: secret }, { records: 0 });
    const [record] = await recorded(journal);
    expect(JSON.stringify(record)).not.toContain(secret);
    expect(record!.attributes!["access.query"]!.length).toBeLessThan(9_000);
    expect(record!.attributes!["access.query"]).toMatch(/^fp:of 40 OR x+/);
  });
});

describe("a reading that goes on", () => {
  it("is one record at its start and one at its end, with the totals", async () => {
    const { accesses, journal, clock } = await opened();
    for (let page = 0; page < 5; page++) await accesses.answered(asked, { records: 100 });
    expect(await recorded(journal)).toHaveLength(1);
    clock.advance(READING_IDLE_MS);
    await accesses.close();
    const [start, end] = await recorded(journal);
    expect(end!.attributes).toMatchObject({
      "access.state": "ended",
      "access.start": start!.id,
      "access.requests": "5",
      "access.records": "500",
    });
    expect(await recorded(journal)).toHaveLength(2);
  });

  it("begins once when two ask at once, and anew for another question, person or place", async () => {
    const { accesses, journal } = await opened();
    await Promise.all([accesses.answered(asked, { records: 1 }), accesses.answered(asked, { records: 1 })]);
    for (const other of [{ query: "*" }, { principal: "user:bob" }, { address: "203.0.113.8" }, { reason: "case 7" }])
      await accesses.answered({ ...asked, ...other }, { records: 1 });
    const states = (await recorded(journal)).map(({ attributes }) => attributes!["access.state"]);
    expect(states).toEqual(Array.from({ length: 5 }, () => "answered"));
  });

  it("is one reading when it shows the last minutes by absolute times, and one each for windows of the past", async () => {
    const { accesses, journal, clock } = await opened();
    const at = (ms: number) => new Date(clock.nowUs() / 1_000 - ms).toISOString();
    const polls: ((n: number) => Record<string, string>)[] = [
      () => ({ from: at(900_000), to: at(0) }),
      (n) => ({ from: at(900_000 + (n % 7) * 100), to: at(1_500) }),
      () => ({ from: at(3_600_000) }),
    ];
    const opening = at(60_000);
    for (let poll = 0; poll < 30; poll++) {
      for (const [kind, times] of polls.entries())
        await accesses.answered({ ...asked, query: `kind:${kind}`, parameters: times(poll) }, { records: 2 });
      await accesses.answered({ ...asked, query: "since", parameters: { from: opening } }, { records: 2 });
      clock.advance(10_000);
    }
    expect(await recorded(journal)).toHaveLength(4);
    for (const from of ["2026-10-01", "2026-10-02", "2026-10-03"])
      await accesses.answered({ ...asked, parameters: { from, to: `${from}T12:00:00Z` } }, { records: 1 });
    const last = at(10_000);
    await accesses.close();
    const all = (await recorded(journal)).map(({ attributes }) => attributes!);
    expect(all.filter((one) => one["access.state"] === "answered")).toHaveLength(7);
    const ends = all.filter((one) => one["access.state"] === "ended");
    expect(ends.map((one) => [one["access.requests"], one["access.records"]])).toEqual(
      Array.from({ length: 4 }, () => ["30", "60"]),
    );
    expect(ends.find((one) => one["access.query"] === "kind:0")!["access.last_window"]).toMatch(`/${last}`);
  });

  it("never rests for ever: after an hour it is told, and begins again", async () => {
    const { accesses, journal, clock } = await opened();
    for (let atMs = 0; atMs <= READING_LONGEST_MS; atMs += READING_IDLE_MS / 2) {
      await accesses.answered(asked, { records: 1 });
      clock.advance(READING_IDLE_MS / 2);
    }
    await accesses.close();
    const states = (await recorded(journal)).map(({ attributes }) => attributes!["access.state"]);
    expect(states).toEqual(["answered", "ended", "answered"]);
  });

  it("that is a stream has its totals at its end, once, also when the server stops first", async () => {
    const { accesses, journal } = await opened();
    const tail = await accesses.begin({ ...asked, operation: "GET /api/tail" });
    tail.add(3);
    tail.add(4);
    await accesses.close();
    await tail.end();
    expect((await recorded(journal)).map(({ attributes }) => attributes)).toMatchObject([
      { "access.state": "begun" },
      { "access.state": "ended", "access.records": "7" },
    ]);
  });

  it("of bodies is a record for each answer", async () => {
    const { accesses, journal } = await opened();
    const given = { records: 1, payloads: ["default/2026-11:7/request"] };
    for (let time = 0; time < 2; time++) await accesses.answered({ ...asked, reason: "case 7" }, given);
    expect(await recorded(journal)).toHaveLength(2);
  });
});

it("what a role may not is recorded, however often it is tried", async () => {
  const { accesses, journal } = await opened();
  for (let time = 0; time < 100; time++) await accesses.denied(asked);
  await accesses.close();
  expect(await recorded(journal)).toMatchObject([
    { status: "denied", auth_decision: "deny", attributes: { "access.state": "denied" } },
    { attributes: { "access.state": "ended", "access.requests": "100" } },
  ]);
});
