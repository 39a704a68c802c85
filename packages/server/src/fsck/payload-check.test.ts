import { createHash } from "node:crypto";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { inlineCompute } from "../compute/inline.ts";
import { batchOf, sampleId, sampleRecord, seededBytes } from "../journal/memory-journal.ts";
import { openPayloadStore } from "../payload/payload-store.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import { erasureRecords } from "../retain/erasure.ts";
import type { ErasedItem, Erasure } from "../retain/erasure.ts";
import { openErasureList } from "../retain/erasure-list.ts";
import type { ErasureList } from "../retain/erasure-list.ts";
import { DATA, FolderBench } from "./folder-bench.contract.ts";

let bench: FolderBench;
let payloads: PayloadStore;
let list: ErasureList;
let items: ErasedItem[];

/** Three records with a body each, as intake stores them. */
beforeEach(async () => {
  bench = new FolderBench();
  await bench.start();
  const keyring = bench.keyring(await bench.kms());
  payloads = await openPayloadStore({
    folder: `${DATA}/payload`,
    disk: bench.disk,
    compute: inlineCompute(),
    keyring,
    clock: bench.clock,
    randomBytes: seededBytes("payload check"),
    epochOf: () => ({ kind: "month" }),
  });
  list = await openErasureList(bench.disk, `${DATA}/erasures`, await keyring.signer());
  items = [];
  for (const [place, text] of ["first", "second", "third"].entries()) {
    const bytes = Buffer.from(text);
    const content = createHash("sha256").update(bytes).digest().subarray(0, 16);
    const facts = { content_type: "text/plain", kept: "body", size: bytes.length } as const;
    const outcome = await payloads.put("default", [
      { part: "request", facts, bytes, content, identity: new Uint8Array() },
    ]);
    if (outcome.kind !== "stored") throw new Error(outcome.reason);
    const [digest = ""] = outcome.commitments;
    const attributes = { "tallystick.request_payload": JSON.stringify(facts) };
    const record = sampleRecord(sampleId(place), { request_payload: `sha256:${digest}`, attributes });
    const stored = await bench.journal.append("default", batchOf([record]));
    if (stored.kind !== "stored") throw new Error(stored.reason);
    const at = "2026-11-25T00:00:00.000000Z";
    items.push({ tree: stored.tree, leaf_index: stored.firstIndex!, what: "request", digest, received_at: at });
  }
});
afterEach(async () => {
  await payloads.close();
});

async function erase(chosen: readonly ErasedItem[], steps: readonly ("list" | "record" | "bytes")[]): Promise<void> {
  const erasure: Erasure = {
    id: "approval_00000000000000000001",
    at: "2026-11-25T00:00:00Z",
    by: "admin",
    approved_by: null,
    reason: "test",
    target: "records",
    items: chosen,
  };
  if (steps.includes("list")) await list.add(erasure);
  if (steps.includes("record")) await bench.journal.appendOwn("default", erasureRecords(erasure, chosen));
  const receivedUs = bench.clock.nowUs();
  if (steps.includes("bytes"))
    await payloads.erase(
      "default",
      chosen.map(({ digest }) => ({ commitment: digest, receivedUs })),
    );
}

async function found(): Promise<{ readonly codes: readonly string[]; readonly kept: number; readonly erased: number }> {
  await bench.publish();
  await payloads.close();
  await bench.stop();
  const { faults, payloads: figures } = await bench.verify();
  return { codes: faults.map(({ code }) => code), kept: figures.kept, erased: figures.erased };
}

const payloadFile = (): string => [...bench.disk.files().keys()].find((path) => path.endsWith(".pay"))!;

describe("bodies against the log", () => {
  it("all there, and some erased with a record that says so", async () => {
    await erase([items[1]!], ["list", "record", "bytes"]);
    expect(await found()).toEqual({ codes: [], kept: 2, erased: 1 });
  });

  it("a body that went without a record is missing, not erased", async () => {
    await erase([items[1]!], ["bytes"]);
    expect(await found()).toEqual({ codes: ["payload_missing"], kept: 2, erased: 0 });
  });

  it("all of them gone, the file too", async () => {
    await payloads.close();
    await bench.disk.remove(payloadFile());
    expect((await found()).codes).toEqual(["payload_missing", "payload_missing", "payload_missing"]);
  });

  it("an erasure that stopped in between is seen", async () => {
    await erase([items[0]!], ["list", "record"]);
    await erase([items[0]!], ["list"]);
    expect((await found()).codes).toEqual(["erasure_unfinished"]);
  });

  it("a record of the list without one in the log is seen", async () => {
    await erase([items[0]!], ["list"]);
    expect(await found()).toMatchObject({ codes: ["erasure_unfinished"], kept: 3 });
  });

  it("a file that was taken out of the list is missed, for a restored backup would not be told", async () => {
    await erase([items[1]!], ["list", "record", "bytes"]);
    await bench.disk.remove(`${DATA}/erasures/approval_00000000000000000001.json`);
    expect(await found()).toEqual({ codes: ["erasure_list"], kept: 2, erased: 1 });
  });

  it("any changed byte of a payload file and of the list is found", async () => {
    await erase([items[2]!], ["list", "record", "bytes"]);
    await found();
    for (const path of [payloadFile(), `${DATA}/erasures/approval_00000000000000000001.json`]) {
      const bytes = Buffer.from(bench.disk.files().get(path)!);
      for (let at = 0; at < bytes.length; at += 11) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1 << (at % 8);
        bench.disk.tamper(path, changed);
        expect((await bench.verify()).clean, `${path} ${at}`).toBe(false);
      }
      bench.disk.tamper(path, bytes.subarray(0, bytes.length - 1));
      expect((await bench.verify()).clean).toBe(false);
      bench.disk.tamper(path, bytes);
    }
    expect((await bench.verify()).clean).toBe(true);
  });

  it("what does not belong there is named", async () => {
    await bench.disk.replaceFile(`${DATA}/payload/default/2026-11/notes`, Buffer.from("x"));
    expect((await found()).codes).toEqual(["unknown_file"]);
  });
});
