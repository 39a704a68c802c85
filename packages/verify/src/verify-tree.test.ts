import { parseCheckpoint, parseNote, parseVerifierKey, tilesForSize, treeSize } from "@tallystick/tlog";
import type { Checkpoint, NoteVerifier } from "@tallystick/tlog";
import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { SERVER, bundleOf, foreignVkeyOf, keptLog, publish, sourceOf, vkeyOf } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";
import { FaultList } from "./result.ts";
import type { Fault } from "./result.ts";
import type { TreeSource } from "./tree-source.ts";
import { verifyTreeFromSource } from "./verify-tree.ts";
import type { TreeOutcome } from "./verify-tree.ts";

function keyOf(vkey: string): NoteVerifier {
  const parsed = parseVerifierKey(vkey);
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.value;
}

function checkpointIn(tree: KeptTree): Checkpoint {
  const note = parseNote(tree.files.get("checkpoint")!);
  const parsed = note.kind === "ok" ? parseCheckpoint(note.value.text) : note;
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return parsed.value;
}

interface Checked extends TreeOutcome {
  readonly faults: readonly Fault[];
}

async function check(kept: KeptTree, source: TreeSource = sourceOf(kept), since?: Checkpoint): Promise<Checked> {
  const faults = new FaultList();
  const options = { tree: kept.tree, origin: `${SERVER}/${kept.tree}`, verifiers: [keyOf(vkeyOf(kept.tree))], faults };
  const outcome = await verifyTreeFromSource(source, since === undefined ? options : { ...options, since });
  return { ...outcome, faults: faults.faults };
}

function copyOf(tree: KeptTree): KeptTree {
  return { tree: tree.tree, leaves: [...tree.leaves], files: new Map([...tree.files].map(([k, v]) => [k, v.slice()])) };
}

function flip(tree: KeptTree, path: string, bit: number): void {
  const bytes = tree.files.get(path)!;
  bytes[(bit >> 3) % bytes.length]! ^= 1 << (bit & 7);
}

/** 66,100 leaves: two full level-0 tiles of a second level-1 tile, partial tiles at levels 0, 1 and 2. */
const LARGE = 66_100;
let large: KeptTree;
let small: KeptTree;
beforeAll(() => {
  [large] = keptLog("default", [LARGE]) as [KeptTree];
  [small] = keptLog("default", [700]) as [KeptTree];
});

describe("an untouched tree", () => {
  test("is clean, every tile and leaf checked", async () => {
    const { faults, result, found } = await check(large);
    expect(faults).toEqual([]);
    const tiles = [...tilesForSize(treeSize(LARGE))].length;
    expect(result).toMatchObject({
      size: LARGE,
      leavesChecked: LARGE,
      tilesChecked: tiles,
      contents: "checked",
      chain: "checked",
    });
    expect(found.opening).toMatchObject({ previous: null });
  });

  test("is clean without its contents, and says that they were not checked", async () => {
    const { faults, result } = await check(large, sourceOf(large, { contents: false }));
    expect(faults).toEqual([]);
    expect(result).toMatchObject({ leavesChecked: 0, contents: "not checked", chain: "checked" });
    const { chain: _absent, ...silent } = sourceOf(large, { contents: false });
    expect((await check(large, silent)).result.chain).toBe("not checked");
  });

  test.each([1, 2, 255, 256, 257, 512, 513])("of %i leaves is clean", async (size) => {
    const [tree] = keptLog("default", [size]) as [KeptTree];
    expect((await check(tree)).faults).toEqual([]);
  });

  test("without leaves is clean", async () => {
    const [tree] = keptLog("default", [1]) as [KeptTree];
    publish(tree, 0);
    expect((await check(tree)).faults).toEqual([]);
  });

  test("may serve the full tile where the partial one has gone", async () => {
    const grown = copyOf(small);
    const cut = copyOf(small);
    publish(cut, 650);
    grown.files.set("checkpoint", cut.files.get("checkpoint")!);
    const [longer] = keptLog("default", [768]) as [KeptTree];
    grown.files.delete("tile/0/002.p/188");
    grown.files.set("tile/0/002", longer.files.get("tile/0/002")!);
    grown.files.set("tile/entries/002.p/138", cut.files.get("tile/entries/002.p/138")!);
    expect((await check(grown)).faults).toEqual([]);
  });
});

