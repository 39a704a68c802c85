import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { batchSignedBytes, canonicalOf, decodeLeaf, encodeLeaf, formatBatchSignature } from "@tallystick/record";
import type { AuditRecord, BatchAlgorithm, BatchClaim, Observed } from "@tallystick/record";
import { encodeBase64, foldHashes, hex, leafHash, sha256 } from "@tallystick/tlog";
import { describe, expect, test } from "vitest";

import { parseBatchSecrets } from "./batch-keys.ts";
import { answer, keptLog, publish } from "./kept-log.contract.ts";
import type { KeptTree } from "./kept-log.contract.ts";
import { verifyServer } from "./verify-server.ts";

const URL_ = "https://audit.example.com";
const pair = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const SECRET = "tsh_of-this-test";

const rawKey = (key: KeyObject) => encodeBase64(key.export({ type: "spki", format: "der" }).subarray(-32));

function change(tree: KeptTree, index: number, record: Partial<AuditRecord>, own: boolean): AuditRecord {
  const { observed, record: before } = decodeLeaf(tree.leaves[index]!);
  const who: Partial<Observed> = own ? { principal: "tallystick", intake: "tallystick" } : {};
  const after = { ...before, ...record };
  tree.leaves[index] = encodeLeaf({ ...observed, ...who }, after);
  return after;
}

function makeKey(tree: KeptTree, index: number, kid: string, alg: BatchAlgorithm, publicKey: string | null): void {
  const attributes = { "tallystick.batch_kid": kid, "tallystick.batch_alg": alg };
  const named = publicKey === null ? attributes : { ...attributes, "tallystick.batch_public_key": publicKey };
  change(tree, index, { event_type: "CONFIG_CHANGE", operation: "create batch key", attributes: named }, true);
}

/** Leaves `from` … `from + 3` become a batch, and the one after them its signature. */
function signBatch(tree: KeptTree, from: number, kid: string, key: KeyObject | string): void {
  const [producer_id, producer_epoch] = [`p-${kid}`, "run"];
  const records = [0, 1, 2, 3].map((at) =>
    change(tree, from + at, { producer_id, producer_epoch, producer_seq: at }, false),
  );
  const hashes = Buffer.concat(records.map((one) => leafHash(sha256(Buffer.from(canonicalOf(one))))));
  const alg = typeof key === "string" ? "hmac-sha256" : "ed25519";
  const root = hex(foldHashes(hashes, 0, records.length));
  const claim: BatchClaim = { alg, first_seq: 0, kid, last_seq: 3, producer_epoch, producer_id, root };
  const bytes = batchSignedBytes(claim);
  const signature = typeof key === "string" ? createHmac("sha256", key).update(bytes).digest() : sign(null, bytes, key);
  const attributes = {
    "tallystick.batch_signature": formatBatchSignature({ claim, signature }),
    ...(alg === "ed25519" ? { "tallystick.batch_public_key": rawKey(pair.publicKey) } : {}),
  };
  change(tree, from + 4, { event_type: "BATCH_SIGNATURE", attributes }, true);
}

/** A control log that makes two keys, and a log in which each signed a batch, the second across two epochs. */
function signedLogs(key: KeyObject = pair.privateKey): readonly KeptTree[] {
  const [control] = keptLog("control", [4]);
  const logs = keptLog("default", [300, 20]);
  makeKey(control!, 1, "bsk_ed", "ed25519", rawKey(pair.publicKey));
  makeKey(control!, 2, "bsk_mac", "hmac-sha256", null);
  signBatch(logs[0]!, 10, "bsk_ed", key);
  signBatch(logs[1]!, 5, "bsk_mac", SECRET);
  for (const tree of [control!, ...logs]) publish(tree);
  return relinked([control!, ...logs]);
}

