import { expect, it } from "vitest";

import type { IncomingBatch } from "../journal/journal.ts";
import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { prepare } from "../journal/own-records.ts";
import { manualClock } from "../manual-clock.ts";
import { setAliasFields } from "./alias-record.ts";
import { openControl } from "./control-log.ts";
import { ownRecord } from "./own-record.ts";
import { setPartyFields } from "./party-record.ts";

const clock = manualClock();
const random = seededBytes("declared");
const alias = { name: "address:10.0.0.7", service: "orders", from: null, to: null };

it("what is declared of names and parties survives a restart as it was", async () => {
  const journal = await memoryJournal();
  const before = await openControl({ journal, clock, random });
  await before.setAlias("key:ops", alias);
  await before.setAlias("key:ops", {
    ...alias,
    service: "payments",
    from: "2026-11-25T08:00:00Z",
    to: "2026-11-26T08:00:00Z",
  });
  await before.setAlias("key:ops", { ...alias, name: "address:10.0.0.8" });
  await before.setParty("admin", { name: "bank", reason: "a third party" });
  await before.setParty("admin", { name: "postgres", reason: "a database" });
  expect(await before.removeAlias("admin", "address:10.0.0.8")).toBe(true);
  expect(await before.removeAlias("admin", "address:10.0.0.8")).toBe(false);
  expect(await before.removeParty("admin", "bank")).toBe(true);
  expect(await before.removeParty("admin", "bank")).toBe(false);
  const after = await openControl({ journal, clock, random });
  expect(after.aliases()).toEqual(before.aliases());
  expect(after.aliases()).toMatchObject([
    { name: "address:10.0.0.7", service: "payments", from: "2026-11-25T08:00:00Z", declaredBy: "key:ops" },
  ]);
  expect(after.parties()).toEqual(before.parties());
  expect(after.parties()).toMatchObject([{ name: "postgres", reason: "a database", declaredBy: "admin" }]);
});

it("a search that is saved stays its user's, under its name, over a restart", async () => {
  const journal = await memoryJournal();
  const before = await openControl({ journal, clock, random });
  await before.searches.save("user:ada", "refused", "q=status%3Adenied");
  await before.searches.save("user:ada", "refused", "q=status%3Adenied&from=now-1d");
  await before.searches.save("user:ada", "old", "q=*");
  await before.searches.save("user:bea", "refused", "q=status%3Aerror");
  expect(await before.searches.forget("user:ada", "old")).toBe(true);
  expect(await before.searches.forget("user:bea", "old")).toBe(false);
  const after = await openControl({ journal, clock, random });
  expect(after.searches.of("user:ada")).toMatchObject([{ name: "refused", view: "q=status%3Adenied&from=now-1d" }]);
  expect(after.searches.of("user:bea")).toMatchObject([{ name: "refused", view: "q=status%3Aerror" }]);
  expect(after.searches.of("user:eve")).toEqual([]);
  const [untouched] = journal.trees();
  const again = await after.searches.save("user:ada", "refused", "q=status%3Adenied&from=now-1d");
  expect(again).toEqual(after.searches.of("user:ada")[0]);
  expect(journal.trees()[0]).toEqual(untouched);
  for (let n = 0; n < 99; n++) await after.searches.save("user:ada", `${n}`, "");
  await expect(after.searches.save("user:ada", "one too many", "")).rejects.toMatchObject({ code: "bad_request" });
});

it("an alias of itself and one that ends before it begins are refused, and change nothing", async () => {
  const control = await openControl({ journal: await memoryJournal(), clock, random });
  for (const wrong of [
    { ...alias, name: "orders" },
    { ...alias, from: "2026-11-25T08:00:00Z", to: "2026-11-25T08:00:00Z" },
  ])
    await expect(control.setAlias("admin", wrong)).rejects.toMatchObject({ code: "bad_request" });
  expect(control.aliases()).toEqual([]);
});

it("no record that a producer wrote declares anything", async () => {
  const journal = await memoryJournal();
  const forged = [setAliasFields("admin", alias), setPartyFields("admin", { name: "payments", reason: "hide me" })];
  const batch: IncomingBatch = {
    records: prepare(
      forged.map((fields) => ownRecord(clock, random, fields)),
      "key:evil",
    ),
    principal: "key:evil",
    intake: "json",
    sourceAddress: "10.0.0.1",
  };
  await journal.append("control", batch);
  const control = await openControl({ journal, clock, random });
  expect(control.aliases()).toEqual([]);
  expect(control.parties()).toEqual([]);
});