describe("a flipped bit", () => {
  const flips = (tree: KeptTree): fc.Arbitrary<readonly [string, number]> => {
    const paths = [...tree.files.keys()].filter((path) => /^tile\/[0-9]/.test(path));
    const upper = paths.filter((path) => !path.startsWith("tile/0"));
    return fc.tuple(fc.oneof(fc.constantFrom(...paths), fc.constantFrom(...upper)), fc.nat(8 * 8_192));
  };

  test("in any hash tile is found in that tile and in no other", async () => {
    await fc.assert(
      fc.asyncProperty(flips(large), async ([file, bit]) => {
        const tree = copyOf(large);
        flip(tree, file, bit);
        const { faults } = await check(tree, sourceOf(tree, { contents: false }));
        const found = faults.map(({ code, file: named }) => [code, named]);
        expect(found).toEqual([["tile_mismatch", file]]);
      }),
      { numRuns: 25 },
    );
  });

  test("in any hash tile whose contents are known is found at its byte", async () => {
    await fc.assert(
      fc.asyncProperty(flips(small), async ([file, bit]) => {
        const tree = copyOf(small);
        flip(tree, file, bit);
        const offset = 32 * Math.floor(((bit >> 3) % tree.files.get(file)!.length) / 32);
        const { faults } = await check(tree);
        expect(faults).toEqual([expect.objectContaining({ code: "tile_mismatch", file, offset })]);
      }),
      { numRuns: 40 },
    );
  });

  test("in any entry bundle is found at its leaf", async () => {
    const paths = [...small.files.keys()].filter((path) => path.startsWith("tile/entries"));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.nat(), async (file, bit) => {
        const tree = copyOf(small);
        flip(tree, file, bit);
        const { faults } = await check(tree);
        expect(faults.length).toBeGreaterThan(0);
        for (const fault of faults) expect(fault).toMatchObject({ tree: tree.tree, file });
        expect(["entry_mismatch", "entries_malformed"]).toContain(faults[0]!.code);
      }),
      { numRuns: 100 },
    );
  });

  test("in the checkpoint is found", async () => {
    const tree = copyOf(small);
    const bytes = tree.files.get("checkpoint")!;
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      flip(tree, "checkpoint", bit);
      const { faults } = await check(tree, {
        ...sourceOf(tree, { contents: false }),
        tile: () => Promise.resolve(null),
      });
      expect(faults.some(({ code }) => code.startsWith("checkpoint_"))).toBe(true);
      flip(tree, "checkpoint", bit);
    }
  });

  test("in a tile whose contents are right names the tile, the byte and the leaf", async () => {
    const tree = copyOf(small);
    flip(tree, "tile/0/001", 8 * (32 * 7 + 5));
    expect((await check(tree)).faults).toEqual([
      expect.objectContaining({ code: "tile_mismatch", file: "tile/0/001", offset: 32 * 7, index: 256 + 7 }),
    ]);
    const edge = copyOf(small);
    flip(edge, "tile/0/002.p/188", 8 * 32 * 9);
    expect((await check(edge)).faults).toEqual([
      expect.objectContaining({ code: "tile_mismatch", file: "tile/0/002.p/188", offset: 32 * 9, index: 512 + 9 }),
    ]);
  });
});

describe("several faults at once", () => {
  test("are never taken for none", async () => {
    const paths = [...small.files.keys()].filter((path) => path !== "checkpoint");
    const flips = fc.uniqueArray(fc.constantFrom(...paths), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flips, fc.nat(), fc.boolean(), async (files, bit, contents) => {
        const tree = copyOf(small);
        for (const file of files) flip(tree, file, bit);
        const { faults } = await check(tree, sourceOf(tree, { contents }));
        const touched = contents ? files : files.filter((file) => !file.startsWith("tile/entries"));
        expect(faults.length > 0).toBe(touched.length > 0);
      }),
      { numRuns: 100 },
    );
  });
});

describe("what is missing or cut", () => {
  test("is found in every file", async () => {
    for (const [path, bytes] of small.files) {
      const without = copyOf(small);
      without.files.delete(path);
      const cut = copyOf(small);
      cut.files.set(path, bytes.subarray(0, bytes.length - 1));
      const longer = copyOf(small);
      longer.files.set(path, Uint8Array.from([...bytes, 0]));
      for (const tree of [without, cut, longer]) {
        const { faults } = await check(tree);
        expect(faults.length).toBeGreaterThan(0);
        expect(faults[0]!.file).toBe(path);
      }
    }
  });

  test("does not hide another fault", async () => {
    const tree = copyOf(large);
    tree.files.delete("tile/0/003");
    tree.files.delete("tile/0/004");
    flip(tree, "tile/0/200", 77);
    const codes = (await check(tree, sourceOf(tree, { contents: false }))).faults.map(({ code, file }) => [code, file]);
    expect(codes).toEqual([
      ["tile_missing", "tile/0/003"],
      ["tile_missing", "tile/0/004"],
      ["tile_mismatch", "tile/0/200"],
    ]);
  });

  test("of the entries is found although the tiles are right", async () => {
    const tree = copyOf(small);
    tree.files.delete("tile/entries/001");
    expect((await check(tree)).faults).toEqual([
      expect.objectContaining({ code: "entries_missing", file: "tile/entries/001", index: 256 }),
    ]);
  });
});

