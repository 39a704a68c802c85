import { describe, expect, test } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import type { MemoryDisk } from "../disk/memory-disk.ts";
import { isTallystickError } from "../errors.ts";
import { manualClock } from "../manual-clock.ts";
import type { ManualClock } from "../manual-clock.ts";
import { allLeaves, keyringOf, openOn, range } from "./journal.contract.ts";
import { batchOf } from "./memory-journal.ts";
import { readSegment } from "./read-segment.ts";
import type { ReadSegmentOptions, SegmentReport } from "./read-segment.ts";
import { FOOTER_BYTES, headerBytes } from "./segment.ts";
import { diskSource } from "./segment-source.ts";
import { digestOf } from "./own-records.ts";

const TREE = "default/2026-11";
const PATH = `/tallystick/journal/${TREE}/00000000000000000000.seg`;
const HEADER_BYTES = headerBytes(TREE);

interface Written {
  readonly disk: MemoryDisk;
  readonly clock: ManualClock;
  readonly bytes: Uint8Array;
  readonly keys: { readonly epochKey: Uint8Array; readonly integrityKey: Uint8Array };
  /** Where each frame begins, and after the last its end. */
  readonly frames: readonly number[];
}

/** Four frames of a few leaves; sealed, or as a kill leaves it. */
async function written(seal: boolean): Promise<Written> {
  const disk = memoryDisk();
  const clock = manualClock();
  const { journal } = await openOn(disk, clock);
  const frames = [HEADER_BYTES];
  for (let from = 0; from < 8; from += 2) {
    await journal.append("default", batchOf(range(from, from + 2)));
    frames.push((await disk.size(PATH))!);
  }
  await journal.close({ seal });
  const keyring = keyringOf(disk, clock);
  const epochKey = (await keyring.existing("epoch.default.2026-11"))!;
  const integrityKey = (await keyring.existing("integrity"))!;
  return { disk, clock, bytes: (await disk.readFile(PATH))!, keys: { epochKey, integrityKey }, frames };
}

async function read(one: Written, bytes: Uint8Array, options: ReadSegmentOptions): Promise<SegmentReport> {
  one.disk.tamper(PATH, bytes);
  return readSegment(await diskSource(one.disk, PATH), options);
}

