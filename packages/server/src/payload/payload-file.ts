/**
 * The byte format of a payload file (docs/formats/payload.md): a header, then items, each one body. Pure: bytes in,
 * bytes out. Every field has one encoding; parsing refuses any other.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import assert from "node:assert/strict";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";

import { sha256, view, writeUint64 } from "../journal/bytes.ts";
import { keyIdOf, TREE_PATTERN } from "../journal/segment.ts";
import { MAX_BODY_BYTES, MAX_META_BYTES } from "./limits.ts";
import { metaBytes, parseMeta } from "./payload-meta.ts";
import type { PayloadMeta } from "./payload-meta.ts";

export const PAYLOAD_VERSION = 1;
export const SALT_BYTES = 32;
export const HASH_BYTES = 32;
export const TAG_BYTES = 16;
export const ITEM_HEADER_BYTES = 28;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 8;
const MAGIC = Buffer.from("TALLYPAY", "latin1");
const ITEM_MARKER = Buffer.from("TPI1", "latin1");
const FIXED_HEADER_BYTES = MAGIC.length + 2 + KEY_ID_BYTES + SALT_BYTES + HASH_BYTES;
export const MAX_HEADER_BYTES = FIXED_HEADER_BYTES + 255;
const CIPHER = "aes-256-gcm";
const CODEC_NONE = 0;
const CODEC_BROTLI = 1;
const QUALITY = 1;
/** Below this compression gains nothing. */
const MIN_PACKED_BYTES = 64;

export interface PayloadHeader {
  readonly tree: string;
  readonly keyId: Uint8Array;
  readonly salt: Uint8Array;
}

export interface PayloadKeys {
  readonly fileKey: Uint8Array;
  readonly headerHash: Uint8Array;
}

export interface ItemHeader {
  /** Place in the file, from 0. */
  readonly number: number;
  /** Ciphertext and tag. */
  readonly metaBytes: number;
  /** Ciphertext and tag; 0 when only the commitment is kept. */
  readonly bodyBytes: number;
  readonly plainBytes: number;
  readonly codec: number;
}

export type ParsedPayloadHeader =
  | { readonly kind: "header"; readonly header: PayloadHeader; readonly hash: Uint8Array; readonly bytes: number }
  | { readonly kind: "short" }
  | { readonly kind: "refused"; readonly reason: string };

/** magic 8, version 1, length of the tree's name 1, name, key id 8, salt 32, SHA-256 of all these 32. */
export function encodePayloadHeader({ tree, keyId, salt }: PayloadHeader): Uint8Array {
  assert(TREE_PATTERN.test(tree) && keyId.length === KEY_ID_BYTES && salt.length === SALT_BYTES);
  const name = Buffer.from(tree, "latin1");
  const start = Buffer.concat([MAGIC, Uint8Array.of(PAYLOAD_VERSION, name.length), name, keyId, salt]);
  return Buffer.concat([start, sha256(start)]);
}

/** `short` when the bytes end before the header does: the making of the file was interrupted. */
export function parsePayloadHeader(source: Uint8Array): ParsedPayloadHeader {
  const bytes = view(source);
  const seen = Math.min(bytes.length, MAGIC.length);
  if (!bytes.subarray(0, seen).equals(MAGIC.subarray(0, seen))) return refused("it is no payload file");
  if (bytes.length < MAGIC.length + 2) return { kind: "short" };
  const version = bytes.readUInt8(MAGIC.length);
  if (version !== PAYLOAD_VERSION) return refused(`it has format ${version}; this version reads ${PAYLOAD_VERSION}`);
  const length = FIXED_HEADER_BYTES + bytes.readUInt8(MAGIC.length + 1);
  if (bytes.length < length) return { kind: "short" };
  const hash = bytes.subarray(length - HASH_BYTES, length);
  if (!sha256(bytes.subarray(0, length - HASH_BYTES)).equals(hash))
    return refused("the header's bytes do not give its hash");
  const nameEnd = length - HASH_BYTES - SALT_BYTES - KEY_ID_BYTES;
  const tree = bytes.toString("latin1", MAGIC.length + 2, nameEnd);
  if (!TREE_PATTERN.test(tree)) return refused("the header names no tree");
  const keyId = bytes.subarray(nameEnd, nameEnd + KEY_ID_BYTES);
  const salt = bytes.subarray(nameEnd + KEY_ID_BYTES, length - HASH_BYTES);
  return { kind: "header", header: { tree, keyId, salt }, hash, bytes: length };
}

/** Null when the header names another payload key than this. */
export function payloadKeys(epochKey: Uint8Array, header: PayloadHeader, headerHash: Uint8Array): PayloadKeys | null {
  assert(epochKey.length === KEY_BYTES);
  if (Buffer.compare(keyIdOf(epochKey), header.keyId) !== 0) return null;
  const info = `tallystick payload v1\0${header.tree}`;
  const fileKey = new Uint8Array(hkdfSync("sha256", epochKey, header.salt, info, KEY_BYTES));
  return { fileKey, headerHash };
}

/** What a leaf says of a body: SHA-256(salt ‖ bytes), as hexadecimal text. */
export function commitmentOf(salt: Uint8Array, bytes: Uint8Array): string {
  assert(salt.length === SALT_BYTES);
  return createHash("sha256").update(salt).update(bytes).digest("hex");
}

