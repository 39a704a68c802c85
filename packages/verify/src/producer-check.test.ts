import { canonicalOf, encodeLeaf, formatBatchSignature } from "@tallystick/record";
import type { AuditRecord, BatchClaim, Leaf, Observed } from "@tallystick/record";
import { foldHashes, hex, leafHash, sha256 } from "@tallystick/tlog";
import { describe, expect, test } from "vitest";

import { ProducerCheck, recordBytesOf } from "./producer-check.ts";
import type { SignatureVerdict } from "./producer-check.ts";

const TREE = "default/2026-11";

function record(number: number, fields: Partial<AuditRecord> = {}): AuditRecord {
  return {
    id: `01a2168e-0000-7000-8000-${String(number).padStart(12, "0")}`,
    timestamp: "2026-11-26T08:00:00Z",
    event_type: "API_CALL",
    phase: "outcome",
    side: "caller",
    service_id: "orders",
    target_id: "billing",
    recorder_id: "orders",
    request_id: "r",
    attempt: 0,
    operation: "op",
    protocol: "http",
    status: "success",
    producer_id: "p",
    producer_epoch: "run",
    producer_seq: number,
    attributes: { note: ',"record": is no member here' },
    ...fields,
  };
}

function leaf(of: AuditRecord, observed: Partial<Observed> = {}): Leaf {
  const seen = {
    received_at: "2026-11-26T08:00:00.000000Z",
    principal: "key:orders",
    standing: "authenticated" as const,
  };
  return { record: of, observed: { ...seen, source_address: "10.0.0.1", intake: "json", ...observed } };
}

const own = { principal: "tallystick", intake: "tallystick" };

function signatureOf(records: readonly AuditRecord[], change: Partial<BatchClaim> = {}): Leaf {
  const hashes = Buffer.concat(records.map((one) => leafHash(sha256(Buffer.from(canonicalOf(one))))));
  const claim: BatchClaim = {
    alg: "hmac-sha256",
    first_seq: records[0]!.producer_seq!,
    kid: "bsk_1",
    last_seq: records.at(-1)!.producer_seq!,
    producer_epoch: "run",
    producer_id: "p",
    root: hex(foldHashes(hashes, 0, records.length)),
    ...change,
  };
  const text = formatBatchSignature({ claim, signature: new Uint8Array(32) });
  const attributes = { "tallystick.batch_signature": text };
  const { producer_id: _, producer_epoch: __, producer_seq: ___, ...others } = record(0);
  return leaf({ ...others, event_type: "BATCH_SIGNATURE", attributes }, own);
}

async function check(leaves: readonly Leaf[], verdict: SignatureVerdict = "right", cutAt: string | null = null) {
  const producers = new ProducerCheck({ log: "default", verify: () => verdict, cutAt });
  for (const [index, one] of leaves.entries()) await producers.signature(one, { tree: TREE, index });
  for (const one of leaves) producers.record(one, recordBytesOf(encodeLeaf(one.observed, one.record)));
  const { summary, faults } = producers.finish();
  return { ...summary, faults: faults.map(({ code, index }) => [code, index]) };
}

const records = [0, 1, 2, 3, 4].map((number) => record(number));
const batch = records.map((one) => leaf(one));

