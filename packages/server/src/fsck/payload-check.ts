/**
 * Bodies against what the log says of them: every commitment that a leaf holds has its body, or an ERASURE record that
 * took it away; every body that is there opens and gives its commitment. Erased and missing are told apart.
 *
 * Memory: about 200 bytes for each body of the folder.
 */
import type { ErasedPlace } from "@tallystick/verify";
import type { Disk } from "../disk/disk.ts";
import { diskSource } from "../journal/segment-source.ts";
import type { Keyring } from "../kms/kms.ts";
import { itemBytes, MAX_HEADER_BYTES, openBody, parsePayloadHeader, payloadKeys } from "../payload/payload-file.ts";
import type { PayloadKeys } from "../payload/payload-file.ts";
import type { PayloadMeta } from "../payload/payload-meta.ts";
import { walkPayloads } from "../payload/payload-places.ts";
import { scanPayloads } from "../payload/payload-scan.ts";
import type { FoundPayloads } from "../payload/payload-scan.ts";
import { placeKey } from "../retain/erasure.ts";
import { readErasures } from "../retain/erasure-list.ts";
import { logOf } from "../search/scope.ts";
import type { FolderFaults } from "./faults.ts";

/** A body that a leaf commits to. */
export interface CommittedBody {
  readonly tree: string;
  readonly index: number;
  readonly part: "request" | "response";
  readonly commitment: string;
}

export interface PayloadCheckOptions {
  readonly disk: Disk;
  readonly dataFolder: string;
  /** Null: contents are not checked. */
  readonly keyring: Keyring | null;
  readonly publicKeys: readonly Uint8Array[] | null;
  /** Leaves of the trees that are there; of others neither record nor erasure can be looked at. */
  readonly trees: ReadonlyMap<string, number>;
  readonly committed: readonly CommittedBody[];
  /** Leaves of which only the hash is there. */
  readonly stubs: readonly { readonly tree: string; readonly index: number; readonly hash: string }[];
  /** What the ERASURE records of the log say. */
  readonly erased: readonly ErasedPlace[];
  readonly faults: FolderFaults;
}

export interface PayloadFigures {
  /** Bodies that were opened and give their commitment. */
  readonly kept: number;
  /** Bodies that an ERASURE record says are gone, and are. */
  readonly erased: number;
  /** Leaves that an ERASURE record says are gone, and are; hash and place were kept. */
  readonly erasedLeaves: number;
  readonly contents: "checked" | "not checked";
}

export async function checkPayloads(options: PayloadCheckOptions): Promise<PayloadFigures> {
  const { disk, dataFolder, faults, keyring } = options;
  const scan = await scanPayloads(disk, `${dataFolder}/payload`);
  for (const file of scan.strangers) faults.add("unknown_file", "no file of that name belongs there", { file });
  await checkList(options);
  if (keyring === null) return { kept: 0, erased: 0, erasedLeaves: 0, contents: "not checked" };
  const found = new Set<string>();
  for (const file of scan.files) await checkFile(disk, keyring, file, faults, found);
  return { ...compare(options, found), erasedLeaves: compareLeaves(options), contents: "checked" };
}

/** Every file of the signed list is whole, what it says is in the log, and what the log says is in it. */
async function checkList(options: PayloadCheckOptions): Promise<void> {
  const { disk, dataFolder, publicKeys, erased, faults, keyring, trees } = options;
  const told = new Set(erased.map(({ tree, leaf_index: index, what }) => placeKey(tree, index, what)));
  const listed = new Set<string>();
  for (const { file, erasure } of await readErasures(disk, `${dataFolder}/erasures`, publicKeys)) {
    if (typeof erasure === "string") {
      faults.add("erasure_list", erasure, { file });
      continue;
    }
    for (const { tree, leaf_index: index, what } of erasure.items) listed.add(placeKey(tree, index, what));
    const untold = erasure.items.find(
      // What a restored folder never had needs no record that it is gone.
      ({ tree, leaf_index: index, what }) => index < (trees.get(tree) ?? 0) && !told.has(placeKey(tree, index, what)),
    );
    if (untold === undefined || keyring === null) continue;
    const message = `the ${untold.what} was to be erased, and no ERASURE record says so: the erasure did not end`;
    faults.add("erasure_unfinished", message, { file, index: untold.leaf_index }, untold.tree);
  }
  const lost = erased.find(({ tree, leaf_index: index, what }) => !listed.has(placeKey(tree, index, what)));
  if (lost === undefined) return;
  const message = `the ${lost.what} was erased, and the list does not say so: a restored backup would not forget it`;
  faults.add("erasure_list", message, { index: lost.leaf_index }, lost.tree);
}

