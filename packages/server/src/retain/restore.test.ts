/** Backups of a folder while it is written to, and what becomes of them. */
import { decodeLeaf } from "@tallystick/record";
import { describe, expect, it } from "vitest";
import { openAlerting } from "../alert/open-alerting.ts";
import type { Alerting } from "../alert/open-alerting.ts";
import { sampleFinding } from "../alert/sample-finding.contract.ts";
import { DATA, FolderBench } from "../fsck/folder-bench.contract.ts";
import { leafAt } from "../journal/entries.ts";
import type { Journal } from "../journal/journal.ts";
import { trimTree } from "../journal/trim-tree.ts";
import { openFileKms } from "../kms/file-kms.ts";
import type { Keyring } from "../kms/kms.ts";
import { backUp } from "./backup.ts";
import type { BackupResult } from "./backup.ts";
import { holdersOf } from "./backup-places.ts";
import { RetentionBench } from "./retention-bench.contract.ts";
import { closeTrees, restoreFiles } from "./restore.ts";
import type { RestoreParts } from "./restore.ts";

const BACKUP = "/backup";

function back(bench: FolderBench, target = BACKUP): Promise<BackupResult> {
  const { disk, clock } = bench;
  return backUp({ disk, clock, dataFolder: DATA, headFolder: `${DATA}/head`, target, onProgress: () => {} });
}

/** A folder of its own, restored out of the backup on the other one's disk. */
async function restored(from: FolderBench, change: Partial<RestoreParts> = {}): Promise<FolderBench> {
  const bench = await from.copy((path) => path.startsWith(`${BACKUP}/`) || path === `${DATA}/kms.key`);
  const { disk } = bench;
  const parts = {
    disk,
    source: BACKUP,
    target: DATA,
    headFolder: `${DATA}/head`,
    acceptLoss: false,
    onProgress: () => {},
  };
  const files = await restoreFiles({ ...parts, ...change });
  const keyring = await keyringOf(bench);
  await closeTrees({ ...parts, ...change, ...closing(bench), keyring }, files);
  // As the administrator's token, which a start makes.
  disk.tamper(`${DATA}/admin.token`, from.disk.files().get(`${DATA}/admin.token`)!);
  return bench;
}

function closing(bench: FolderBench, nowUs = bench.clock.nowUs()) {
  const randomBytes = (size: number): Uint8Array => bench.randomBytes(size);
  return { nowUs, policyOf: () => ({ kind: "month" }) as const, logs: ["control", "default"], randomBytes };
}

async function keyringOf(bench: FolderBench): Promise<Keyring> {
  const kms = await openFileKms(bench.disk, `${DATA}/kms.key`, (size) => bench.randomBytes(size));
  return bench.keyring(kms!);
}

async function leaves(bench: FolderBench, tree: string): Promise<readonly string[]> {
  const size = bench.journal.trees().find((one) => one.tree === tree)?.size ?? 0;
  const texts: string[] = [];
  for (let index = 0; index < size; index += 1) {
    const range = await bench.journal.read(tree, index, 1);
    texts.push(Buffer.from(leafAt(range!.entries, 0)).toString("utf8"));
  }
  return texts;
}

const sizes = (bench: FolderBench): readonly string[] =>
  bench.journal.trees().map(({ tree, size }) => `${tree} ${size}`);

