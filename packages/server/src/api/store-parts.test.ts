import { expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { Journal } from "../journal/journal.ts";
import { batchOf, memoryJournal, sampleId, sampleRecord } from "../journal/memory-journal.ts";
import { storeParts } from "./store-parts.ts";
import type { RoutedPart } from "./store-parts.ts";

const observed = { principal: "key:shop", intake: "records", sourceAddress: "10.0.0.7" };

function part(log: string, numbers: readonly number[]): RoutedPart {
  const { records } = batchOf(
    numbers.map((number) => sampleRecord(sampleId(number))),
    { principal: observed.principal },
  );
  return { log, records, lines: new Uint32Array(numbers), bodies: [] };
}

const request = () => ({ parts: [part("default", [1, 3]), part("cards", [2, 4])], observed, about: [] });
const meter = { prepared: () => {}, stored: () => {}, refused: () => {}, pushedBack: () => {} };

it("what one log took and another did not is sent again and stored once in each, also over a restart", async () => {
  const disk = memoryDisk();
  const journal = await memoryJournal({ disk });
  const broken = new Set(["cards"]);
  const halting: Journal = Object.assign(Object.create(journal) as Journal, {
    append: (...[log, ...rest]: Parameters<Journal["append"]>) =>
      broken.has(log)
        ? Promise.resolve({ kind: "pushback", reason: "failed", retryAfterS: 1 })
        : journal.append(log, ...rest),
  });
  const sources = {
    journal: halting,
    meter,
    payloads: { put: () => Promise.reject(new Error("there are no bodies")) },
  };
  await expect(storeParts(sources, request())).rejects.toSatisfy(
    (error) =>
      isTallystickError(error, "journal_unavailable") && /the log cards; those for other logs/.test(error.message),
  );
  broken.clear();
  const counts = (stored: Awaited<ReturnType<typeof storeParts>>) =>
    stored.map(({ tree, count, duplicates }) => [tree.split("/")[0], count, duplicates]);
  expect(counts(await storeParts(sources, request()))).toEqual([
    ["default", 0, 2],
    ["cards", 2, 0],
  ]);
  await journal.close({ seal: true });
  const again = await memoryJournal({ disk });
  const stored = await storeParts({ ...sources, journal: again }, request());
  expect(counts(stored)).toEqual([
    ["default", 0, 2],
    ["cards", 0, 2],
  ]);
  // Leaf 0 opens each tree.
  expect(again.trees().map(({ log, size }) => [log, size])).toEqual(
    expect.arrayContaining([
      ["cards", 3],
      ["default", 3],
    ]),
  );
  await again.close({ seal: true });
});
