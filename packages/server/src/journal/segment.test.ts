import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { decodeLeaf, encodeLeaf } from "@tallystick/record";
import { describe, expect, test } from "vitest";

import { kmsOf } from "../kms/file-kms.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import { openKeyring } from "../kms/keyring.ts";
import { manualClock } from "../manual-clock.ts";
import { countEntries, leafAt } from "./entries.ts";
import { sampleId, sampleRecord, seededBytes } from "./memory-journal.ts";
import { readSegment } from "./read-segment.ts";
import type { SegmentBlock } from "./read-segment.ts";
import { sealTask } from "./seal-task.ts";
import { encodeFooterStart, encodeHeader, keyIdOf, parseHeader, segmentKey, segmentName } from "./segment.ts";

interface SegmentVector {
  readonly tree: string;
  readonly first_index: number;
  readonly epoch_key: string;
  readonly integrity_key: string;
  readonly salt: string;
  readonly previous_tag: string;
  readonly standing_tag?: string;
  readonly header: string;
  readonly segment_key: string;
  readonly segment: string;
  readonly leaves: readonly string[];
  readonly leaf_hashes: readonly string[];
  readonly frames: number;
  readonly last_tag: string;
}

interface KeyVectors {
  readonly kms_key: string;
  readonly kms_id: string;
  readonly keys: readonly { readonly name: string; readonly file: string; readonly key: string }[];
}

const vectors = async <Value>(name: string): Promise<Value> => {
  const path = fileURLToPath(new URL(`../../../../docs/formats/vectors/segment/${name}`, import.meta.url));
  return JSON.parse(await readFile(path, "utf8")) as Value;
};
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const hex = (value: Uint8Array): string => Buffer.from(value).toString("hex");

describe("segment format", () => {
  test("the vectors read as they say", async () => {
    for (const vector of await vectors<readonly SegmentVector[]>("segments.json")) {
      const blocks: SegmentBlock[] = [];
      const whole = bytes(vector.segment);
      const source = {
        path: segmentName(vector.first_index),
        sizeBytes: whole.length,
        read: async (offset: number, length: number) => whole.slice(offset, offset + length),
      };
      const report = await readSegment(source, {
        contents: "leaves",
        epochKey: bytes(vector.epoch_key),
        integrityKey: bytes(vector.integrity_key),
        onBlock: (block) => void blocks.push(block),
      });
      expect(report).toMatchObject({ faults: [], sealed: true, mac: "good", frameCount: vector.frames });
      expect(hex(report.lastTag)).toBe(vector.last_tag);
      const leaves = blocks.flatMap(({ entries, count }) =>
        Array.from({ length: count }, (_, place) => Buffer.from(leafAt(entries, place)).toString("utf8")),
      );
      expect(leaves).toEqual(vector.leaves);
      expect(
        blocks.flatMap(({ hashes, count }) =>
          Array.from({ length: count }, (_, at) => hex(hashes.subarray(at * 32, at * 32 + 32))),
        ),
      ).toEqual(vector.leaf_hashes);
      for (const leaf of vector.leaves) expect(decodeLeaf(Buffer.from(leaf))).toHaveProperty("record");
    }
  });

  test("headers and keys are made as the vectors say", async () => {
    for (const vector of await vectors<readonly SegmentVector[]>("segments.json")) {
      const epochKey = bytes(vector.epoch_key);
      const header = {
        tree: vector.tree,
        firstIndex: vector.first_index,
        keyId: keyIdOf(epochKey),
        salt: bytes(vector.salt),
        previousTag: bytes(vector.previous_tag),
        ...(vector.standing_tag === undefined ? {} : { standingTag: bytes(vector.standing_tag) }),
      };
      expect(hex(encodeHeader(header))).toBe(vector.header);
      expect(hex(segmentKey(epochKey, header))).toBe(vector.segment_key);
    }
  });

  test("key files open as the vectors say, and with nothing changed", async () => {
    const { kms_key: kmsKey, kms_id: kmsId, keys } = await vectors<KeyVectors>("keys.json");
    const randomBytes = seededBytes("vectors");
    const kms = kmsOf(bytes(kmsKey), randomBytes);
    expect(kms.keyId).toBe(kmsId);
    const disk = memoryDisk();
    for (const { name, file, key } of keys) {
      disk.tamper(`/keys/${name}.json`, Buffer.from(file));
      const ring = openKeyring({ disk, folder: "/keys", kms, clock: manualClock(), randomBytes });
      expect(hex((await ring.existing(name))!)).toBe(key);
    }
  });

  test("a header cut anywhere is short, never another header", () => {
    const header = encodeHeader({
      tree: "default/2026-11",
      firstIndex: 7,
      keyId: new Uint8Array(8),
      salt: new Uint8Array(32),
      previousTag: new Uint8Array(16),
    });
    for (let length = 0; length < header.length; length++)
      expect(parseHeader(header.subarray(0, length)).kind).toBe("short");
    expect(parseHeader(header)).toMatchObject({ kind: "header", bytes: header.length });
  });

  test("indexes up to 2^53 − 1 keep their value, and nothing larger has an encoding", () => {
    const fields = {
      tree: "a/2026-11",
      keyId: new Uint8Array(8),
      salt: new Uint8Array(32),
      previousTag: new Uint8Array(16),
    };
    const parsed = parseHeader(encodeHeader({ ...fields, firstIndex: Number.MAX_SAFE_INTEGER }));
    expect(parsed).toMatchObject({ header: { firstIndex: Number.MAX_SAFE_INTEGER } });
    expect(() => encodeHeader({ ...fields, firstIndex: Number.MAX_SAFE_INTEGER + 1 })).toThrow();
    expect(() =>
      encodeFooterStart({ frameCount: -1, nextIndex: 0, lastTag: new Uint8Array(16), bodyBytes: 0 }),
    ).toThrow();
  });
});