describe("a backup of a running server", () => {
  it("becomes a folder whose trees are closed where it ends, and whose new ones name them", async () => {
    const bench = new FolderBench({ journal: { segmentBytes: 2_000 } });
    await bench.start();
    await bench.append("control", 3);
    for (let batch = 0; batch < 5; batch += 1) await bench.append("default", 20);
    await bench.publish();
    await bench.append("default", 7);
    const made = await back(bench);
    expect(made.trees).toEqual([
      { tree: "control/2026-11", size: 4 },
      { tree: "default/2026-11", size: 101 },
    ]);
    await bench.append("default", 50);
    const again = await restored(bench);
    await again.start();
    expect(sizes(again)).toEqual(["control/2026-11 4", "default/2026-11 101"]);
    expect(await leaves(again, "default/2026-11")).toEqual((await leaves(bench, "default/2026-11")).slice(0, 101));
    await again.append("default", 2);
    await again.append("control", 1);
    await again.publish();
    expect(
      sizes(again)
        .filter((text) => text.includes(".r1"))
        .sort(),
    ).toEqual(["control/2026-11.r1 3", "default/2026-11.r1 4"]);
    const opening = decodeLeaf(Buffer.from((await leaves(again, "default/2026-11.r1"))[0]!)).record;
    expect(opening.attributes).toMatchObject({
      "tallystick.tree": "default/2026-11.r1",
      "tallystick.previous_tree": "default/2026-11",
      "tallystick.previous_size": "101",
    });
    await again.stop();
    expect((await again.verify()).faults).toEqual([]);
    await again.start();
    await again.append("default", 1);
    expect(sizes(again)).toContain("default/2026-11.r1 5");
    await again.stop();
    expect((await again.verify()).faults).toEqual([]);
    await bench.stop();
    expect((await bench.verify()).faults).toEqual([]);
  });

  it("copies again only what is new, and never the KMS key or the token", async () => {
    const bench = new FolderBench({ journal: { segmentBytes: 2_000 } });
    await bench.start();
    for (let batch = 0; batch < 6; batch += 1) await bench.append("default", 20);
    await bench.publish();
    const first = await back(bench);
    await bench.append("default", 20);
    await bench.publish();
    const second = await back(bench);
    expect(second.copiedFiles).toBeLessThan(first.copiedFiles);
    expect(second.removedFiles).toBeGreaterThan(0);
    expect((await back(bench)).copiedFiles).toBe(0);
    const secrets = ["kms.key", "admin.token"].map((name) => bench.disk.files().get(`${DATA}/${name}`)!);
    for (const [path, bytes] of bench.disk.files())
      if (path.startsWith(`${BACKUP}/`))
        for (const secret of secrets)
          expect(bytes.includes(secret[0]!) && Buffer.from(bytes).includes(Buffer.from(secret)), path).toBe(false);
    await bench.stop();
  });

  it("holds nothing of what retention deleted before it, and what is left verifies", async () => {
    const bench = new RetentionBench();
    await bench.start();
    await bench.epochs(4);
    await back(bench.folder);
    await bench.pass();
    expect(bench.deleted.length).toBeGreaterThan(0);
    const made = await back(bench.folder);
    expect(made.trees.map(({ tree }) => tree)).not.toContain(bench.deleted[0]);
    expect(made.removedFiles).toBeGreaterThan(0);
    const again = await restored(bench.folder);
    await again.start();
    await again.append("default", 1);
    await again.stop();
    expect((await again.verify()).faults).toEqual([]);
    await bench.stop();
  });

  it("is refused when a file of it is not what was backed up, when something is in the way, and for another server", async () => {
    const bench = new FolderBench();
    await bench.start();
    await bench.append("default", 5);
    await bench.publish();
    await expect(back(bench, `${DATA}/head`)).rejects.toMatchObject({ code: "bad_request" });
    await back(bench);
    const [path, bytes] = [...bench.disk.files()].findLast(([name]) => name.startsWith(`${BACKUP}/files/`))!;
    bench.disk.tamper(path, Buffer.concat([bytes.subarray(1), Buffer.from([0])]));
    await expect(restored(bench)).rejects.toMatchObject({ code: "backup_damaged" });
    bench.disk.tamper(path, null);
    await expect(restored(bench)).rejects.toMatchObject({ code: "backup_damaged" });
    bench.disk.tamper(path, bytes);
    await expect(restored(bench, { target: `${BACKUP}/files` })).rejects.toMatchObject({ code: "bad_request" });
    await expect(restored(bench, { source: "/nowhere" })).rejects.toMatchObject({ code: "not_found" });
    const manifest = Buffer.from(bench.disk.files().get(`${BACKUP}/backup.json`)!).toString("utf8");
    bench.disk.tamper(`${BACKUP}/backup.json`, Buffer.from(manifest.replace('"path":"server.json"', '"path":"../x"')));
    await expect(restored(bench)).rejects.toMatchObject({ code: "backup_damaged" });
    bench.disk.tamper(`${BACKUP}/backup.json`, Buffer.from(manifest.replace("log.example", "other.example")));
    await expect(back(bench)).rejects.toMatchObject({ code: "bad_request" });
    await bench.stop();
  });

  it("leaves the folder as it was where it fails, and the heads elsewhere, so that it can be tried again", async () => {
    const bench = new FolderBench();
    await bench.start();
    await bench.append("default", 5);
    await bench.publish();
    await back(bench);
    await bench.stop();
    const { disk } = await bench.copy((path) => path.startsWith(`${BACKUP}/`));
    const [target, headFolder] = ["/new", "/away"];
    const known = Buffer.from(bench.disk.files().get(`${DATA}/head/default/2026-11.note`)!);
    const newer = Buffer.from(known.toString("latin1").replace("\n6\n", "\n9\n"), "latin1");
    disk.tamper(`${target}/kms.key`, Buffer.from("as it was"));
    await disk.makeFolder(`${headFolder}/default`);
    disk.tamper(`${headFolder}/default/2026-11.note`, newer);
    const before = [...disk.files().keys()].filter((path) => !path.startsWith(`${BACKUP}/`));
    const blobs = [...disk.files()].filter(([path]) => path.startsWith(`${BACKUP}/files/`));
    const parts = { disk, source: BACKUP, target, headFolder, acceptLoss: true, onProgress: () => {} };
    for (const [path, bytes] of blobs) {
      disk.tamper(path, Buffer.concat([bytes.subarray(1), Buffer.from([0])]));
      await expect(restoreFiles(parts)).rejects.toMatchObject({ code: "backup_damaged" });
      expect([...disk.files().keys()].filter((name) => !name.startsWith(`${BACKUP}/`))).toEqual(before);
      expect(await disk.list(target)).toEqual(["kms.key"]);
      expect(disk.files().get(`${headFolder}/default/2026-11.note`)).toEqual(Uint8Array.from(newer));
      disk.tamper(path, bytes);
    }
    expect((await restoreFiles(parts)).known).toHaveLength(1);
  });

  it("is refused when a head store elsewhere knows more, unless the loss is accepted, which is then known", async () => {
    const bench = new FolderBench();
    await bench.start();
    await bench.append("default", 5);
    await bench.publish();
    await back(bench);
    await bench.append("default", 5);
    await bench.publish();
    const newer = bench.disk.files().get(`${DATA}/head/default/2026-11.note`)!;
    await bench.disk.makeFolder(`${BACKUP}/away/default`);
    bench.disk.tamper(`${BACKUP}/away/default/2026-11.note`, newer);
    const away = { headFolder: `${BACKUP}/away` };
    await expect(restored(bench, away)).rejects.toMatchObject({ code: "ledger_rollback" });
    const copy = await bench.copy();
    const parts = { disk: copy.disk, source: BACKUP, target: "/new", acceptLoss: true, ...away, onProgress: () => {} };
    const files = await restoreFiles(parts);
    const keyring = await keyringOf(bench);
    expect(files.manifest.trees).toEqual([{ tree: "default/2026-11", size: 6 }]);
    const closed = await closeTrees({ ...parts, ...closing(bench), keyring }, files);
    expect(closed).toEqual([
      expect.objectContaining({ closed: "default/2026-11", size: 6, next: "default/2026-11.r1", lost: 5 }),
      expect.objectContaining({ log: "control", closed: null, next: "control/2026-11.r1", lost: 0 }),
    ]);
    const later = await bench.copy();
    const inJanuary = closing(bench, Date.UTC(2027, 0, 5) * 1_000);
    const [first] = await closeTrees(
      {
        ...parts,
        ...inJanuary,
        disk: later.disk,
        target: DATA,
        headFolder: `${DATA}/head`,
        keyring: await keyringOf(later),
      },
      files,
    );
    expect(first).toMatchObject({ closed: "default/2026-11", next: "default/2027-01.r1" });
    await bench.stop();
  });
});