describe("entries that were exchanged", () => {
  test("are found at the first wrong one", async () => {
    const tree = copyOf(small);
    const leaves = tree.leaves.slice(256, 512);
    tree.files.set("tile/entries/001", bundleOf(leaves.with(10, leaves[11]!).with(11, leaves[10]!)));
    const [first] = (await check(tree)).faults;
    expect(first).toMatchObject({ code: "entry_mismatch", file: "tile/entries/001", index: 256 + 10 });
  });

  test("are found although whoever did it signed a new tree, when they are no leaves or out of order", async () => {
    const text = new TextDecoder();
    const [tree] = keptLog("default", [300]) as [KeptTree];
    const spaced = text.decode(tree.leaves[20]).replace(",", ", ");
    tree.leaves[20] = new TextEncoder().encode(spaced);
    [tree.leaves[40], tree.leaves[41]] = [tree.leaves[41]!, tree.leaves[40]!];
    publish(tree);
    expect((await check(tree)).faults).toEqual([
      expect.objectContaining({ code: "leaf_malformed", index: 20 }),
      expect.objectContaining({ code: "leaf_order", index: 41 }),
    ]);
  });
});

describe("a checkpoint", () => {
  test("of another key, another tree or another size is found", async () => {
    const faults = new FaultList();
    const origin = `${SERVER}/${small.tree}`;
    await verifyTreeFromSource(sourceOf(small), {
      tree: small.tree,
      origin,
      verifiers: [keyOf(foreignVkeyOf(small.tree))],
      faults,
    });
    expect(faults.faults).toEqual([expect.objectContaining({ code: "checkpoint_signature" })]);

    const other = copyOf(keptLog("other", [700])[0]!);
    const asSmall = { ...other, tree: small.tree };
    expect((await check(asSmall)).faults.map(({ code }) => code)).toEqual([
      "checkpoint_signature",
      "checkpoint_origin",
    ]);

    const shorter = copyOf(small);
    publish(shorter, 699);
    const mixed = copyOf(small);
    mixed.files.set("checkpoint", shorter.files.get("checkpoint")!);
    expect((await check(mixed)).faults.map(({ code }) => code)).toContain("tile_missing");
  });

  test("that does not exist yet is a fault only when it should", async () => {
    const tree = copyOf(small);
    tree.files.delete("checkpoint");
    expect((await check(tree)).faults).toEqual([expect.objectContaining({ code: "checkpoint_missing" })]);
    const faults = new FaultList();
    const options = { tree: tree.tree, origin: SERVER, verifiers: [], faults, mayBeUnpublished: true };
    const { result } = await verifyTreeFromSource(sourceOf(tree), options);
    expect([faults.count, result.size, result.root]).toEqual([0, 0, null]);
  });
});

describe("what was known before", () => {
  test("is continued by the tree that grew from it", async () => {
    for (const size of [1, 255, 256, 300, 699, 700]) {
      const older = copyOf(small);
      publish(older, size);
      expect((await check(small, sourceOf(small), checkpointIn(older))).faults).toEqual([]);
    }
  });

  test("shows a tree that was put back", async () => {
    const older = copyOf(small);
    publish(older, 600);
    expect((await check(older)).faults).toEqual([]);
    const { faults } = await check(older, sourceOf(older), checkpointIn(small));
    expect(faults).toEqual([expect.objectContaining({ code: "rollback" })]);
  });

  test("shows a tree that was written anew, though it is whole in itself", async () => {
    const [forked] = keptLog("default", [700]) as [KeptTree];
    forked.leaves[300] = forked.leaves[299]!;
    publish(forked);
    expect((await check(forked)).faults).toEqual([]);
    const { faults } = await check(forked, sourceOf(forked), checkpointIn(small));
    expect(faults).toEqual([expect.objectContaining({ code: "fork" })]);
  });
});

describe("a source", () => {
  test("that cannot answer makes the check reject and leaves no stray rejection behind", async () => {
    const failing: TreeSource = { ...sourceOf(small), tile: () => Promise.reject(new Error("no answer")) };
    await expect(check(small, failing)).rejects.toThrow("no answer");
    const later: TreeSource = {
      ...sourceOf(small),
      entries: (path) => (path.includes("/000") ? sourceOf(small).entries!(path) : Promise.reject(new Error("gone"))),
    };
    await expect(check(small, later)).rejects.toThrow("gone");
  });
});
