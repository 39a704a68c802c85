import type { StoredRecord } from "@tallystick/record";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import { storedRecords } from "./records.contract.ts";
import type { Scope } from "./scope.ts";
import { openSearchFixture } from "./search-fixture.contract.ts";
import type { SearchFixture } from "./search-fixture.contract.ts";
import type { TailEvent, TailRequest } from "./tail.ts";
import { WHOLE_SCOPE } from "./scope.ts";

const ALL: Scope = WHOLE_SCOPE;
let fixture: SearchFixture;
let stop: AbortController;

beforeAll(async () => {
  fixture = await openSearchFixture();
});

beforeEach(() => {
  stop = new AbortController();
});

afterEach(() => {
  stop.abort();
});

afterAll(async () => {
  await fixture.close();
});

function sample(count: number, seed: number): readonly StoredRecord[] {
  return fc.sample(storedRecords(count), { numRuns: 1, seed })[0] ?? [];
}

const place = ({ tree, leaf_index }: { tree: string; leaf_index: number }) => `${tree}:${leaf_index}`;

function tail(request: TailRequest, scope = ALL): AsyncIterator<TailEvent> {
  return fixture.search.tail(scope, { own: true, ...request }, stop.signal)[Symbol.asyncIterator]();
}

/** The next records, and the id of the last event. */
async function take(events: AsyncIterator<TailEvent>, count: number): Promise<{ places: string[]; id: string }> {
  const places: string[] = [];
  let id = "";
  while (places.length < count) {
    const { value, done } = await events.next();
    if (done === true) break;
    id = value.id;
    if (value.kind === "record") places.push(place(value.record));
  }
  return { places, id };
}

function inJournalOrder(places: readonly string[]): void {
  for (const tree of new Set(places.map((text) => text.split(":")[0]))) {
    const of = places.filter((text) => text.startsWith(`${tree}:`)).map((text) => Number(text.split(":")[1]));
    expect(of).toEqual(of.toSorted((a, b) => a - b));
  }
}

describe("a tail", () => {
  it("gives what arrives after it began, each once, in journal order of each tree", async () => {
    await fixture.insert(sample(10, 1));
    const before = fixture.stored.length;
    const events = tail({});
    expect((await events.next()).value?.kind).toBe("position");
    const waiting = take(events, 25);
    await fixture.insert(sample(20, 2));
    await fixture.insert(sample(5, 3));
    const { places } = await waiting;
    expect(places.toSorted()).toEqual(fixture.stored.slice(before).map(place).toSorted());
    inJournalOrder(places);
  });

  it("goes on exactly after its last event id, wherever it was broken off", async () => {
    const events = tail({});
    const first = await events.next();
    await fixture.insert(sample(40, 4));
    const all = await take(events, 40);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 39 }), async (cut) => {
        const begin = await take(tail({ lastEventId: first.value?.id }), cut);
        const rest = await take(tail({ lastEventId: begin.id }), 40 - cut);
        expect([...begin.places, ...rest.places].toSorted()).toEqual(all.places.toSorted());
      }),
      { numRuns: 8 },
    );
  });

  it("passes over what does not match, and its id says so", async () => {
    const events = tail({ q: "nothinglikeit" });
    const first = (await events.next()).value?.id;
    const next = events.next();
    await fixture.insert(sample(5, 5));
    const event = (await next).value;
    expect(event?.kind).toBe("position");
    expect(event?.id).not.toBe(first);
  });

  it("shows a scope's logs only", async () => {
    const events = tail({}, { ...WHOLE_SCOPE, logs: ["control"] });
    await events.next();
    const [control] = sample(30, 6).filter((row) => row.tree.startsWith("control/"));
    await fixture.insert(sample(30, 6).filter((row) => row.tree.startsWith("default/")));
    if (control !== undefined) await fixture.insert([control]);
    const { places, id } = await take(events, 1);
    expect(places).toEqual(fixture.stored.slice(-1).map(place));
    expect(id).toBe(places[0]);
  });

  it("begun while the index is rebuilt waits until it is filled", async () => {
    fixture.become("rebuilding");
    const events = tail({});
    const first = events.next();
    await fixture.insert(sample(5, 8));
    const filled = fixture.stored.slice(-5).map(place);
    fixture.become("ready");
    await fixture.insert(sample(1, 9));
    expect((await first).value?.kind).toBe("position");
    const after = take(events, 3);
    await fixture.insert(sample(3, 10));
    expect(filled).not.toEqual(expect.arrayContaining((await after).places.slice(0, 1)));
  });

  it("ends with its signal and leaves no listener", async () => {
    const events = tail({});
    await events.next();
    const waiting = events.next();
    stop.abort();
    expect((await waiting).done).toBe(true);
    expect(fixture.listeners()).toBe(0);
  });

  it("refuses an id beyond what the journal holds, and takes one that only the index does not have yet", async () => {
    await fixture.insert(sample(10, 11));
    const [{ tree, leaf_index: last }] = fixture.stored.slice(-1) as [StoredRecord];
    const from = (index: number) => () =>
      tail({ lastEventId: `${tree}:${index}`, journaled: [{ tree, size: last + 3 }] });
    expect(from(last)).not.toThrow();
    expect(from(last + 2)).not.toThrow();
    expect(from(last + 3)).toThrow(expect.objectContaining({ code: "position_gone" }));
  });

  it("refuses an id that is none, and one of a tree that is gone", async () => {
    await fixture.insert(sample(10, 7));
    const id = String((await tail({}).next()).value?.id);
    fixture.forget("default/2026-11");
    const fault = (lastEventId: string) => {
      try {
        tail({ lastEventId });
        return null;
      } catch (error) {
        return isTallystickError(error) ? error.code : error;
      }
    };
    expect(fault(id)).toBe("position_gone");
    for (const text of [
      "x",
      "default/2026-11",
      "default/2026-11:01",
      "default/2026-11:-2",
      "a/b:1,,a/c:2",
      "a/b:1,a/b:2",
      "a/b:1e5",
    ]) {
      expect(fault(text), text).toBe("cursor_invalid");
    }
  });
});