describe("a producer's signature", () => {
  test("holds over a record that was erased, by the digest that was kept of it, and by no other", async () => {
    const digest = hex(sha256(Buffer.from(canonicalOf(records[2]))));
    const erased = (kept: string) => {
      const { producer_id, producer_epoch, producer_seq } = records[2]!;
      const attributes = { "tallystick.erased_record_digest": kept };
      const stub = { ...record(99), event_type: "ERASED", producer_id, producer_epoch, producer_seq, attributes };
      return leaf(stub as AuditRecord, { ...own, erased: "0".repeat(64) });
    };
    const others = batch.filter((_, at) => at !== 2);
    expect(await check([...others, erased(digest), signatureOf(records)])).toMatchObject({ verified: 1, faults: [] });
    const wrong = await check([...others, erased("1".repeat(64)), signatureOf(records)]);
    expect(wrong.faults).toEqual([["batch_root", 5]]);
    // Without a digest the batch cannot be checked any more, which an erased leaf explains.
    expect(await check([...others, erased(""), signatureOf(records)])).toMatchObject({ verified: 0, faults: [] });
  });

  test("is right wherever its records lie, once or twice, before it and after it", async () => {
    const right = { batches: 1, verified: 1, notChecked: 0, erased: 0, records: 5, faults: [] };
    expect(await check([...batch, signatureOf(records)])).toEqual(right);
    expect(await check([signatureOf(records), ...batch.toReversed(), ...batch])).toEqual(right);
    expect(await check([...batch, signatureOf(records), signatureOf(records)])).toEqual(right);
  });

  test("and one over a part of the same records are both checked", async () => {
    const part = signatureOf(records.slice(1, 3));
    expect(await check([...batch, signatureOf(records), part])).toMatchObject({ batches: 2, verified: 2, faults: [] });
  });

  test.each<[string, readonly Leaf[], string]>([
    ["a record that is gone", [...batch.slice(1), signatureOf(records)], "batch_incomplete"],
    ["all of them gone", [signatureOf(records)], "batch_incomplete"],
    [
      "a record that says something else",
      [...batch.slice(0, 4), leaf(record(4, { status: "denied" })), signatureOf(records)],
      "batch_root",
    ],
    [
      "a record of another run",
      [...batch.slice(0, 4), leaf(record(4, { producer_epoch: "x" })), signatureOf(records)],
      "batch_incomplete",
    ],
    ["another root", [...batch, signatureOf(records, { root: "0".repeat(64) })], "batch_root"],
  ])("over %s is a fault at its place", async (_, leaves, code) => {
    const place = leaves.findIndex((one) => one.record.event_type === "BATCH_SIGNATURE");
    expect(await check(leaves)).toMatchObject({ verified: 0, faults: [[code, place]] });
  });

  test("that is wrong is a fault, and one without its key is said not to be checked", async () => {
    expect(await check([...batch, signatureOf(records)], "wrong")).toMatchObject({
      verified: 0,
      faults: [["batch_signature", 5]],
    });
    expect(await check([...batch, signatureOf(records)], "unknown key")).toMatchObject({
      verified: 0,
      notChecked: 1,
      faults: [],
    });
  });

  test("is not spoilt by another record under the same number", async () => {
    const signed = { signature: { alg: "hmac-sha256", kid: "bsk_1", verified: true } };
    const observed = records.map((one) => leaf(one, signed));
    const forged = leaf(record(2, { id: "01a2168e-0000-7000-8000-00000000ffff", status: "denied" }));
    for (const leaves of [
      [forged, ...observed],
      [...observed, forged],
    ])
      expect(await check([...leaves, signatureOf(records)])).toMatchObject({ verified: 1, faults: [] });
  });

  test("over records that were erased is told apart from one over records that are missing", async () => {
    const stub = leaf({ ...record(9), event_type: "ERASED" }, { ...own, erased: "0".repeat(64) });
    const { producer_seq: _, ...bare } = stub.record;
    const erased = { record: bare, observed: stub.observed };
    const some = [...batch.slice(2), signatureOf(records)];
    expect(await check([...some, erased, erased])).toMatchObject({ verified: 0, erased: 1, faults: [] });
    expect(await check([...some, erased])).toMatchObject({ erased: 0, faults: [["batch_incomplete", 3]] });
  });

  test("in the oldest tree that is left may have lost its records with the tree before", async () => {
    expect(await check([...batch.slice(2), signatureOf(records)], "right", TREE)).toMatchObject({ faults: [] });
  });

  test("that a producer wrote himself is none", async () => {
    const forged = { ...signatureOf(records), observed: batch[0]!.observed };
    expect(await check([...batch, forged])).toMatchObject({ batches: 0 });
  });

  test("is quick with a long run: ten thousand batches", async () => {
    const run = Array.from({ length: 10_000 }, (_, number) => record(number));
    const signatures = run.map((one) => signatureOf([one]));
    expect(await check([...run.map((one) => leaf(one)), ...signatures])).toMatchObject({
      verified: 10_000,
      faults: [],
    });
  });
});
