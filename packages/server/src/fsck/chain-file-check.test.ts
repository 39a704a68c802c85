import { formatChain, parseChain } from "@tallystick/verify";
import type { DecodedChainLeaf } from "@tallystick/verify";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { DATA, FolderBench } from "./folder-bench.contract.ts";
import type { FolderVerifyResult } from "./verify-folder.ts";

let bench: FolderBench;
let [older, newer] = ["", ""];

const EPOCHS = { epoch: { kind: "duration", seconds: 10 } } as const;

/** Two epochs of one log. */
async function twoEpochs(): Promise<FolderBench> {
  const made = new FolderBench(EPOCHS);
  await made.start();
  await made.append("default", 300);
  await made.publish();
  made.clock.advance(10_000);
  await made.append("default", 5);
  await made.stop();
  return made;
}

beforeAll(async () => {
  bench = await twoEpochs();
  [older, newer] = bench.journal.trees().map(({ tree }) => tree) as [string, string];
});

const chainPath = (tree: string): string => `${DATA}/ledger/${tree}/chain`;

function linesOf(tree: string): readonly DecodedChainLeaf[] {
  const parsed = parseChain(bench.disk.files().get(chainPath(tree))!);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.value;
}

/** The faults with one file changed, with the KMS key or without. */
async function faultsWith(
  path: string,
  bytes: Uint8Array | null,
  withKey: boolean,
): Promise<FolderVerifyResult["faults"]> {
  const before = bench.disk.files().get(path) ?? null;
  bench.disk.tamper(path, bytes);
  const { faults } = await bench.verify(withKey ? {} : { kms: null });
  bench.disk.tamper(path, before);
  return faults;
}

describe("without the KMS key", () => {
  it("the epoch chain of two epochs is checked, and the result says so", async () => {
    const result = await bench.verify({ kms: null });
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ clean: true, contents: "not checked" });
    expect(result.trees.map(({ chain }) => chain)).toEqual(["checked", "checked"]);
    expect(linesOf(older).map(({ index }) => index)).toEqual([0]);
    expect(linesOf(newer).map(({ decoded }) => decoded.record.event_type)).toEqual(["LOG_LIFECYCLE", "EPOCH_LINK"]);
  });

  it("a tree that was put in from another log of the same key is found by the chain", async () => {
    const other = new FolderBench(EPOCHS);
    await other.start();
    await other.append("default", 299);
    await other.publish();
    other.clock.advance(10_000);
    await other.append("default", 5);
    await other.stop();
    const mixed = await bench.copy();
    for (const [path, bytes] of other.disk.files()) if (path.includes(older)) mixed.disk.tamper(path, bytes);
    const { faults } = await mixed.verify({ kms: null });
    expect(faults.map(({ code }) => code)).toEqual(expect.arrayContaining(["tree_opening", "epoch_link"]));
  });

  it("a link that is not shown is missed by the chain", async () => {
    const faults = await faultsWith(chainPath(newer), formatChain(linesOf(newer).slice(0, 1)), false);
    expect(faults).toEqual([expect.objectContaining({ code: "epoch_link", tree: newer })]);
  });
});

describe.each([
  ["with the KMS key", true],
  ["without the KMS key", false],
])("%s", (_name, withKey) => {
  it("any flipped bit of a chain file is a fault of that file", async () => {
    const flip = fc.record({ old: fc.boolean(), at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }) });
    await fc.assert(
      fc.asyncProperty(flip, async ({ old, at }) => {
        const path = chainPath(old ? older : newer);
        const bytes = bench.disk.files().get(path)!;
        const bit = Math.floor(at * bytes.length * 8);
        const damaged = bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)));
        const files = (await faultsWith(path, damaged, withKey)).map(({ file }) => file);
        expect(files).toContain(path.slice(DATA.length + 1));
      }),
      { numRuns: 60 },
    );
  });

  it("a missing, empty, doubled or lengthened chain file is a fault of that file", async () => {
    for (const path of [chainPath(older), chainPath(newer)]) {
      const bytes = bench.disk.files().get(path)!;
      for (const damaged of [
        null,
        bytes.subarray(0, 0),
        Buffer.concat([bytes, bytes]),
        Buffer.concat([bytes, bytes.subarray(0, 9)]),
      ]) {
        const faults = await faultsWith(path, damaged, withKey);
        expect(faults.map(({ file }) => file)).toContain(path.slice(DATA.length + 1));
      }
    }
  });

  it("a line too many is a fault of that file, also beyond the tree's end", async () => {
    const [first, link] = linesOf(newer) as [DecodedChainLeaf, DecodedChainLeaf];
    for (const index of [link.index + 1, 1_000]) {
      const faults = await faultsWith(
        chainPath(newer),
        formatChain([first, link, { index, leaf: link.leaf }]),
        withKey,
      );
      expect(faults).toContainEqual(expect.objectContaining({ code: "chain_mismatch", index, tree: newer }));
    }
  });

  it("an extra file or folder beside it is unknown", async () => {
    for (const name of ["chain.tmp", "chain-2"]) {
      const path = `${DATA}/ledger/${newer}/${name}`;
      const faults = await faultsWith(path, Buffer.from("x"), withKey);
      expect(faults).toEqual([expect.objectContaining({ code: "unknown_file", file: path.slice(DATA.length + 1) })]);
    }
  });
});

describe("with the KMS key", () => {
  it("a link that is not shown is a fault of the file", async () => {
    const faults = await faultsWith(chainPath(newer), formatChain(linesOf(newer).slice(0, 1)), true);
    const { index } = linesOf(newer)[1]!;
    expect(faults).toEqual([expect.objectContaining({ code: "chain_mismatch", tree: newer, index })]);
  });
});
