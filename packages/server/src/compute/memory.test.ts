import { expect, test, vi } from "vitest";
import { GivenUp, letGo } from "./memory.ts";

const MIB = 1024 * 1024;

test("bytes that are let go are gone where collections may be asked for, and stay where V8 decides", () => {
  const [own, left, shared] = [new Uint8Array(MIB), new Uint8Array(MIB), new Uint8Array(new SharedArrayBuffer(MIB))];
  letGo(own, () => {});
  letGo(left, undefined);
  letGo(shared, () => {});
  expect([own, left, shared].map(({ length }) => length)).toEqual([0, MIB, MIB]);
});

test("a collection is asked for whenever much has been given up", () => {
  const collect = vi.fn<() => void>();
  const givenUp = new GivenUp(collect);
  for (let turn = 0; turn < 25; turn += 1) givenUp.add(30 * MIB);
  expect(collect).toHaveBeenCalledTimes(2);
  new GivenUp(undefined).add(1_000 * MIB);
});