/** One item as it lies in the file. `bytes` is null when only the commitment is kept. */
export function sealItem(keys: PayloadKeys, number: number, meta: PayloadMeta, bytes: Uint8Array | null): Uint8Array {
  assert(Number.isSafeInteger(number) && number >= 0);
  assert((bytes === null) === (meta.kept === "digest"));
  const metaText = metaBytes(meta);
  assert(metaText.length <= MAX_META_BYTES && (bytes?.length ?? 0) <= MAX_BODY_BYTES);
  const { packed, codec } = pack(bytes ?? new Uint8Array());
  const header = Buffer.alloc(ITEM_HEADER_BYTES);
  ITEM_MARKER.copy(header);
  writeUint64(header, number, 4);
  header.writeUInt32BE(metaText.length + TAG_BYTES, 12);
  header.writeUInt32BE(bytes === null ? 0 : packed.length + TAG_BYTES, 16);
  header.writeUInt32BE(bytes?.length ?? 0, 20);
  header.writeUInt32BE(codec * 0x1_00_00_00, 24);
  const parts = [header, seal(keys, number, 0, header, metaText)];
  if (bytes !== null) parts.push(seal(keys, number, 1, header, packed));
  return Buffer.concat(parts);
}

/** A string says why the bytes at `offset` are no item's header. */
export function parseItemHeader(source: Uint8Array, offset: number, number: number): ItemHeader | string {
  const bytes = view(source);
  if (bytes.length < offset + ITEM_HEADER_BYTES) return "the file ends within an item's header";
  if (!bytes.subarray(offset, offset + 4).equals(ITEM_MARKER)) return "there is no item where one should begin";
  const found = bytes.readUInt32BE(offset + 4) * 0x1_0000_0000 + bytes.readUInt32BE(offset + 8);
  if (found !== number) return `it is item ${found} where item ${number} should be`;
  const meta = bytes.readUInt32BE(offset + 12);
  const body = bytes.readUInt32BE(offset + 16);
  const plainBytes = bytes.readUInt32BE(offset + 20);
  const codecWord = bytes.readUInt32BE(offset + 24);
  const codec = codecWord / 0x1_00_00_00;
  if (codec !== CODEC_NONE && codec !== CODEC_BROTLI) return "the item's codec is unknown";
  if (meta <= TAG_BYTES || meta > MAX_META_BYTES + TAG_BYTES) return "the item's length is out of bounds";
  if (plainBytes > MAX_BODY_BYTES || body > MAX_BODY_BYTES + TAG_BYTES || (body > 0 && body < TAG_BYTES))
    return "the item's length is out of bounds";
  return { number, metaBytes: meta, bodyBytes: body, plainBytes, codec };
}

export function itemBytes(header: ItemHeader): number {
  return ITEM_HEADER_BYTES + header.metaBytes + header.bodyBytes;
}

/** What is kept beside the body; null when the bytes do not open. `item` begins with the item's header. */
export function openMeta(keys: PayloadKeys, header: ItemHeader, item: Uint8Array): PayloadMeta | null {
  const sealed = item.subarray(ITEM_HEADER_BYTES, ITEM_HEADER_BYTES + header.metaBytes);
  const text = open(keys, header.number, 0, item.subarray(0, ITEM_HEADER_BYTES), sealed);
  return text === null ? null : parseMeta(text);
}

/** The body; null when the bytes do not open or do not give the commitment. Empty when none is kept. */
export function openBody(
  keys: PayloadKeys,
  header: ItemHeader,
  item: Uint8Array,
  meta: PayloadMeta,
): Uint8Array | null {
  if (header.bodyBytes === 0) return meta.kept === "digest" ? new Uint8Array() : null;
  const sealed = item.subarray(ITEM_HEADER_BYTES + header.metaBytes, itemBytes(header));
  const packed = open(keys, header.number, 1, item.subarray(0, ITEM_HEADER_BYTES), sealed);
  const bytes = packed === null ? null : unpack(packed, header);
  if (bytes === null || commitmentOf(Buffer.from(meta.salt, "hex"), bytes) !== meta.commitment) return null;
  return bytes;
}

function seal(keys: PayloadKeys, number: number, part: 0 | 1, header: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv(CIPHER, keys.fileKey, nonceOf(number, part));
  cipher.setAAD(Buffer.concat([keys.headerHash, header]));
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function open(keys: PayloadKeys, number: number, part: 0 | 1, header: Uint8Array, sealed: Uint8Array) {
  if (sealed.length < TAG_BYTES) return null;
  const decipher = createDecipheriv(CIPHER, keys.fileKey, nonceOf(number, part));
  decipher.setAAD(Buffer.concat([keys.headerHash, header]));
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return null;
  }
}

/** 0 for what is kept beside the body, 1 for the body, as 4 bytes; then the item's number. */
function nonceOf(number: number, part: 0 | 1): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(part, 0);
  writeUint64(nonce, number, 4);
  return nonce;
}

function pack(bytes: Uint8Array): { readonly packed: Uint8Array; readonly codec: number } {
  if (bytes.length < MIN_PACKED_BYTES) return { packed: bytes, codec: CODEC_NONE };
  const packed = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  return packed.length < bytes.length ? { packed, codec: CODEC_BROTLI } : { packed: bytes, codec: CODEC_NONE };
}

function unpack(packed: Uint8Array, { codec, plainBytes }: ItemHeader): Uint8Array | null {
  if (codec === CODEC_NONE) return packed.length === plainBytes ? packed : null;
  try {
    const bytes = brotliDecompressSync(packed, { maxOutputLength: Math.max(plainBytes, 1) });
    return bytes.length === plainBytes ? bytes : null;
  } catch {
    return null;
  }
}

function refused(reason: string): ParsedPayloadHeader {
  return { kind: "refused", reason };
}