const flipped = (bytes: Uint8Array, at: number, bit = 1): Uint8Array => {
  const changed = new Uint8Array(bytes);
  changed[at]! ^= bit;
  return changed;
};
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe("a sealed segment", () => {
  test("reads as whole with all keys, with the integrity key alone, and without any", async () => {
    const one = await written(true);
    const whole = { faults: [], sealed: true, frameCount: 4, nextIndex: 9, tail: null };
    const blocks: number[] = [];
    const onBlock = ({ firstIndex, count }: { firstIndex: number; count: number }) =>
      void blocks.push(firstIndex, count);
    expect(await read(one, one.bytes, { contents: "leaves", ...one.keys, onBlock })).toMatchObject({
      ...whole,
      contents: "checked",
      mac: "good",
    });
    expect(blocks).toEqual([0, 9]);
    const { integrityKey } = one.keys;
    expect(await read(one, one.bytes, { contents: "structure", integrityKey })).toMatchObject({
      ...whole,
      contents: "not checked",
      mac: "good",
    });
    expect(await read(one, one.bytes, { contents: "structure" })).toMatchObject({ ...whole, mac: "not checked" });
  });

  test("with any byte flipped has a fault, found with the integrity key alone", async () => {
    const one = await written(true);
    const { integrityKey } = one.keys;
    for (let at = 0; at < one.bytes.length; at++) {
      const changed = flipped(one.bytes, at, 1 << (at % 8));
      const report = await read(one, changed, { contents: "structure", integrityKey });
      expect(report.faults.length, `byte ${at}`).toBeGreaterThan(0);
    }
  });

  test("with any byte of header or frames flipped has a fault that names the frame, found with the epoch key alone", async () => {
    const one = await written(true);
    const { epochKey } = one.keys;
    for (let at = 0; at < one.frames.at(-1)!; at++) {
      const report = await read(one, flipped(one.bytes, at, 1 << (at % 8)), { contents: "leaves", epochKey });
      const frame = one.frames.findLastIndex((offset) => offset <= at);
      expect(report.faults[0], `byte ${at}`).toMatchObject(
        frame < 0
          ? { code: "segment_header" }
          : { code: "segment_frame", frame, offset: one.frames[frame], file: PATH },
      );
      expect(report.faults.every((fault) => fault.file === PATH)).toBe(true);
    }
  });

  test("cut short anywhere is no sealed segment any more, or has a fault", async () => {
    const one = await written(true);
    for (let length = 0; length < one.bytes.length; length++) {
      const report = await read(one, one.bytes.subarray(0, length), { contents: "tags", ...one.keys });
      expect(!report.sealed || report.faults.length > 0, `cut to ${length}`).toBe(true);
    }
  });

  test("with frames removed, repeated, exchanged or moved from elsewhere has a fault", async () => {
    const one = await written(true);
    const other = await written(true);
    const [start, a, b, c, end] = one.frames as [number, number, number, number, number];
    const part = (from: number, to: number): Uint8Array => one.bytes.subarray(from, to);
    const cases: Record<string, Uint8Array> = {
      "first removed": joined(part(0, start), part(a, one.bytes.length)),
      "middle removed": joined(part(0, a), part(b, one.bytes.length)),
      "last removed": joined(part(0, c), part(end, one.bytes.length)),
      repeated: joined(part(0, b), part(a, one.bytes.length)),
      exchanged: joined(part(0, start), part(a, b), part(start, a), part(b, one.bytes.length)),
      "from another segment": joined(
        part(0, a),
        other.bytes.subarray(other.frames[1], other.frames[2]),
        part(b, one.bytes.length),
      ),
      "bytes added": joined(one.bytes, Uint8Array.of(0)),
    };
    for (const [name, bytes] of Object.entries(cases)) {
      for (const options of [
        { contents: "tags" as const, ...one.keys },
        { contents: "structure" as const, integrityKey: one.keys.integrityKey },
      ]) {
        const report = await read(one, bytes, options);
        expect(report.faults.length > 0 || report.tail !== null, name).toBe(true);
      }
    }
  });

  test("under another epoch key says so", async () => {
    const one = await written(true);
    const report = await read(one, one.bytes, { contents: "leaves", epochKey: new Uint8Array(32) });
    expect(report.faults).toMatchObject([{ code: "segment_key" }]);
    expect(report.contents).toBe("not checked");
  });
});

