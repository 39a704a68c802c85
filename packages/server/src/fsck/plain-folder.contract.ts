/**
 * All that a data folder says, opened with its keys: leaves, bodies and what is kept beside them, and every file of the
 * index. For tests that look for what must not be there any more.
 */
import { randomBytes } from "node:crypto";

import { nodeDisk } from "../disk/node-disk.ts";
import { filesOf, plainIndex } from "../index/plain-index.contract.ts";
import { readSegment } from "../journal/read-segment.ts";
import { scanJournal } from "../journal/scan.ts";
import { diskSource } from "../journal/segment-source.ts";
import { openFileKms } from "../kms/file-kms.ts";
import type { Keyring } from "../kms/kms.ts";
import { openKeyring } from "../kms/keyring.ts";
import * as file from "../payload/payload-file.ts";
import { walkPayloads } from "../payload/payload-places.ts";
import { scanPayloads } from "../payload/payload-scan.ts";
import { realClock } from "../real-clock.ts";

export interface PlainFolder {
  /** Decrypted leaves, bodies and what is kept beside them. */
  readonly records: string;
  /** The index's files, decrypted, and decompressed where they are compressed. */
  readonly index: string;
  /** Every file as it lies there. */
  readonly raw: Buffer;
}

export async function plainFolder(data: string): Promise<PlainFolder> {
  const keyring = await keyringOf(data);
  const records = [...(await leavesOf(data, keyring)), ...(await bodiesOf(data, keyring))].join("\n");
  const raw = (await filesOf(data)).map(({ bytes }) => bytes);
  return { records, index: await plainIndexOf(data), raw: Buffer.concat(raw) };
}

/** The index alone, also while a server writes to it. */
export async function plainIndexOf(data: string): Promise<string> {
  return plainIndex(`${data}/index`, await (await keyringOf(data)).existing("index"));
}

async function keyringOf(data: string): Promise<Keyring> {
  const disk = nodeDisk();
  const kms = await openFileKms(disk, `${data}/kms.key`, randomBytes);
  if (kms === null) throw new Error("the folder has no KMS key");
  return openKeyring({ disk, folder: `${data}/keys`, kms, clock: realClock(), randomBytes });
}

async function leavesOf(data: string, keyring: Keyring): Promise<readonly string[]> {
  const disk = nodeDisk();
  const texts: string[] = [];
  for (const { tree, segments, cuts } of (await scanJournal(disk, `${data}/journal`)).trees) {
    if (cuts.length > 0) throw new Error("a tail was cut, though nothing was being written");
    const epochKey = await keyring.existing(`epoch.${tree.replace("/", ".")}`);
    // A tree that begins with the next record has a folder and no key.
    if (epochKey === null && segments.length > 0) throw new Error(`${tree} has no key`);
    for (const { path } of segments) {
      const onBlock = ({ entries }: { readonly entries: Uint8Array }) =>
        void texts.push(Buffer.from(entries).toString());
      await readSegment(await diskSource(disk, path), { contents: "leaves", epochKey: epochKey!, onBlock });
    }
  }
  return texts;
}

async function bodiesOf(data: string, keyring: Keyring): Promise<readonly string[]> {
  const disk = nodeDisk();
  const texts: string[] = [];
  for (const { path, log, epoch } of (await scanPayloads(disk, `${data}/payload`)).files) {
    const source = await diskSource(disk, path);
    const header = file.parsePayloadHeader(await source.read(0, file.MAX_HEADER_BYTES));
    const key = await keyring.existing(`payload.${log}.${epoch}`);
    if (header.kind !== "header" || key === null) throw new Error(`${path} does not open`);
    const keys = file.payloadKeys(key, header.header, header.hash);
    if (keys === null) throw new Error(`${path} is under another key`);
    await walkPayloads(source, header.bytes, keys, async ({ offset, header: item }, meta) => {
      const body = meta && file.openBody(keys, item, await source.read(offset, file.itemBytes(item)), meta);
      if (meta === null || body === null) throw new Error(`${path}: the item at ${offset} does not open`);
      texts.push(JSON.stringify(meta), Buffer.from(body).toString());
    });
  }
  return texts;
}
