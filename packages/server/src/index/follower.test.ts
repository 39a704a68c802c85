import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { encodeLeaf } from "@tallystick/record";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClient } from "@clickhouse/client";
import { inlineCompute } from "../compute/inline.ts";
import { realClock } from "../real-clock.ts";
import { asJournal, LeafJournal, openIndexIn, TEST_DISK_KEY } from "./engine/temporary-index.ts";
import { openIndex } from "./open-index.ts";
import type { Index } from "./open-index.ts";
import { plainIndex } from "./plain-index.contract.ts";
import { sampleEntries, sampleEntry, SAMPLE_START_US, until } from "./sample.contract.ts";
import type { SampleEntry } from "./sample.contract.ts";

const LIMITS = { timeoutMs: 20_000, maxRows: 100_000, maxMemoryBytes: 500_000_000 };
const TREE = "default/2026-11";
const WAIT_MS = 40_000;
let folder: string;
let journal: LeafJournal;
let index: Index;
let troubles: string[];

const open = (): void => {
  index = openIndexIn(folder, journal, (message) => troubles.push(message));
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-follower-"));
  journal = new LeafJournal();
  troubles = [];
  open();
});
afterEach(async () => {
  await index.close();
  rmSync(folder, { recursive: true, force: true });
});

const leaves = (entries: readonly SampleEntry[]): readonly Uint8Array[] =>
  entries.map(({ observed, record }) => encodeLeaf(observed, record));

async function rows<Row>(sql: string): Promise<readonly Row[]> {
  return (await index.reader.select<Row>({ sql, params: {} }, LIMITS)).rows;
}

/** Every leaf of every tree is there exactly once, with its own hash. */
async function expectWhole(): Promise<void> {
  await index.follower.caughtUp(WAIT_MS);
  const found = await rows<{ tree: string; leaf: number; hash: string }>(
    "SELECT tree, leaf_index AS leaf, lower(hex(leaf_hash)) AS hash FROM records ORDER BY tree, leaf",
  );
  const expected = [];
  for (const { tree, size } of [...journal.trees()].sort((one, other) => (one.tree < other.tree ? -1 : 1))) {
    for (let leaf = 0; leaf < size; leaf += 1) {
      const range = await journal.read(tree, leaf, 1);
      expected.push({ tree, leaf, hash: Buffer.from(range!.hashes).toString("hex") });
    }
  }
  expect(found).toEqual(expected);
}

/** Runs a statement of the schema behind the follower's back. */
async function tamper(query: string): Promise<void> {
  const address = index.engineAddress()!;
  const client = createClient({ url: address.url, username: address.user, password: address.password });
  await client.command({ query, clickhouse_settings: { mutations_sync: "2" } });
  await client.close();
}

async function reopenAfter(change: () => Promise<void>): Promise<void> {
  await change();
  await index.close();
  open();
}

describe("following", () => {
  test("a lone record is announced once it is searchable", async () => {
    await index.follower.caughtUp(WAIT_MS);
    const announced: [string, number, number][] = [];
    index.follower.onIndexed((tree, from, to) => announced.push([tree, from, to]));
    journal.add(TREE, leaves(sampleEntries(0, 1)));
    await index.follower.caughtUp(WAIT_MS);
    expect(announced).toEqual([[TREE, 0, 1]]);
    expect(index.follower.positions()).toEqual([{ tree: TREE, indexed: 1 }]);
    expect(index.follower.state()).toBe("ready");
    await expectWhole();
  });

  test("a batch over midnight and trees of two logs arrive whole", async () => {
    const midnight = Date.UTC(2026, 10, 26) * 1_000;
    const entries = Array.from({ length: 500 }, (_, place) => sampleEntry(place, {}, midnight - 250 + place));
    journal.add(TREE, leaves(entries));
    journal.add("control/2026-11", leaves(sampleEntries(0, 20)));
    await expectWhole();
    expect(troubles).toEqual([]);
  });
});

