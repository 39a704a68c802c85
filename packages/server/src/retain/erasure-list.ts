/**
 * Every erasure of the folder, each in a signed file (docs/formats/erasure.md). It is durable before anything is
 * erased, so that a stop in between is finished at the next start, and a restored backup is told what it must forget.
 *
 * Guarantee: a file that is changed, or signed by another key, is refused.
 */
import { createPublicKey, verify } from "node:crypto";

import { canonicalOf } from "@tallystick/record";

import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { TallystickError } from "../errors.ts";
import { placeKey } from "./erasure.ts";
import type { Erasable, ErasedItem, Erasure } from "./erasure.ts";
import { MAX_ERASURE_FILE_BYTES } from "./erasure-limits.ts";

export interface ErasureSigner {
  readonly publicKey: Uint8Array;
  /** Keys that signed before this one. */
  readonly older?: readonly { readonly publicKey: Uint8Array }[];
  sign(message: Uint8Array): Uint8Array;
}

const CONTEXT = "tallystick erasure v1\n";
const FILE = /^(approval_[0-9a-f]{20})\.json$/;
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

export interface FoundErasure {
  readonly file: string;
  /** A string says why it is refused. */
  readonly erasure: Erasure | string;
}

export class ErasureList {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #signer: ErasureSigner;
  readonly #erasures = new Map<string, Erasure>();
  readonly #places = new Map<string, string>();

  /** Told of every new file, once it is durable; must not throw. */
  onAdded: () => Promise<void> = async () => {};

  constructor(disk: Disk, folder: string, signer: ErasureSigner, erasures: readonly Erasure[]) {
    this.#disk = disk;
    this.#folder = folder;
    this.#signer = signer;
    for (const erasure of erasures) this.#keep(erasure);
  }

  /** Durable when it returns. */
  async add(erasure: Erasure): Promise<void> {
    const body = `${canonicalOf(erasure)}\n`;
    const signature = Buffer.from(this.#signer.sign(Buffer.from(CONTEXT + body))).toString("base64");
    await this.#disk.makeFolder(this.#folder);
    const bytes = Buffer.from(`${body}${signature}\n`);
    await this.#disk.replaceFile(`${this.#folder}/${erasure.id}.json`, bytes);
    this.#keep(erasure);
    await this.onAdded();
  }

  find(id: string): Erasure | null {
    return this.#erasures.get(id) ?? null;
  }

  /** The id of the erasure that took it away; null when none did. */
  eraserOf(tree: string, index: number, what: Erasable): string | null {
    return this.#places.get(placeKey(tree, index, what)) ?? null;
  }

  all(): readonly Erasure[] {
    return [...this.#erasures.values()].toSorted((one, other) => (one.at < other.at ? -1 : 1));
  }

  #keep(erasure: Erasure): void {
    this.#erasures.set(erasure.id, erasure);
    for (const { tree, leaf_index: index, what } of erasure.items)
      this.#places.set(placeKey(tree, index, what), erasure.id);
  }
}

/** TallystickError `payload_damaged` when a file of the list is not what was written. */
export async function openErasureList(disk: Disk, folder: string, signer: ErasureSigner): Promise<ErasureList> {
  const keys = [signer, ...(signer.older ?? [])].map(({ publicKey }) => publicKey);
  const erasures = (await readErasures(disk, folder, keys)).map(({ file, erasure }) => {
    if (typeof erasure !== "string") return erasure;
    throw new TallystickError("payload_damaged", `the list of erasures is damaged: ${erasure}`, {
      fatal: true,
      at: { file },
      hint: "Restore the file from a backup; it says what a restored backup must forget.",
    });
  });
  return new ErasureList(disk, folder, signer, erasures);
}

/** Every file of the folder. Without public keys signatures are not checked. */
export async function readErasures(
  disk: Disk,
  folder: string,
  publicKeys: readonly Uint8Array[] | null,
): Promise<readonly FoundErasure[]> {
  const found: FoundErasure[] = [];
  for (const name of await disk.list(folder)) {
    const file = `${folder}/${name}`;
    if (name.endsWith(TEMPORARY_SUFFIX) && FILE.test(name.slice(0, -TEMPORARY_SUFFIX.length))) continue;
    const id = FILE.exec(name)?.[1];
    if (id === undefined) found.push({ file, erasure: "no file of that name belongs there" });
    else found.push({ file, erasure: parseErasure(await readBounded(disk, file), id, publicKeys) });
  }
  return found;
}

async function readBounded(disk: Disk, file: string): Promise<Uint8Array> {
  const size = (await disk.size(file)) ?? 0;
  return size > MAX_ERASURE_FILE_BYTES ? new Uint8Array() : ((await disk.readFile(file)) ?? new Uint8Array());
}

function parseErasure(bytes: Uint8Array, id: string, publicKeys: readonly Uint8Array[] | null): Erasure | string {
  const [body = "", signature = "", ...rest] = Buffer.from(bytes).toString("utf8").split("\n");
  const signed = Buffer.from(signature, "base64");
  if (rest.length !== 1 || rest[0] !== "" || signed.toString("base64") !== signature)
    return "it is not two lines, a text and its signature";
  const isOwn = publicKeys?.some((key) => isSigned(`${CONTEXT}${body}\n`, signed, key)) ?? true;
  if (!isOwn) return "its signature is not the folder's";
  try {
    const erasure = JSON.parse(body) as Erasure;
    const isWhole = canonicalOf(erasure) === body && erasure.id === id && erasure.items.every(isItem);
    return isWhole ? erasure : "its text is not in its one form";
  } catch {
    return "its text is no JSON";
  }
}

function isItem({ tree, leaf_index: index, what, digest, received_at: at }: ErasedItem): boolean {
  const texts = [tree, what, digest, at].every((text) => typeof text === "string");
  return texts && Number.isSafeInteger(index) && ["request", "response", "leaf"].includes(what);
}

function isSigned(text: string, signature: Uint8Array, publicKey: Uint8Array): boolean {
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: "der", type: "spki" });
  return verify(null, Buffer.from(text), key, signature);
}
