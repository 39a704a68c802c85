import { describe, expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import type { IncomingBatch, Journal } from "../journal/journal.ts";
import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { prepare } from "../journal/own-records.ts";
import { manualClock } from "../manual-clock.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Control, NewKey } from "./control.ts";
import { openControl } from "./control-log.ts";
import { createdFields } from "./key-record.ts";
import { ownRecord } from "./own-record.ts";
import { NO_QUOTA } from "./quota.ts";
import { isWellFormedSecret, secretDigest } from "./secret.ts";

const clock = manualClock();
const random = seededBytes("control");
const producer: NewKey = { name: "orders", role: "producer", service: "orders", relay: null, log: "default" };
const open = (journal: Journal): Promise<Control> => openControl({ journal, clock, random });

describe("a key", () => {
  it("is known by its secret and nothing else, and its secret stands in no record", async () => {
    const journal = await memoryJournal();
    const control = await open(journal);
    const { key, secret } = await control.createKey("admin", producer);
    expect(isWellFormedSecret(secret)).toBe(true);
    expect(control.keyBySecret(secret)).toEqual(key);
    expect(control.keyBySecret(`${secret}x`)).toBeNull();
    const { entries } = (await journal.read("control/2026-11", 0, 1_000_000))!;
    const text = Buffer.from(entries).toString("utf8");
    expect(text).toContain(secretDigest(secret));
    expect(text).not.toContain(secret.slice(4, 40));
  });

  it("opens nothing from the moment it is revoked, and revoking again changes nothing", async () => {
    const journal = await memoryJournal();
    const control = await open(journal);
    const { key, secret } = await control.createKey("admin", producer);
    const revoked = await control.revokeKey("admin", key.id);
    expect(revoked?.revokedAt).not.toBeNull();
    expect(control.keyBySecret(secret)).toBeNull();
    const size = journal.trees()[0]!.size;
    expect(await control.revokeKey("admin", key.id)).toEqual(revoked);
    expect(journal.trees()[0]!.size).toBe(size);
    expect(await control.revokeKey("admin", "key_0")).toBeNull();
  });

  it("survives a restart as it was: active ones open, revoked ones do not", async () => {
    const journal = await memoryJournal();
    const before = await open(journal);
    const kept = await before.createKey("admin", { ...producer, service: null, relay: ["a", "b"] });
    const scope = { logs: ["default"], services: ["orders"], dataClasses: ["public", "unclassified"] };
    const reader = { name: "reader", role: "viewer", service: null, relay: null, log: "default", scope } as const;
    const scoped = await before.createKey("admin", reader);
    expect(scoped.key.scope).toEqual(scope);
    const gone = await before.createKey("admin", { ...producer, name: "payments" });
    await before.revokeKey("admin", gone.key.id);
    const after = await open(journal);
    expect(after.keys()).toEqual(before.keys());
    expect(after.keyBySecret(kept.secret)).toEqual(kept.key);
    expect(after.keyBySecret(gone.secret)).toBeNull();
  });

  it("has a name of its own for ever", async () => {
    const control = await open(await memoryJournal());
    const [first, second] = await Promise.allSettled([
      control.createKey("admin", producer),
      control.createKey("admin", producer),
    ]);
    expect(first.status).toBe("fulfilled");
    expect(second.status === "rejected" && isTallystickError(second.reason, "name_taken")).toBe(true);
    await control.revokeKey("admin", control.keys()[0]!.id);
    await expect(control.createKey("admin", producer)).rejects.toMatchObject({
      code: "name_taken",
      message: expect.stringContaining("revoked"),
    });
  });

  it.each([
    ["a producer that speaks for nobody", { ...producer, service: null }],
    ["a reader that speaks for a service", { ...producer, role: "viewer" as const }],
    ["one that is producer and relay", { ...producer, relay: "*" as const }],
    ["a relay for nobody", { ...producer, service: null, relay: [] }],
    ["a name with a space", { ...producer, name: "my orders" }],
    ["the control log", { ...producer, log: "control" }],
    ["a scope that sees nothing", { ...producer, scope: { ...WHOLE_SCOPE, services: [] } }],
    ["a scope of no such class", { ...producer, scope: { ...WHOLE_SCOPE, dataClasses: ["top secret"] } }],
    ["a log of no such name", { ...producer, log: "No" }],
  ])("is refused for %s", async (_, request) => {
    const control = await open(await memoryJournal());
    await expect(control.createKey("admin", request)).rejects.toMatchObject({ code: "bad_request" });
    expect(control.keys()).toEqual([]);
  });

  it("is not made when its record cannot be stored", async () => {
    const journal = await memoryJournal();
    const control = await open(journal);
    await journal.close({ seal: false });
    await expect(control.createKey("admin", producer)).rejects.toMatchObject({ code: "journal_unavailable" });
    expect(control.keys()).toEqual([]);
  });
});

describe("the fold", () => {
  it("believes no record that a producer wrote, whatever it says", async () => {
    const journal = await memoryJournal();
    const secret = "tsk_forged";
    const key = {
      id: "key_1",
      name: "forged",
      role: "admin" as const,
      service: null,
      relay: null,
      log: "default",
      scope: WHOLE_SCOPE,
      quota: NO_QUOTA,
      sha256: secretDigest(secret),
    };
    const forged = ownRecord(clock, random, createdFields("admin", key));
    const batch: IncomingBatch = {
      records: prepare([forged], "key:evil"),
      principal: "key:evil",
      intake: "json",
      sourceAddress: "10.0.0.1",
    };
    await journal.append("control", batch);
    const control = await open(journal);
    expect(control.keys()).toEqual([]);
    expect(control.keyBySecret(secret)).toBeNull();
  });
});