describe("a tree that is cut for a restore", () => {
  it("keeps exactly the leaves that were wanted, wherever the frames lie", async () => {
    const bench = new FolderBench({ journal: { segmentBytes: 1_500 } });
    await bench.start();
    for (let batch = 0; batch < 4; batch += 1) await bench.append("default", 9);
    await bench.publish();
    const all = await leaves(bench, "default/2026-11");
    for (const size of [1, 2, 9, 10, 11, 19, 20, 30, 36, 37]) {
      const copy = await bench.copy((path) => !path.endsWith("/lock"));
      const parts = {
        disk: copy.disk,
        keyring: await keyringOf(copy),
        randomBytes: (length: number) => copy.randomBytes(length),
      };
      await trimTree(parts, `${DATA}/journal`, "default/2026-11", size);
      await trimTree(parts, `${DATA}/journal`, "default/2026-11", size);
      for (const path of copy.disk.files().keys())
        if (path.includes("/head/") || path.includes("/ledger/")) copy.disk.tamper(path, null);
      for (const epoch of ["/ledger/default/2026-11/tile/0", "/ledger/default/2026-11/tile", "/ledger/default/2026-11"])
        await removeFolders(copy, `${DATA}${epoch}`);
      await copy.start();
      expect(await leaves(copy, "default/2026-11"), `${size}`).toEqual(all.slice(0, size));
      await copy.stop();
      expect((await copy.verify()).faults, `${size}`).toEqual([]);
    }
    const copy = await bench.copy();
    const parts = {
      disk: copy.disk,
      keyring: await keyringOf(copy),
      randomBytes: (length: number) => copy.randomBytes(length),
    };
    await expect(trimTree(parts, `${DATA}/journal`, "default/2026-11", 38)).rejects.toMatchObject({
      code: "journal_corrupt",
    });
    await bench.stop();
  });
});

