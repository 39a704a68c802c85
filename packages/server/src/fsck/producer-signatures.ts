/**
 * `verify --producers`: every signature of a producer over a batch, checked again from the journal. Reads each log
 * twice more; the leaves themselves were checked before. Needs the KMS key, since leaves are sealed, and for HMAC the
 * secrets in `keys/`.
 */
import type { AuditRecord, BatchSignature, Observed } from "@tallystick/record";
import { overLogs, ProducerCheck, recordBytesOf } from "@tallystick/verify";
import type { ProducerSummary, SignatureVerdict } from "@tallystick/verify";

import type { BatchKeyInfo } from "../control/batch-key.ts";
import { applyBatchKey } from "../control/batch-keys.ts";
import { batchSecret, isSignatureOf, secretNameOf } from "../control/batch-secret.ts";
import { CONTROL_LOG } from "../control/own-logs.ts";
import type { Disk } from "../disk/disk.ts";
import { readSegment } from "../journal/read-segment.ts";
import type { FoundTree } from "../journal/scan.ts";
import { diskSource } from "../journal/segment-source.ts";
import type { FolderFaults } from "./faults.ts";

export interface ProducerSignaturesOptions {
  readonly disk: Disk;
  /** Oldest first within a log. */
  readonly trees: readonly FoundTree[];
  /** Null when the tree's key does not open. */
  readonly epochKey: (tree: FoundTree) => Promise<Uint8Array | null>;
  /** 32 bytes by name in `keys/`; null when there is none. */
  readonly secret: (name: string) => Promise<Uint8Array | null>;
  readonly faults: FolderFaults;
}

interface PlainLeaf {
  readonly record: AuditRecord;
  readonly observed: Observed;
}

export async function checkProducerSignatures(options: ProducerSignaturesOptions): Promise<ProducerSummary> {
  const keys = await batchKeysOf(options);
  const logs = new Set(options.trees.map((tree) => tree.log));
  return overLogs(logs, async (log) => {
    const trees = options.trees.filter((tree) => tree.log === log);
    const { summary, faults } = await checkLog(options, log, trees, keys);
    for (const { code, message, tree, index } of faults)
      options.faults.add(code, message, { file: `journal/${tree}`, ...(index === undefined ? {} : { index }) }, tree);
    return summary;
  });
}

async function checkLog(
  options: ProducerSignaturesOptions,
  log: string,
  trees: readonly FoundTree[],
  keys: ReadonlyMap<string, BatchKeyInfo>,
): Promise<ReturnType<ProducerCheck["finish"]>> {
  const verify = (signature: BatchSignature, publicKey: string | null) =>
    verdictOf(options, keys.get(signature.claim.kid) ?? null, signature, publicKey);
  const check = new ProducerCheck({ log, verify, cutAt: await cutAt(options, trees) });
  for (const tree of trees)
    await eachLeaf(options, tree, ["BATCH_SIGNATURE"], (leaf, _, index) =>
      check.signature(leaf, { tree: tree.tree, index }),
    );
  for (const tree of trees)
    await eachLeaf(options, tree, ['"producer_seq":', ERASED], (leaf, bytes) =>
      check.record(leaf, recordBytesOf(bytes)),
    );
  return check.finish();
}

async function verdictOf(
  { secret }: ProducerSignaturesOptions,
  known: BatchKeyInfo | null,
  signature: BatchSignature,
  publicKey: string | null,
): Promise<SignatureVerdict> {
  const { alg, kid } = signature.claim;
  if (known !== null && (known.alg !== alg || known.publicKey !== publicKey)) return "wrong";
  if (alg === "ed25519")
    return publicKey !== null && isSignatureOf(signature, Buffer.from(publicKey, "base64")) ? "right" : "wrong";
  const bytes = await secret(secretNameOf(kid));
  if (bytes === null) return "unknown key";
  return isSignatureOf(signature, Buffer.from(batchSecret(bytes), "ascii")) ? "right" : "wrong";
}

/** The batch keys that the control log knows. */
async function batchKeysOf(options: ProducerSignaturesOptions): Promise<ReadonlyMap<string, BatchKeyInfo>> {
  const keys = new Map<string, BatchKeyInfo>();
  for (const tree of options.trees.filter(({ log }) => log === CONTROL_LOG))
    await eachLeaf(options, tree, ["batch_kid"], ({ record, observed }) => {
      if (observed.principal === "tallystick" && observed.intake === "tallystick") applyBatchKey(keys, record);
    });
  return keys;
}

/** The oldest tree when its leaf 0 names one before it. */
async function cutAt(options: ProducerSignaturesOptions, [oldest]: readonly FoundTree[]): Promise<string | null> {
  if (oldest === undefined) return null;
  let isCut = false;
  await eachLeaf(options, oldest, ["tallystick.previous_tree"], ({ record }, _, index) => {
    if (index === 0 && record.attributes?.["tallystick.previous_tree"] !== undefined) isCut = true;
  });
  return isCut ? oldest.tree : null;
}

/** What stands for an erased leaf begins with it. */
const ERASED = '{"observed":{"erased":';

/** Leaves that hold one of the texts, in order; a damaged segment, which was told of before, ends its tree. */
async function eachLeaf(
  { disk, epochKey }: ProducerSignaturesOptions,
  tree: FoundTree,
  texts: readonly string[],
  take: (leaf: PlainLeaf, bytes: Uint8Array, index: number) => Promise<void> | void,
): Promise<void> {
  const key = await epochKey(tree);
  if (key === null) return;
  for (const { path } of tree.segments) {
    await readSegment(await diskSource(disk, path), {
      contents: "leaves",
      epochKey: key,
      async onBlock({ firstIndex, count, entries }) {
        const bytes = Buffer.from(entries.buffer, entries.byteOffset, entries.byteLength);
        if (!texts.some((text) => bytes.includes(text))) return;
        for (let index = firstIndex, at = 0; index < firstIndex + count; index += 1) {
          const end = at + 2 + bytes.readUInt16BE(at);
          const leaf = bytes.subarray(at + 2, end);
          at = end;
          if (texts.some((text) => leaf.includes(text)))
            await take(JSON.parse(leaf.toString("utf8")) as PlainLeaf, leaf, index);
        }
      },
    });
  }
}
