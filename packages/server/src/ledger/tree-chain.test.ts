import { parseChain } from "@tallystick/verify";
import { describe, expect, it } from "vitest";
import { faultDisk, FAULT_KINDS } from "../disk/fault-disk.ts";
import { fsHeadStore } from "./fs-head-store.ts";
import { LedgerBench, settle } from "./ledger-bench.contract.ts";
import type { Ledger } from "./ledger.ts";

const [OLD, NEW] = ["default/2026-11", "default/2026-12"] as const;
const fileOf = (tree: string): string => `/ledger/${tree}/chain`;

function indices(bytes: Uint8Array | null | undefined): readonly number[] {
  const parsed = parseChain(bytes ?? Buffer.from("none"));
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.value.map(({ index }) => index);
}

/** A closed tree of 301 leaves and a new one, 20 leaves and then the link. */
async function twoTrees(): Promise<{ bench: LedgerBench; ledger: Ledger }> {
  const bench = new LedgerBench();
  bench.journal.openTree(OLD);
  bench.journal.addLeaves(OLD, 300);
  const ledger = await bench.open();
  await bench.untilPublished(OLD);
  bench.journal.openTree(NEW);
  bench.journal.addLeaves(NEW, 19);
  await bench.until(() => bench.publishedSize(NEW) > 20);
  return { bench, ledger };
}

describe("the chain leaves in clear", () => {
  it("are leaf 0 and the link, byte for byte, served and in a file", async () => {
    const { bench, ledger } = await twoTrees();
    for (const [tree, expected] of [
      [OLD, [0]],
      [NEW, [0, 20]],
    ] as const) {
      const served = (await ledger.chain(tree))!;
      expect(indices(served)).toEqual(expected);
      const lines = expected.map((index) => `${index} ${Buffer.from(bench.journal.leaves(tree)[index]!).toString()}\n`);
      expect(Buffer.from(served).toString()).toBe(lines.join(""));
      expect(bench.files.files().get(fileOf(tree))).toEqual(new Uint8Array(served));
    }
    expect(await ledger.chain("default/2030-01")).toBeNull();
  });

  it("are written when they are new, and not at each publication", async () => {
    const { bench } = await twoTrees();
    bench.files.tamper(fileOf(NEW), Buffer.from("left alone"));
    bench.journal.addLeaves(NEW, 300);
    await bench.untilPublished(NEW);
    expect(bench.files.files().get(fileOf(NEW))).toEqual(new Uint8Array(Buffer.from("left alone")));
  });

  it.each(["missing", "changed", "of another tree", "too long", "without leaf 0"])(
    "are made again at the start when the file is %s",
    async (what) => {
      const { bench, ledger } = await twoTrees();
      await ledger.close();
      const before = bench.files.files();
      const [old, good] = [before.get(fileOf(OLD))!, before.get(fileOf(NEW))!];
      const text = Buffer.from(good).toString();
      const bytes = {
        missing: null,
        changed: good.with(40, good[40]! ^ 1),
        "of another tree": old,
        "too long": Buffer.from(`${text}${text.slice(text.indexOf("\n") + 1).replace("20 ", "400 ")}`),
        "without leaf 0": Buffer.from(text.slice(text.indexOf("\n") + 1)),
      }[what]!;
      bench.files.tamper(fileOf(NEW), bytes);
      await bench.open();
      expect(bench.files.files()).toEqual(before);
    },
  );
});

describe.each(FAULT_KINDS)("when a write of them is %s", (kind) => {
  /** The new tree is open, its link not published yet; the next writes of the path fail. */
  async function atTheLink(path: string, fatal: boolean): Promise<[LedgerBench, ReturnType<typeof faultDisk>]> {
    const bench = new LedgerBench();
    const faults = faultDisk(bench.files);
    bench.disk = faults;
    bench.heads = fsHeadStore(faults, "/head");
    bench.journal.openTree(OLD);
    bench.journal.addLeaves(OLD, 300);
    await bench.open();
    await bench.untilPublished(OLD);
    faults.inject({ kind, write: "replaceFile", path, ...(fatal ? { fatal } : {}) });
    bench.journal.openTree(NEW);
    bench.journal.addLeaves(NEW, 19);
    return [bench, faults];
  }

  it("the running ledger tries again", async () => {
    const [bench, faults] = await atTheLink(`${NEW}/chain`, false);
    await bench.until(() => bench.publishedSize(NEW) > 20);
    expect(faults.struck()).toBe(true);
    expect(indices(bench.files.files().get(fileOf(NEW)))).toEqual([0, 20]);
    expect(bench.fatal).toEqual([]);
  });

  it.each([`${NEW}/chain`, `/head/${NEW}`, `${NEW}/checkpoint`])(
    "and the process dies at %s: whatever is signed is covered, and the next start goes on",
    async (path) => {
      const [bench, faults] = await atTheLink(path, true);
      for (let turn = 0; turn < 60 && !faults.struck(); turn += 1) {
        bench.clock.advance(100);
        await settle();
      }
      expect(faults.struck()).toBe(true);
      await settle();
      bench.files.crash();
      const left = bench.files.files();
      if (left.has(`/head/${NEW}.note`)) expect(indices(left.get(fileOf(NEW)))).toEqual([0, 20]);
      faults.lift();
      const ledger = await bench.open();
      await bench.until(() => bench.publishedSize(NEW) === bench.journal.leaves(NEW).length);
      await ledger.close();
      expect(indices(bench.files.files().get(fileOf(NEW)))).toEqual([0, 20]);
      expect(bench.fatal).toEqual([]);
    },
  );
});
