/** What is done to bodies in a worker: sealing new ones, and writing a file again without those that are erased. Pure. */
import assert from "node:assert/strict";

import type { Task } from "../compute/compute.ts";
import {
  commitmentOf,
  itemBytes,
  openBody,
  openMeta,
  parseItemHeader,
  parsePayloadHeader,
  sealItem,
} from "./payload-file.ts";
import type { PayloadKeys } from "./payload-file.ts";
import type { BodyFacts, Part, PayloadMeta } from "./payload-meta.ts";

/** A body as intake hands it over, its policy applied. */
export interface NewBody {
  readonly part: Part;
  readonly facts: BodyFacts;
  /** What the commitment covers. */
  readonly bytes: Uint8Array;
  /** SHA-256(principal ‖ 0x00 ‖ id) cut to 16 bytes; empty when the id is not the producer's. */
  readonly identity: Uint8Array;
  /** SHA-256(bytes) cut to 16 bytes. */
  readonly content: Uint8Array;
}

export interface SealBodiesInput {
  readonly keys: PayloadKeys;
  readonly firstNumber: number;
  readonly bodies: readonly (NewBody & { readonly salt: Uint8Array })[];
}

export interface SealBodiesOutput {
  readonly items: Uint8Array;
  /** Where each item begins in `items`. */
  readonly offsets: readonly number[];
  readonly commitments: readonly string[];
}

export const sealBodiesTask: Task<SealBodiesInput, SealBodiesOutput> = {
  name: "seal-bodies",
  run({ keys, firstNumber, bodies }) {
    const offsets: number[] = [];
    const commitments: string[] = [];
    const parts: Uint8Array[] = [];
    let size = 0;
    for (const [place, { facts, part, bytes, identity, content, salt }] of bodies.entries()) {
      const commitment = commitmentOf(salt, bytes);
      const meta: PayloadMeta = {
        ...facts,
        commitment,
        part,
        salt: hex(salt),
        identity: hex(identity),
        content: identity.length === 0 ? "" : hex(content),
      };
      const item = sealItem(keys, firstNumber + place, meta, facts.kept === "digest" ? null : bytes);
      offsets.push(size);
      commitments.push(commitment);
      parts.push(item);
      size += item.length;
    }
    const items = new Uint8Array(size);
    for (const [place, part] of parts.entries()) items.set(part, offsets[place]);
    return { output: { items, offsets, commitments }, transfer: [items.buffer] };
  },
};

export interface RewriteInput {
  readonly file: Uint8Array;
  readonly oldKeys: PayloadKeys;
  readonly newHeader: Uint8Array;
  readonly newKeys: PayloadKeys;
  readonly erased: readonly string[];
}

export type RewriteOutput =
  | { readonly kind: "written"; readonly file: Uint8Array; readonly items: number; readonly erased: number }
  | { readonly kind: "damaged"; readonly offset: number; readonly reason: string };

/** What is not erased is opened and sealed again under the new file's key, so nothing of the old one is needed. */
export const rewriteTask: Task<RewriteInput, RewriteOutput> = {
  name: "rewrite-payloads",
  run(input) {
    const output = rewrite(input);
    return { output, transfer: output.kind === "written" ? [output.file.buffer as ArrayBuffer] : [] };
  },
};

function rewrite({ file, oldKeys, newHeader, newKeys, erased }: RewriteInput): RewriteOutput {
  const parsed = parsePayloadHeader(file);
  assert(parsed.kind === "header");
  const gone = new Set(erased);
  const parts: Uint8Array[] = [newHeader];
  let [number, items] = [0, 0];
  for (let at = parsed.bytes; at < file.length; number += 1) {
    const header = parseItemHeader(file, at, number);
    // The rest of an interrupted write; nothing in it was ever acknowledged.
    if (typeof header === "string" || at + itemBytes(header) > file.length) break;
    const item = file.subarray(at, at + itemBytes(header));
    const meta = openMeta(oldKeys, header, item);
    if (meta === null) return { kind: "damaged", offset: at, reason: "an item does not open" };
    if (!gone.has(meta.commitment)) {
      const body = openBody(oldKeys, header, item, meta);
      if (body === null) return { kind: "damaged", offset: at, reason: "a body does not give its commitment" };
      parts.push(sealItem(newKeys, items, meta, meta.kept === "digest" ? null : body));
      items += 1;
    }
    at += item.length;
  }
  return { kind: "written", file: new Uint8Array(Buffer.concat(parts)), items, erased: number - items };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
