import { afterAll, beforeAll, expect, it } from "vitest";
import type { Hold, Holds } from "../control/hold.ts";
import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import { sampleEntry } from "../index/sample.contract.ts";
import { realClock } from "../real-clock.ts";
import { NO_CALL_NAMES } from "../search/call-names.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { heldBy, holdsOn } from "./held.ts";
import type { HeldParts } from "./held.ts";

const [OLD, NEW] = ["default/2026-10", "default/2026-11"];
let index: TemporaryIndex;

beforeAll(async () => {
  index = await openTemporaryIndex();
  const subjects = (number: number) => ({ subject_refs: number < 2 ? ["user-17"] : ["user-4"] });
  await index.add(
    OLD,
    Array.from({ length: 5 }, (_, number) => sampleEntry(number, subjects(number))),
  );
  await index.add(NEW, [sampleEntry(9, { subject_refs: ["user-4"] })]);
});
afterAll(() => index.close());

function parts(...queries: readonly string[]): HeldParts {
  return partsIn(WHOLE_SCOPE, ...queries);
}

function partsIn(scope: Scope, ...queries: readonly string[]): HeldParts {
  const holds = queries.map((query, place) => ({
    id: `hold_${place}`,
    name: `h${place}`,
    query,
    scope,
    placedAt: "2026-11-25T00:00:00Z",
  }));
  const { reader, follower } = index.index;
  return {
    holds: { on: (log: string) => (log === "default" ? holds : []) as unknown as readonly Hold[] } as Holds,
    sources: { reader, follower, clock: realClock(), names: () => NO_CALL_NAMES },
    sizeOf: (tree) => index.journal.trees().find((one) => one.tree === tree)?.size ?? 0,
  };
}

it("a hold keeps the trees that have a record of its query, and says how many they are", async () => {
  const held = parts('subject_refs:"user-17"', "*", "service_id:nobody");
  expect(await holdsOn(held, OLD)).toEqual([
    { id: "hold_0", name: "h0", records: 2 },
    { id: "hold_1", name: "h1", records: 5 },
  ]);
  expect((await holdsOn(held, NEW)).map(({ name }) => name)).toEqual(["h1"]);
  expect(await holdsOn(held, "other/2026-11")).toEqual([]);
});

it("what the index cannot say is told apart from what is held", async () => {
  const more = { ...parts("service_id:nobody"), sizeOf: () => 6 };
  expect(await holdsOn(more, OLD)).toEqual([{ id: "hold_0", name: "h0", records: null }]);
  expect(await heldBy(more, OLD, [0, 5])).toEqual({ id: "hold_0", name: "h0", records: null });
  // The tree has grown beyond the index, which knows this leaf.
  expect(await heldBy(more, OLD, [0])).toBeNull();
});

it("a leaf is held by a hold that it matches, and its neighbours are not", async () => {
  const held = parts('subject_refs:"user-17"');
  expect(await heldBy(held, OLD, [1, 4])).toEqual({ id: "hold_0", name: "h0", records: 1 });
  expect(await heldBy(held, OLD, [2, 3, 4])).toBeNull();
});

it("a hold keeps nothing for what whoever placed it could not see", async () => {
  const { service_id: own } = sampleEntry(0).record;
  const holds = (scope: Partial<Scope>) => holdsOn(partsIn({ ...WHOLE_SCOPE, ...scope }, "*"), NEW);
  expect((await holds({ services: [own, "elsewhere"] })).map(({ records }) => records)).toEqual([1]);
  expect(await holds({ services: ["elsewhere"] })).toEqual([]);
  expect(await holds({ dataClasses: ["public"], services: ["elsewhere"] })).toEqual([]);
});