async function checkFile(
  disk: Disk,
  keyring: Keyring,
  found: FoundPayloads,
  faults: FolderFaults,
  commitments: Set<string>,
): Promise<void> {
  const { path: file, log, epoch } = found;
  const source = await diskSource(disk, file);
  const start = await source.read(0, MAX_HEADER_BYTES);
  const parsed = parsePayloadHeader(start);
  // Its making was interrupted, and it never held a body.
  if (parsed.kind === "short") return;
  const add = (message: string, offset: number) => faults.add("payload_damaged", message, { file, offset });
  if (parsed.kind === "refused") return add(parsed.reason, 0);
  if (parsed.header.tree !== `${log}/${epoch}`) return add(`the file is of ${parsed.header.tree}`, 0);
  const key = await keyring.existing(`payload.${log}.${epoch}`).catch(() => null);
  const keys = key === null ? null : payloadKeys(key, parsed.header, parsed.hash);
  if (keys === null) return add("its key is missing or is another one", 0);
  const { rest } = await walkPayloads(source, parsed.bytes, keys, async ({ offset, header }, meta) => {
    const item = await source.read(offset, itemBytes(header));
    if (meta === null || !isWhole(keys, header, item, meta)) return add("a body does not give its commitment", offset);
    commitments.add(`${log} ${meta.commitment}`);
  });
  if (rest !== null && !rest.isTorn) add(rest.reason, rest.offset);
}

function isWhole(
  keys: PayloadKeys,
  header: Parameters<typeof openBody>[1],
  item: Uint8Array,
  meta: PayloadMeta,
): boolean {
  return openBody(keys, header, item, meta) !== null;
}

function compare({ committed, erased, faults }: PayloadCheckOptions, found: ReadonlySet<string>) {
  const gone = new Map(erased.map((place) => [placeKey(place.tree, place.leaf_index, place.what), place.digest]));
  let [kept, taken] = [0, 0];
  for (const { tree, index, part, commitment } of committed) {
    const isThere = found.has(`${logOf(tree)} ${commitment}`);
    const isErased = gone.get(placeKey(tree, index, part)) === commitment;
    if (isErased && !isThere) taken += 1;
    else if (isErased)
      faults.add("erasure_unfinished", `the ${part} body was erased and is still there`, { index }, tree);
    else if (isThere) kept += 1;
    else faults.add("payload_missing", `the ${part} body is missing, and no ERASURE record says why`, { index }, tree);
  }
  return { kept, erased: taken };
}

/** A leaf is gone exactly where an ERASURE record with its hash says so. */
function compareLeaves({ stubs, erased, trees, faults }: PayloadCheckOptions): number {
  const told = new Map(
    erased.flatMap(({ tree, leaf_index: index, what, digest }) =>
      what === "leaf" && trees.has(tree) ? [[placeKey(tree, index, what), { tree, index, digest }] as const] : [],
    ),
  );
  let count = 0;
  for (const { tree, index, hash } of stubs) {
    const key = placeKey(tree, index, "leaf");
    const isTold = told.get(key)?.digest === hash;
    told.delete(key);
    if (isTold) count += 1;
    else faults.add("leaf_missing", "only the leaf's hash is there, and no ERASURE record says why", { index }, tree);
  }
  for (const { tree, index } of told.values())
    faults.add("erasure_unfinished", "the leaf was erased and is still there", { index }, tree);
  return count;
}