describe("a start", () => {
  const restart = (one: Written, integrated: number) =>
    openOn(one.disk, one.clock, { integratedSize: async () => integrated });
  const corrupt = (at: object) => (error: unknown) => {
    expect(isTallystickError(error, "journal_corrupt"), String(error)).toBe(true);
    expect(error).toMatchObject({ fatal: true, at });
    return true;
  };

  test("after a kill finds every whole frame, seals the segment and tells nothing, since nothing was cut", async () => {
    const one = await written(false);
    const { journal } = await restart(one, 9);
    const leaves = await allLeaves(journal);
    expect(leaves.slice(1).map(({ record }) => record)).toEqual(range(0, 8));
    expect(await read(one, (await one.disk.readFile(PATH))!, { contents: "tags", ...one.keys })).toMatchObject({
      sealed: true,
      mac: "good",
    });
  });

  test("cuts a tail wherever the file was torn, keeps the bytes and tells of it", async () => {
    const one = await written(false);
    const [, , , last, end] = one.frames as [number, number, number, number, number];
    for (let length = last + 1; length < end; length += 7) {
      const again = { ...one, disk: memoryDisk() };
      for (const [path, bytes] of one.disk.files())
        again.disk.tamper(path, path === PATH ? bytes.subarray(0, length) : bytes);
      for (const folder of ["/tallystick/keys", `/tallystick/journal/${TREE}`]) await again.disk.makeFolder(folder);
      const { journal } = await restart(again, 7);
      const leaves = await allLeaves(journal);
      expect(leaves.slice(1, 7).map(({ record }) => record)).toEqual(range(0, 6));
      expect(leaves.at(-1)!.record).toMatchObject({ event_type: "LOG_LIFECYCLE", operation: "journal tail cut" });
      expect(leaves.at(-1)!.record.attributes).toEqual({
        "tallystick.tree": TREE,
        "tallystick.kept_as": "00000000000000000000.seg.cut-1",
        "tallystick.cut_bytes": String(length - last),
        "tallystick.cut_digest": digestOf(one.bytes.subarray(last, length)),
        "tallystick.next_index": "7",
      });
      const kept = await again.disk.readFile(`${PATH}.cut-1`);
      expect(Buffer.compare(kept!, one.bytes.subarray(last, length))).toBe(0);
    }
  });

  test("stops when the head store knows a leaf that would be cut", async () => {
    const one = await written(false);
    one.disk.tamper(PATH, one.bytes.subarray(0, one.frames[4]! - 1));
    await expect(restart(one, 8)).rejects.toSatisfy(corrupt({ file: PATH, frame: 3, offset: one.frames[3], index: 7 }));
    expect(await one.disk.size(PATH)).toBe(one.frames[4]! - 1);
  });

  test("stops at any damage that is followed by a whole frame, and changes nothing", async () => {
    const one = await written(false);
    for (let at = 0; at < one.frames[3]!; at += 3) {
      const changed = flipped(one.bytes, at);
      one.disk.tamper(PATH, changed);
      await expect(restart(one, 0), `byte ${at}`).rejects.toSatisfy(corrupt({ file: PATH }));
      expect(Buffer.compare((await one.disk.readFile(PATH))!, changed)).toBe(0);
    }
  });

  test("stops at a damaged footer, and at any other damage in the newest segment", async () => {
    const one = await written(true);
    for (let at = 0; at < one.bytes.length; at += at < one.bytes.length - FOOTER_BYTES ? 11 : 1) {
      one.disk.tamper(PATH, flipped(one.bytes, at));
      await expect(restart(one, 9), `byte ${at}`).rejects.toSatisfy(corrupt({ file: PATH }));
    }
  });

  test("stops when a segment is missing, or something lies there that does not belong", async () => {
    const one = await written(true);
    one.disk.tamper(PATH, null);
    await expect(restart(one, 9)).rejects.toSatisfy(corrupt({ index: 0 }));
    const two = await written(true);
    two.disk.tamper(`/tallystick/journal/${TREE}/notes.txt`, new Uint8Array(1));
    await expect(restart(two, 9)).rejects.toSatisfy(corrupt({ file: `/tallystick/journal/${TREE}/notes.txt` }));
    const three = await written(true);
    three.disk.tamper(`/tallystick/journal/${TREE}/00000000000000000099.seg`, three.bytes);
    await expect(restart(three, 9)).rejects.toSatisfy(
      corrupt({ file: `/tallystick/journal/${TREE}/00000000000000000099.seg` }),
    );
  });

  test.each(["integrity", "epoch.default.2026-11"])(
    "stops when the key %s is gone, and makes no other",
    async (name) => {
      const one = await written(true);
      one.disk.tamper(`/tallystick/keys/${name}.json`, null);
      await expect(restart(one, 9)).rejects.toMatchObject({ fatal: true });
      expect(await one.disk.size(`/tallystick/keys/${name}.json`)).toBeNull();
    },
  );

  test("stops when a segment that is not the newest has lost its footer", async () => {
    const one = await written(true);
    const { journal } = await restart(one, 9);
    await journal.append("default", batchOf(range(8, 9)));
    await journal.close({ seal: true });
    one.disk.tamper(PATH, one.bytes.subarray(0, one.bytes.length - FOOTER_BYTES));
    await expect(restart(one, 9)).rejects.toSatisfy(corrupt({ file: PATH }));
  });

  test("a read of damaged bytes is a loud error with segment, frame and offset, never other leaves", async () => {
    const one = await written(true);
    const { journal } = await restart(one, 9);
    one.disk.tamper(PATH, flipped(one.bytes, one.frames[2]! + 50));
    await expect(journal.read(TREE, 5, 1)).rejects.toSatisfy(corrupt({ file: PATH, frame: 2, offset: one.frames[2] }));
  });
});