describe("nothing is lost and nothing is double", () => {
  test("when the engine is killed again and again under load", async () => {
    let added = 0;
    for (let round = 0; round < 6; round += 1) {
      for (let batch = 0; batch < 10; batch += 1) {
        journal.add(TREE, leaves(sampleEntries(added, added + 300)));
        added += 300;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => index.enginePid() !== null);
      if (round % 2 === 0) await until(() => index.follower.state() === "ready");
      process.kill(index.enginePid()!, "SIGKILL");
      await until(() => index.follower.state() !== "ready");
    }
    await expectWhole();
    expect(index.follower.state()).toBe("ready");
  });

  test("when both are stopped in the middle and started again", async () => {
    for (let round = 0; round < 4; round += 1) {
      journal.add(TREE, leaves(sampleEntries(round * 2_000, (round + 1) * 2_000)));
      if (round % 2 === 1) await until(() => (index.follower.positions()[0]?.indexed ?? 0) > 0);
      await reopenAfter(async () => {});
    }
    await expectWhole();
  });

  test("when rows are missing, double, foreign or of another leaf", async () => {
    journal.add(TREE, leaves(sampleEntries(0, 3_000)));
    await index.follower.caughtUp(WAIT_MS);
    await reopenAfter(() => tamper("ALTER TABLE tallystick.records DELETE WHERE leaf_index IN (17, 2999)"));
    await expectWhole();
    await reopenAfter(async () => {
      await tamper("CREATE TABLE tallystick.copy AS tallystick.records");
      await tamper("ALTER TABLE tallystick.copy ATTACH PARTITION ALL FROM tallystick.records");
      await tamper("ALTER TABLE tallystick.copy DELETE WHERE leaf_index != 5");
      await tamper("ALTER TABLE tallystick.records ATTACH PARTITION ALL FROM tallystick.copy");
    });
    await expectWhole();
    journal.add("gone/2026-11", leaves(sampleEntries(0, 5)));
    await index.follower.caughtUp(WAIT_MS);
    const shorter = new LeafJournal();
    shorter.add(TREE, leaves(sampleEntries(0, 2_500)));
    await reopenAfter(async () => {
      journal = shorter;
    });
    await expectWhole();
    const other = new LeafJournal();
    other.add(TREE, leaves(sampleEntries(10, 2_510)));
    await reopenAfter(async () => {
      journal = other;
    });
    await expectWhole();
  });
});

describe("what is derived can be made again", () => {
  test("an index of another schema version is rebuilt while records arrive", async () => {
    journal.add(TREE, leaves(sampleEntries(0, 1_000)));
    await index.follower.caughtUp(WAIT_MS);
    await reopenAfter(() => tamper("ALTER TABLE tallystick.records MODIFY COMMENT 'tallystick schema of old'"));
    journal.add(TREE, leaves(sampleEntries(1_000, 1_100)));
    await expectWhole();
    expect(index.follower.state()).toBe("ready");
  });

  test("reindex drops the table and builds it again", async () => {
    journal.add(TREE, leaves(sampleEntries(0, 1_000)));
    await index.follower.caughtUp(WAIT_MS);
    const announced: number[] = [];
    index.follower.onIndexed((_tree, from, to) => announced.push(to - from));
    await index.reindex(WAIT_MS);
    expect(announced.reduce((sum, count) => sum + count, 0)).toBe(1_000);
    await expectWhole();
  });

  test("a folder that the engine cannot open is deleted and built again", async () => {
    journal.add(TREE, leaves(sampleEntries(0, 100)));
    await index.follower.caughtUp(WAIT_MS);
    await index.close();
    rmSync(join(folder, "engine"), { recursive: true });
    const { writeFileSync } = await import("node:fs");
    writeFileSync(join(folder, "engine"), "no folder");
    open();
    await expectWhole();
    expect(troubles.some((message) => message.includes("built anew"))).toBe(true);
  });
});

describe("a server by URL", () => {
  test("is followed into and read by the same code, also after a restart, and built anew", async () => {
    await index.follower.caughtUp(WAIT_MS);
    const address = index.engineAddress()!;
    const remote = new LeafJournal();
    remote.add(TREE, leaves(sampleEntries(0, 500)));
    const opened = () =>
      openIndex({
        home: { kind: "external", address },
        journal: asJournal(remote),
        compute: inlineCompute(),
        clock: realClock(),
        onTrouble: (message) => troubles.push(message),
      });
    const count = async (from: Index): Promise<number | undefined> => {
      const sql = "SELECT count() AS n, uniqExact(leaf_index) AS leaves FROM records";
      const [row] = (await from.reader.select<{ n: number; leaves: number }>({ sql, params: {} }, LIMITS)).rows;
      return row?.n === row?.leaves ? row?.n : undefined;
    };
    const external = opened();
    await until(() => external.follower.state() === "ready");
    await external.follower.caughtUp(WAIT_MS);
    expect(await count(external)).toBe(500);
    await external.close();
    remote.add(TREE, leaves(sampleEntries(500, 700)));
    const again = opened();
    await again.follower.caughtUp(WAIT_MS);
    expect(await count(again)).toBe(700);
    await again.reindex(WAIT_MS);
    expect(await count(again)).toBe(700);
    await again.close();
  });
});