/** The link to the epoch before holds that one's checkpoint, which has changed. */
function relinked(trees: readonly KeptTree[]): readonly KeptTree[] {
  const [, before, after] = trees;
  const { record } = decodeLeaf(after!.leaves[1]!);
  const checkpoint = Buffer.from(before!.files.get("checkpoint")!).toString("utf8");
  const attributes = { ...record.attributes, "tallystick.previous_checkpoint": checkpoint };
  change(after!, 1, { attributes }, true);
  const last = decodeLeaf(after!.leaves[0]!).record;
  const hash = hex(leafHash(before!.leaves.at(-1)!));
  change(after!, 0, { attributes: { ...last.attributes, "tallystick.previous_last_leaf_hash": hash } }, true);
  publish(after!);
  return trees;
}

type Asked = (path: string, times: number) => Uint8Array | null;

function check(trees: readonly KeptTree[], secrets = `bsk_mac ${SECRET}\n`, lie: Asked = () => null) {
  const asked = new Map<string, number>();
  const fetch = async (url: string, { headers }: { readonly headers: Readonly<Record<string, string>> }) => {
    const path = url.slice(URL_.length);
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const token = headers["authorization"]?.slice("Bearer ".length) ?? null;
    const { status, body } = answer(trees, path, token);
    return new Response(new Uint8Array(lie(path, asked.get(path)!) ?? body), { status });
  };
  const http = { fetch, wait: () => Promise.resolve() };
  return verifyServer({ url: URL_, token: "right", http, producers: { secrets: parseBatchSecrets(secrets) } });
}

describe("signatures of producers, checked by URL", () => {
  test("are all right where they are, over records of any epoch", async () => {
    const { faults, producers } = await check(signedLogs());
    expect(faults).toEqual([]);
    expect(producers).toEqual({ batches: 2, verified: 2, notChecked: 0, erased: 0, records: 8 });
  });

  test("by HMAC count as not checked without the secret, and as wrong with another", async () => {
    const without = await check(signedLogs(), "");
    expect([without.clean, without.producers]).toMatchObject([true, { verified: 1, notChecked: 1 }]);
    const other = await check(signedLogs(), "bsk_mac tsh_another\n");
    expect(other.faults.map(({ code, index }) => [code, index])).toEqual([["batch_signature", 9]]);
  });

  test("by another key than the control log's are wrong, whatever the record beside them says", async () => {
    const forged = await check(signedLogs(stranger.privateKey));
    expect(forged.faults.map(({ code, tree }) => [code, tree])).toEqual([["batch_signature", "default/2026-01"]]);
    const trees = signedLogs();
    makeKey(trees[0]!, 1, "bsk_ed", "ed25519", rawKey(stranger.publicKey));
    publish(trees[0]!);
    expect((await check(trees)).faults.map(({ code }) => code)).toEqual(["batch_signature"]);
  });

  test.each([
    ["to the reading of signatures", 2],
    ["to the reading of records", 3],
  ])("are found out when the server answers otherwise %s", async (_, time) => {
    const trees = signedLogs();
    const hidden = signedLogs()[1]!;
    change(hidden, 14, { event_type: "API_CALL", attributes: {} }, false);
    publish(hidden);
    const path = "/trees/default/2026-01/tile/entries/000";
    const { faults } = await check(trees, undefined, (asked, times) =>
      asked === path && times === time ? hidden.files.get("tile/entries/000")! : null,
    );
    expect(faults.map(({ code, tree }) => [code, tree])).toEqual([["entry_mismatch", "default/2026-01"]]);
  });

  test("need a token and the whole server; a secret's line that is none is named by its number alone", async () => {
    const http = { fetch: () => Promise.reject(new Error("asked")), wait: () => Promise.resolve() };
    const producers = { secrets: new Map<string, string>() };
    await expect(verifyServer({ url: URL_, http, producers })).rejects.toThrow(/--token/);
    const url = `${URL_}/trees/default/2026-01`;
    await expect(verifyServer({ url, token: "right", http, producers })).rejects.toThrow(/whole server/);
    expect(() => parseBatchSecrets("bsk_1 tsh_x\nbsk_2 hunter2")).toThrow(/^line 2 of the secrets(?!.*hunter2)/);
  });
});