async function removeFolders({ disk }: FolderBench, folder: string): Promise<void> {
  for (const name of await disk.list(folder))
    await removeFolders({ disk } as FolderBench, `${folder}/${name.replace(/\/$/, "")}`);
  await disk.remove(folder);
}

it("an erasure knows which backups hold its leaves", () => {
  const places = [
    { place: "/mnt/a", made_at: "2026-11-26T00:00:00Z", trees: [{ tree: "default/2026-11", size: 10 }] },
    { place: "/mnt/b", made_at: "2026-11-26T00:00:00Z", trees: [{ tree: "default/2026-11", size: 5 }] },
  ];
  const leaf = (index: number) => [{ tree: "default/2026-11", leaf_index: index }];
  expect(holdersOf(places, leaf(4))).toHaveLength(2);
  expect(holdersOf(places, leaf(9))).toEqual(["/mnt/a (2026-11-26T00:00:00Z)"]);
  expect(holdersOf(places, leaf(10))).toEqual([]);
});

describe("what goes on in the log `alerts`", () => {
  const alertingOn = (bench: FolderBench, journal: Journal = bench.journal): Promise<Alerting> =>
    openAlerting({ journal, clock: bench.clock, random: (size) => bench.randomBytes(size) });
  const stateOf = ({ alerts, silences }: Alerting) => ({
    alerts: alerts.list(),
    silences: silences.list().map(({ id, startsAtUs, endsAtUs, comment }) => ({ id, startsAtUs, endsAtUs, comment })),
  });

  it("is after a restore what it was at the backup, and stays when the tree from before the restore has gone", async () => {
    const bench = new FolderBench();
    await bench.start();
    const before = await alertingOn(bench);
    await before.alerts.sink([
      sampleFinding(),
      sampleFinding({ labels: { service: "billing" } }),
      sampleFinding({ labels: { service: "shop" } }),
    ]);
    const [shop, billing, orders] = before.alerts.list();
    await before.alerts.act("user:ada", orders!.id, "acknowledge", "looking");
    await before.alerts.act("user:ada", shop!.id, "resolve");
    const hour = { startsAtUs: bench.clock.nowUs(), endsAtUs: bench.clock.nowUs() + 3_600_000_000, comment: "known" };
    const silence = await before.silences.place("user:ada", { ...hour, matchers: ["service=orders"] });
    await bench.publish();
    const atBackup = stateOf(before);
    await back(bench);
    await before.alerts.act("user:ada", billing!.id, "resolve");
    await before.silences.place("user:ada", { ...hour, matchers: ["service=billing"] });
    await bench.publish();

    const again = await restored(bench);
    await again.start();
    const after = await alertingOn(again);
    expect(stateOf(after)).toEqual(atBackup);
    await after.alerts.act("user:bob", billing!.id, "comment", "after the restore");
    const [closed, newer, ...others] = again.journal.trees().filter(({ log }) => log === "alerts");
    expect([closed!.tree, newer!.tree, others]).toEqual(["alerts/2026-11", "alerts/2026-11.r1", []]);

    expect(await after.log.snapshotAfter(closed!.tree)).toBe(newer!.tree);
    const { journal } = again;
    const left = { ...journal, trees: () => [newer!], read: journal.read.bind(journal) };
    const alone = await alertingOn(again, left);
    for (const { id } of [orders!, billing!]) expect(alone.alerts.find(id)).toEqual(after.alerts.find(id));
    expect(alone.alerts.find(billing!.id)?.steps.at(-1)).toMatchObject({ kind: "commented", by: "user:bob" });
    expect(alone.alerts.find(shop!.id)).toBeNull();
    expect(alone.silences.of({ service: "orders" })).toBe(silence.id);
    expect(alone.silences.of({ service: "billing" })).toBeNull();
    // And over both, as a start reads them: the snapshot tells nothing twice.
    expect(stateOf(await alertingOn(again))).toEqual(stateOf(after));
    await again.stop();
    expect((await again.verify()).faults).toEqual([]);
    await bench.stop();
  });
});