describe("seal task", () => {
  test("leaves are byte for byte what the record package encodes, records left out are out, hashes are the leaves'", async () => {
    const observed = {
      received_at: "2026-11-25T00:00:00.000000Z",
      principal: "key:käse",
      standing: "claimed" as const,
      source_address: "::1",
      intake: "json",
    };
    const records = [1, 2, 3].map((number) => sampleRecord(sampleId(number), { resource: "/größe" }));
    const texts = records.map((record) => Buffer.from(JSON.stringify(record)));
    const expected = [0, 2].map((place) => encodeLeaf(observed, records[place]!));
    const canonical = expected.map((leaf) => Buffer.from(leaf).toString("utf8").split(',"record":')[1]!.slice(0, -1));
    const parts = [Buffer.from(canonical[0]!), texts[1]!, Buffer.from(canonical[1]!)];
    const offsets = Uint32Array.from([
      0,
      parts[0]!.length,
      parts[0]!.length + parts[1]!.length,
      Buffer.concat(parts).length,
    ]);
    const prefix = Buffer.from(expected[0]!).toString("utf8").split(canonical[0]!)[0]!;
    const place = {
      segmentKey: new Uint8Array(32),
      headerHash: new Uint8Array(32),
      previousTag: new Uint8Array(16),
      number: 0,
      firstIndex: 0,
    };
    const { output } = await sealTask.run({
      place,
      batches: [
        {
          bytes: new Uint8Array(Buffer.concat(parts)),
          offsets,
          keep: Uint8Array.of(6, 0, 6),
          prefixes: ["", "", "", "", "", prefix],
        },
      ],
    });
    expect(countEntries(output.entries)).toBe(2);
    expect([0, 1].map((at) => hex(leafAt(output.entries, at)))).toEqual(expected.map(hex));
    const hashes = expected.map((leaf) => createHash("sha256").update(Uint8Array.of(0)).update(leaf).digest("hex"));
    expect(hex(output.hashes)).toBe(hashes.join(""));
  });
});
