import { expect, it } from "vitest";
import type { HeadStore } from "./head-store.ts";

const TREE = "default/2026-11";
const note = (text: string): Uint8Array => Buffer.from(text);

/** What every head store must do; `open` gives a fresh, empty one. */
export function headStoreContract(open: () => HeadStore): void {
  it("has no head before the first swap", async () => {
    const heads = open();
    expect(await heads.read(TREE)).toBeNull();
    expect(await heads.trees()).toEqual([]);
  });

  it("swaps only from the note that stands there", async () => {
    const heads = open();
    expect(await heads.swap(TREE, note("a"), note("b"))).toEqual({ kind: "conflict", current: null });
    expect(await heads.swap(TREE, null, note("a"))).toEqual({ kind: "swapped" });
    expect(await heads.swap(TREE, null, note("b"))).toMatchObject({ kind: "conflict" });
    expect(await heads.swap(TREE, note("x"), note("b"))).toMatchObject({ kind: "conflict" });
    expect(Buffer.from((await heads.read(TREE))!).toString()).toBe("a");
    expect(await heads.swap(TREE, note("a"), note("b"))).toEqual({ kind: "swapped" });
    expect(Buffer.from((await heads.read(TREE))!).toString()).toBe("b");
  });

  it("lets one of many swaps from the same note win", async () => {
    const heads = open();
    const outcomes = await Promise.all(Array.from({ length: 20 }, (_, at) => heads.swap(TREE, null, note(`n${at}`))));
    const winners = outcomes.flatMap(({ kind }, at) => (kind === "swapped" ? [at] : []));
    expect(winners).toHaveLength(1);
    expect(Buffer.from((await heads.read(TREE))!).toString()).toBe(`n${winners[0]}`);
  });

  it("keeps trees apart and lists them", async () => {
    const heads = open();
    await heads.swap("default/2026-11", null, note("1"));
    await heads.swap("control/2026-11", null, note("2"));
    await heads.swap("default/2026-12", null, note("3"));
    expect(await heads.trees()).toEqual(["control/2026-11", "default/2026-11", "default/2026-12"]);
    expect(Buffer.from((await heads.read("control/2026-11"))!).toString()).toBe("2");
  });

  it("takes no name that is not a tree's", async () => {
    for (const name of ["../x", "default", "default/..", "Default/2026-11", "default/2026-11/x", ""]) {
      await expect(async () => open().swap(name, null, note("a"))).rejects.toThrow();
    }
  });
}
