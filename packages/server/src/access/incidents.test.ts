import { describe, expect, it } from "vitest";

import type { AuditRecord } from "@tallystick/record";

import type { AppendOutcome, Journal } from "../journal/journal.ts";
import { manualClock } from "../manual-clock.ts";
import { Incidents } from "./incidents.ts";
import type { Incident } from "./incidents.ts";

const TAKEN: Incident = {
  kind: "impersonation",
  principal: "key:orders",
  about: "billing",
  answer: "accepted",
  count: 3,
  address: "10.0.0.7",
};

function bench() {
  const clock = manualClock();
  const written: AuditRecord[] = [];
  let isFull = false;
  const appendOwn = async (log: string, records: readonly AuditRecord[]): Promise<AppendOutcome> => {
    expect(log).toBe("control");
    if (isFull) return { kind: "pushback", reason: "full", retryAfterS: 1 };
    written.push(...records);
    return { kind: "stored", tree: "control/1", firstIndex: 0, count: records.length, duplicates: 0, copies: [] };
  };
  const journal = { appendOwn } as unknown as Journal;
  const incidents = new Incidents({ journal, clock, random: (length) => new Uint8Array(length) });
  const counts = () => written.map(({ attributes }) => Number(attributes?.["tallystick.count"]));
  return { clock, incidents, written, counts, fill: (now: boolean) => void (isFull = now) };
}

describe("an incident", () => {
  it("is recorded at once the first time, and what follows within a minute once at its end", async () => {
    const { clock, incidents, written, counts } = bench();
    await incidents.note(TAKEN);
    expect(written[0]).toMatchObject({
      event_type: "ALERT",
      operation: "impersonation",
      resource: "service/billing",
      status: "success",
      auth_subject: "key:orders",
      peer_address: "10.0.0.7",
    });
    for (let more = 0; more < 100; more++) await incidents.note({ ...TAKEN, count: 1 });
    await incidents.note({ ...TAKEN, about: "stock", answer: "refused" });
    expect(counts()).toEqual([3, 3]);
    expect(written[1]).toMatchObject({ resource: "service/stock", status: "denied" });
    clock.advance(60_000);
    await expect.poll(counts).toEqual([3, 3, 100]);
    clock.advance(60_000);
    clock.advance(60_000);
    await incidents.note(TAKEN);
    expect(counts()).toEqual([3, 3, 100, 3]);
    expect(incidents.totals().map(({ total }) => total)).toEqual([106, 3]);
  });

  it("that could not be recorded stays counted until it can, and a stop records what is left", async () => {
    const { clock, incidents, counts, fill } = bench();
    fill(true);
    await incidents.note(TAKEN);
    await incidents.note(TAKEN);
    expect(counts()).toEqual([]);
    fill(false);
    clock.advance(60_000);
    await expect.poll(counts).toEqual([6]);
    await incidents.note(TAKEN);
    await incidents.close();
    expect(counts()).toEqual([6, 3]);
  });

  it("of ever new names does not fill memory or the log", async () => {
    const { incidents, written } = bench();
    for (let name = 0; name < 1_500; name++) await incidents.note({ ...TAKEN, about: `service-${name}` });
    expect(written).toHaveLength(1_001);
    expect(written.at(-1)).toMatchObject({ resource: "service/others", auth_subject: "others" });
    expect(incidents.totals().at(-1)).toMatchObject({ about: "others", total: 1_500 });
  });
});
