import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import { keyIdOf } from "../journal/segment.ts";
import { itemBytes, openBody, openMeta, parseItemHeader, parsePayloadHeader, payloadKeys } from "./payload-file.ts";

interface FileVector {
  readonly tree: string;
  readonly key: string;
  readonly file: string;
  readonly items: readonly { readonly facts: unknown; readonly body: string | null }[];
}

const path = fileURLToPath(new URL("../../../../docs/formats/vectors/payload/files.json", import.meta.url));

describe("payload file", () => {
  test("the vectors read as they say, and with any bit changed they do not", async () => {
    for (const vector of JSON.parse(await readFile(path, "utf8")) as readonly FileVector[]) {
      const bytes = Buffer.from(vector.file, "hex");
      expect(read(bytes, vector)).toEqual(vector.items);
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1 << (at % 8);
        expect(read(changed, vector), `byte ${at}`).not.toEqual(vector.items);
      }
    }
  });
});

function read(file: Uint8Array, { key, tree }: FileVector): unknown {
  const epochKey = Buffer.from(key, "hex");
  const parsed = parsePayloadHeader(file);
  if (parsed.kind !== "header" || parsed.header.tree !== tree) return parsed.kind;
  expect(Buffer.from(keyIdOf(epochKey)).equals(parsed.header.keyId)).toBe(true);
  const keys = payloadKeys(epochKey, parsed.header, parsed.hash)!;
  const items: unknown[] = [];
  for (let at = parsed.bytes; at < file.length;) {
    const header = parseItemHeader(file, at, items.length);
    if (typeof header === "string") return header;
    const item = file.subarray(at, at + itemBytes(header));
    const meta = openMeta(keys, header, item);
    const body = meta === null ? null : openBody(keys, header, item, meta);
    items.push({
      facts: meta,
      body: meta?.kept === "digest" || body === null ? null : Buffer.from(body).toString("hex"),
    });
    at += itemBytes(header);
  }
  return items;
}