describe("a tree that was deleted", () => {
  test("leaves no row, whether its days are its own or shared with another tree, and is waited for no more", async () => {
    const [old, day] = ["default/2026-10", 86_400_000_000];
    const entries = [0, 1, 2, 3].map((n) => sampleEntry(n, {}, SAMPLE_START_US - (3 - n) * day));
    journal.add(old, leaves(entries));
    journal.add(TREE, leaves([sampleEntry(4, {}, SAMPLE_START_US + 1)]));
    await index.follower.caughtUp(WAIT_MS);
    journal.forget(old);
    await index.prune();
    await expectWhole();
    expect(index.follower.positions()).toEqual([{ tree: TREE, indexed: 1 }]);
    expect(await rows("SELECT DISTINCT partition FROM system.parts WHERE active AND table = 'records'")).toHaveLength(
      1,
    );
  });
});

describe("leaves that were erased", () => {
  test("are replaced where they lie, and no other part is touched; nothing of them stays in any file", async () => {
    const day = 86_400_000_000;
    const [marker, other] = ["erasedmarker7c1e", "keptmarker90ab"];
    const entries = Array.from({ length: 600 }, (_, n) =>
      sampleEntry(
        n,
        { resource: n === 100 ? `/${marker}` : `/${other}`, attributes: n === 500 ? { key: marker } : {} },
        SAMPLE_START_US + Math.floor(n / 200) * day,
      ),
    );
    journal.add(TREE, leaves(entries));
    await index.follower.caughtUp(WAIT_MS);
    // Days are partitions: the second one has none of the two. A part that is not written again is the same file.
    const between = async () => {
      const sql = "SELECT DISTINCT _part AS part FROM records WHERE leaf_index BETWEEN 200 AND 399";
      const names = (await rows<{ part: string }>(sql)).map(({ part }) => part);
      return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(({ name, parentPath }) => name === "data.bin" && names.includes(basename(parentPath)))
        .map(({ name, parentPath }) => statSync(join(parentPath, name)).ino);
    };
    const before = await between();
    expect(before).toHaveLength(1);
    expect(await plainIndex(folder, TEST_DISK_KEY)).toContain(marker);
    const stub = leaves([sampleEntry(700, { resource: "/stub" }, SAMPLE_START_US)])[0]!;
    for (const at of [100, 500]) journal.overwrite(TREE, at, stub);
    await index.replaceLeaves(TREE, [500, 100, 100, 9_999]);
    await expectWhole();
    expect(await rows("SELECT leaf_index FROM records WHERE resource = '/stub' ORDER BY leaf_index")).toEqual([
      { leaf_index: 100 },
      { leaf_index: 500 },
    ]);
    expect(await between()).toEqual(before);
    await expect
      .poll(async () => (await plainIndex(folder, TEST_DISK_KEY)).includes(marker), {
        timeout: 40_000,
        interval: 1_000,
      })
      .toBe(false);
    expect(await plainIndex(folder, TEST_DISK_KEY)).toContain(other);
    // Very many: from the first of them on the tree is indexed anew.
    for (let at = 300; at < 600; at += 1) journal.overwrite(TREE, at, stub);
    await index.replaceLeaves(
      TREE,
      Array.from({ length: 300 }, (_, n) => 300 + n),
    );
    await index.follower.caughtUp(WAIT_MS);
    await expectWhole();
    expect(await rows("SELECT count() AS n FROM records WHERE resource = '/stub'")).toEqual([{ n: 301 }]);
  });
});

describe("at rest", () => {
  test("no text of a record and no key lies readable in the folder, and files are the owner's alone", async () => {
    const marker = "unmistakable-marker";
    journal.add(
      TREE,
      leaves([sampleEntry(0, { resource: marker, operation: marker, attributes: { key: marker } }, SAMPLE_START_US)]),
    );
    await index.follower.caughtUp(WAIT_MS);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true });
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      expect(statSync(path).mode & 0o077, path).toBe(0);
      if (file.isFile()) expect(readFileSync(path).includes(marker), path).toBe(false);
    }
  });
});
