import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { writeSummed } from "../disk/summed-json.ts";
import type { TallystickError } from "../errors.ts";
import { DATA, FolderBench } from "./folder-bench.contract.ts";

/** Thousands of verifications. */
const EVERY_BYTE_TIMEOUT_MS = 300_000;
let bench: FolderBench;
let files: ReadonlyMap<string, Uint8Array>;

/** Two trees, the first with `count` leaves and one more segment. */
async function prepare(count: number): Promise<void> {
  bench = new FolderBench({ epoch: { kind: "duration", seconds: 10 }, journal: { segmentBytes: 600 } });
  await bench.start();
  await bench.append("default", count);
  await bench.append("default", 1);
  await bench.publish();
  bench.clock.advance(10_000);
  await bench.append("default", 1);
  await bench.stop();
  files = bench.disk.files();
}

const nameOf = (path: string): string => path.slice(DATA.length + 1);

/** Damages one file, verifies, puts it back; the result names the file (or what stands in for it). */
async function expectFound(path: string, bytes: Uint8Array | null): Promise<void> {
  const before = files.get(path) ?? null;
  bench.disk.tamper(path, bytes);
  // A flipped bit can make the format a newer one, which is refused by the file's name.
  const refused = (error: TallystickError) => ({ clean: false, faults: [{ file: nameOf(String(error.at["file"])) }] });
  const result = await bench.verify().catch(refused);
  bench.disk.tamper(path, before);
  expect(result.clean).toBe(false);
  expect(result.faults.map(({ file }) => file)).toContain(nameOf(path));
}

const flipped = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7)));

describe("after a clean stop of a small folder", () => {
  beforeAll(() => prepare(2));

  it(
    "a flipped bit is found in every byte of every small file, header and footer, with its file",
    async () => {
      for (const [path, bytes] of files) {
        for (let at = 0; at < bytes.length; at += at > 260 && at < bytes.length - 80 ? 7 : 1) {
          await expectFound(path, flipped(bytes, at * 8 + (at % 8)));
        }
      }
    },
    EVERY_BYTE_TIMEOUT_MS,
  );
});

describe("after a clean stop", () => {
  beforeAll(() => prepare(300));

  it("the folder is clean", async () => {
    expect((await bench.verify()).faults).toEqual([]);
  });

  it("a flipped bit is found anywhere, with its file", async () => {
    const all = [...files];
    const place = fc.record({
      file: fc.nat({ max: all.length - 1 }),
      bit: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    });
    await fc.assert(
      fc.asyncProperty(place, async ({ file, bit }) => {
        const [path, bytes] = all[file]!;
        await expectFound(path, flipped(bytes, Math.floor(bit * bytes.length * 8)));
      }),
      { numRuns: 300 },
    );
  });

  it("a shortened or lengthened file is found", async () => {
    for (const [path, bytes] of files) {
      for (const length of new Set([0, 1, bytes.length >> 1, bytes.length - 1]))
        await expectFound(path, bytes.subarray(0, length));
      await expectFound(path, Buffer.concat([bytes, Buffer.from("\n")]));
      await expectFound(path, Buffer.concat([bytes, bytes]));
      await expectFound(path, Buffer.alloc(bytes.length));
    }
  });

  it("a segment without its footer is found", async () => {
    for (const [path, bytes] of files) if (path.endsWith(".seg")) await expectFound(path, bytes.subarray(0, -76));
  });

  it("a deleted file is found", async () => {
    for (const path of files.keys()) {
      if (path.endsWith("/kms.key") || /keys\/(index|redaction)\.json$/.test(path)) continue;
      bench.disk.tamper(path, null);
      const result = await bench.verify();
      bench.disk.tamper(path, files.get(path)!);
      expect(result.clean).toBe(false);
    }
  });

  it("what is kept beside the log is found damaged; it may be gone, or of before there were sums", async () => {
    const summed = writeSummed({ version: 1, trees: { "default/t": { single: 3, together: 2 } } });
    for (const name of ["quotas.json", "rules.json", "backups.json", "fsck.json"]) {
      const path = `${DATA}/${name}`;
      await expectFound(path, flipped(summed, summed.length * 4));
      for (const fine of [summed, Buffer.from("{}\n"), null]) {
        bench.disk.tamper(path, fine);
        expect((await bench.verify()).faults).toEqual([]);
      }
    }
  });

  it("an added file is found in every folder", async () => {
    const folders = new Set([...files.keys()].map((path) => path.slice(0, path.lastIndexOf("/"))));
    for (const folder of folders) {
      await expectFound(`${folder}/stranger`, Buffer.from("x"));
      await expectFound(`${folder}/stranger.tmp`, Buffer.from("x"));
    }
  });

  it("a superseded tile that was put back is found", async () => {
    const tree = [...files.keys()].find((path) => path.includes("/tile/0/000"))!.split("/tile/")[0]!;
    await bench.disk.makeFolder(`${tree}/tile/0/000.p`);
    await expectFound(`${tree}/tile/0/000.p/5`, files.get(`${tree}/tile/0/000`)!.subarray(0, 160));
  });

  it("two files of a kind exchanged are found", async () => {
    const kinds = [".seg", ".note", "/checkpoint", ".json", "/tile/0/"];
    for (const kind of kinds) {
      const alike = [...files.keys()].filter((path) => path.includes(kind));
      for (const [at, one] of alike.entries()) {
        const other = alike[at + 1];
        if (other === undefined || Buffer.compare(files.get(one)!, files.get(other)!) === 0) continue;
        bench.disk.tamper(one, files.get(other)!);
        await expectFound(other, files.get(one)!);
        bench.disk.tamper(one, files.get(one)!);
      }
    }
  });
});
