/**
 * Which tests of a field the engine is asked about together: whether any value meets any of them costs hardly more than
 * one test does. Mostly none is met, and then the field has one group. Of a group that is met each half is a group
 * from then on, down to the test that is met, which is not asked about for a while; what is not met is one group again.
 */
import type { Test } from "./syntax.ts";

/** Groups of a field: each costs as much as a test. Where more would be needed, what is met is left out instead. */
const MAX_GROUPS = 5;
/** Null: any text of the event. */
type Field = string | null;
/** What was met is not asked about so many times. */
const MET_TIMES = 200;

type Group = readonly Test[];

export class TestGroups {
  readonly #groups = new Map<Field, readonly Group[]>();
  /** How many times each is not asked about. */
  readonly #met = new WeakMap<Test, number>();

  /** The groups to ask about now; each has a test. */
  of(field: Field, tests: readonly Test[]): readonly Group[] {
    const wanted = new Set(tests.filter((test) => !this.#wasMet(test)));
    const known = (this.#groups.get(field) ?? []).map((group) => group.filter((test) => wanted.has(test)));
    for (const test of known.flat()) wanted.delete(test);
    const [first = [], ...others] = known;
    return [[...first, ...wanted], ...others].filter((group) => group.length > 0);
  }

  /** `met`: of each of the groups that were asked about, whether some value meets a test of it. */
  answered(field: Field, groups: readonly Group[], met: readonly boolean[]): void {
    const unmet = groups.filter((_, at) => !met[at]).flat();
    const halves = groups.filter((group, at) => met[at] && group.length > 1).flatMap(halved);
    const isTooMany = halves.length + 1 > MAX_GROUPS;
    const rested = [...groups.filter((group, at) => met[at] && group.length === 1), ...(isTooMany ? halves : [])];
    for (const test of rested.flat()) this.#met.set(test, MET_TIMES);
    this.#groups.set(field, [unmet, ...(isTooMany ? [] : halves)]);
  }

  #wasMet(test: Test): boolean {
    const left = this.#met.get(test) ?? 0;
    if (left > 0) this.#met.set(test, left - 1);
    return left > 0;
  }
}

function halved(group: Group): readonly Group[] {
  const middle = Math.ceil(group.length / 2);
  return [group.slice(0, middle), group.slice(middle)];
}
