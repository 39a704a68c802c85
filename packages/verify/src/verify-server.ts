import { parseCheckpoint, parseNote, parseVerifierKey } from "@tallystick/tlog";
import type { Checkpoint, NoteVerifier } from "@tallystick/tlog";
import { anchoredTrees } from "./anchors.ts";
import { deletedTrees } from "./deleted-trees.ts";
import { get, httpSource } from "./http-source.ts";
import type { Http } from "./http-source.ts";
import { parseChain } from "./chain-file.ts";
import { openSuccession, outdatedKey, successionOf, withSuccessors } from "./key-succession.ts";
import type { KeySuccession } from "./key-succession.ts";
import { checkErasures } from "./erasure.ts";
import { keysFor, parseVerifierKeys, serverOf, treeOfOrigin } from "./known-keys.ts";
import { MAX_DELETION_BYTES, MAX_TREES, MAX_TREE_LIST_BYTES } from "./limits.ts";
import { FaultList, VerifyTrouble, verifyResult } from "./result.ts";
import type { TreeResult, VerifyResult } from "./result.ts";
import { checkServerProducers } from "./server-producers.ts";
import { verifyChain } from "./verify-chain.ts";
import { openCheckpoint, verifyTreeFromSource } from "./verify-tree.ts";
import type { TreeOutcome } from "./verify-tree.ts";

/** Checks a running server from outside, by what it serves. */
export interface ServerOptions {
  /** The server's URL, or that of one tree below it (`…/trees/<log>/<epoch>`). */
  readonly url: string;
  /** For contents, and for the list of trees. */
  readonly token?: string;
  /**
   * C2SP verifier keys that the verifier trusts; without any, the keys that the server names are taken and nothing is
   * anchored by them.
   */
  readonly vkeys?: readonly string[];
  /** Notes: older checkpoints that the verifier trusts. */
  readonly since?: readonly (string | Uint8Array)[];
  /** Checks every signature of a producer over its batch as well; that needs a token and all trees. */
  readonly producers?: {
    /** HMAC secrets by kid; a signature by another HMAC key counts as not checked. */
    readonly secrets: ReadonlyMap<string, string>;
  };
  readonly http: Http;
  onProgress?(tree: string, leaves: number, size: number): void;
}

/** Rejects with VerifyTrouble when it cannot run. */
export async function verifyServer(options: ServerOptions): Promise<VerifyResult> {
  const known = options.vkeys === undefined || options.vkeys.length === 0 ? null : parseVerifierKeys(options.vkeys);
  const place = placeOf(options.url);
  assertProducersCanBeChecked(options, place);
  const faults = new FaultList();
  const trees = await treesOf(options, place, known);
  const since = readSince(options.since ?? []);
  const successions = await successionsOf(options, place, trees);
  const verifiersOf = (origin: string, key: string | null) =>
    withSuccessors(known === null ? ownKey(key) : keysFor(known, origin), successionsFor(successions, origin));
  const keys = new Map(trees.map(({ origin, key }) => [origin, verifiersOf(origin, key)]));
  const anchors = await trustedSince(since, keys, place, faults);
  const outcomes: TreeOutcome[] = [];
  const toCheck = [...trees].reverse();
  // Grows while a stranger goes back along the chain.
  for (const { tree, origin, size, key } of toCheck) {
    const source = httpSource(options.http, `${place.server}/trees/${tree}`, options.token ?? null);
    const anchor = anchors.get(origin);
    const outcome = await verifyTreeFromSource(source, {
      tree,
      origin,
      verifiers: keys.get(origin) ?? withSuccessors(keysFor(known ?? [], origin), successionsFor(successions, origin)),
      faults,
      isKeyKnown: known !== null,
      mayBeUnpublished: size === 0,
      ...(anchor === undefined ? {} : { since: anchor }),
      onProgress: (leaves, of) => options.onProgress?.(tree, leaves, of),
    });
    if (outcome.checkpoint === null && !keys.has(origin)) continue;
    await checkKeysOfTime(outcome, successionsFor(successions, origin), faults);
    outcomes.unshift(outcome);
    if (key === null && place.tree === null) toCheck.push(...treeBefore(outcome, toCheck));
  }
  const isKnown = known !== null || since.length > 0;
  // The record that explains an erased leaf may be in a later tree, so that one tree alone says nothing of it.
  const erasedLeaves = checkErasures(outcomes, place.tree === null, faults);
  if (place.tree !== null)
    return verifyResult({ isKnown, faults, trees: outcomes.map(({ result }) => result), erasedLeaves });
  // Without known keys a deleted tree is under the key that the server names for those which it still has.
  const trusted = known ?? [...keys.values()].flat();
  const keysOf = (origin: string): readonly NoteVerifier[] =>
    withSuccessors(keysFor(trusted, origin), successionsFor(successions, origin));
  const deleted = await deletedTrees(outcomes, { read: deletionReader(options, place), keysFor: keysOf, faults });
  for (const log of logsOf([...deleted, ...outcomes])) await verifyChain(log, faults);
  const gone = deleted.map(({ result: { tree, size } }) => ({ tree, size }));
  const producers = await producersOf(options, place, outcomes, faults);
  const results = anchoredResults(outcomes, deleted, faults);
  return { ...verifyResult({ isKnown, faults, trees: results, deleted: gone, erasedLeaves }), ...producers };
}

function assertProducersCanBeChecked({ producers, token }: ServerOptions, { tree }: Place): void {
  if (producers === undefined) return;
  if (token === undefined)
    throw new VerifyTrouble("signatures of producers are over contents: give the --token of who may read them");
  if (tree !== null)
    throw new VerifyTrouble("signatures of producers are checked over a whole server: give its URL, not a tree's");
}

/** Nothing when it was not asked for. */
async function producersOf(
  options: ServerOptions,
  { server }: Place,
  outcomes: readonly TreeOutcome[],
  faults: FaultList,
): Promise<Pick<VerifyResult, "producers">> {
  const { producers, http, token } = options;
  if (producers === undefined) return {};
  const sourceOf = (tree: string) => httpSource(http, `${server}/trees/${tree}`, token ?? null);
  const onProgress = (tree: string, leaves: number, size: number): void => options.onProgress?.(tree, leaves, size);
  return { producers: await checkServerProducers({ outcomes, sourceOf, faults, onProgress, ...producers }) };
}

/** What stays of a tree that the server deleted. */
function deletionReader(
  { http, token }: ServerOptions,
  { server }: Place,
): (tree: string) => Promise<Uint8Array | null> {
  return async (tree) => {
    if (treeOfOrigin(`${server}/${tree}`) !== tree) return null;
    return (await get(http, `${server}/trees/${tree}/deletion`, token ?? null, MAX_DELETION_BYTES)).bytes;
  };
}

/** What the trees tell of keys that followed each other, before any checkpoint is looked at. */
async function successionsOf(
  { http, token }: ServerOptions,
  { server }: Place,
  trees: readonly ListedTree[],
): Promise<readonly KeySuccession[]> {
  const found: KeySuccession[] = [];
  for (const { tree } of trees) {
    const bytes = await httpSource(http, `${server}/trees/${tree}`, token ?? null).chain?.();
    const parsed = bytes === null || bytes === undefined ? null : parseChain(bytes);
    if (parsed === null || parsed.kind === "refused") continue;
    found.push(...(await openAll(parsed.value.map(({ decoded }) => successionOf(decoded.record, decoded.observed)))));
  }
  return found;
}

/** Those that open; what does not is no statement of anybody. */
async function openAll(notes: readonly (string | null)[]): Promise<readonly KeySuccession[]> {
  const opened: KeySuccession[] = [];
  for (const note of new Set(notes)) {
    const succession = note === null ? null : await openSuccession(note);
    if (succession?.kind === "ok") opened.push(succession.value);
  }
  return opened;
}

function successionsFor(successions: readonly KeySuccession[], origin: string): readonly KeySuccession[] {
  return successions.filter(({ serverOrigin }) => serverOrigin === serverOf(origin));
}

async function checkKeysOfTime(
  { signedBy, found, result }: TreeOutcome,
  successions: readonly KeySuccession[],
  faults: FaultList,
): Promise<void> {
  if (signedBy.length === 0) return;
  const told = await openAll(found.successions);
  const message = outdatedKey(signedBy, found.opening?.receivedAt ?? "", successions, told);
  if (message !== null) faults.add({ code: "checkpoint_signature", message, tree: result.tree, file: "checkpoint" });
}

interface Place {
  /** Without a slash at the end. */
  readonly server: string;
  /** Null: all trees of the server. */
  readonly tree: string | null;
}

function placeOf(text: string): Place {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new VerifyTrouble(`not a URL: ${text}`);
  }
  if (!/^https?:$/.test(url.protocol)) throw new VerifyTrouble(`not a URL of http or https: ${text}`);
  const base = `${url.origin}${url.pathname}`.replace(/\/+$/, "");
  const match = /^(.*)\/trees\/([^/]+\/[^/]+)$/.exec(base);
  return match === null ? { server: base, tree: null } : { server: match[1]!, tree: match[2]! };
}

interface ListedTree {
  readonly tree: string;
  readonly origin: string;
  /** 0 when there is no checkpoint yet. */
  readonly size: number;
  /** The key that the server names; null when it was not asked. */
  readonly key: string | null;
}

/**
 * As the server lists them; where it does not tell strangers, the one tree of the URL, or those that the known keys
 * name and, along the epoch chain, all before them.
 */
async function treesOf(
  options: ServerOptions,
  place: Place,
  known: readonly NoteVerifier[] | null,
): Promise<readonly ListedTree[]> {
  const { bytes, refused } = await get(
    options.http,
    `${place.server}/api/trees`,
    options.token ?? null,
    MAX_TREE_LIST_BYTES,
  );
  if (refused && options.token !== undefined) throw new VerifyTrouble(`${place.server}: the server refuses the token`);
  if (bytes === null) return treesOfKeys(place, known);
  const trees = parseTrees(bytes).filter(({ tree }) => place.tree === null || tree === place.tree);
  if (trees.length === 0 && place.tree !== null) throw new VerifyTrouble(`${place.server} has no tree ${place.tree}`);
  return trees;
}

function treesOfKeys(place: Place, known: readonly NoteVerifier[] | null): readonly ListedTree[] {
  if (known === null) {
    throw new VerifyTrouble(
      "the server lists its trees and keys to readers only: give --token, or --vkey for a tree's key",
    );
  }
  const origins = known.map(({ name }) => name);
  if (place.tree !== null)
    return [{ tree: place.tree, origin: `${serverOf(origins[0]!)}/${place.tree}`, size: 1, key: null }];
  return [...new Set(origins)].sort().map((origin) => ({ tree: treeOfOrigin(origin), origin, size: 1, key: null }));
}

/** The tree that leaf 0 names, for who has no list of trees. It may be gone: retention deletes old ones. */
function treeBefore({ found, result }: TreeOutcome, known: readonly ListedTree[]): readonly ListedTree[] {
  const tree = found.opening?.previous?.tree;
  if (tree === undefined || known.length >= MAX_TREES) return [];
  const origin = `${serverOf(result.origin)}/${tree}`;
  if (treeOfOrigin(origin) !== tree || known.some((listed) => listed.origin === origin)) return [];
  return [{ tree, origin, size: 0, key: null }];
}

function parseTrees(bytes: Uint8Array): readonly ListedTree[] {
  const list = parseJson(bytes);
  if (!Array.isArray(list) || list.length > MAX_TREES) throw new VerifyTrouble("the server's list of trees is none");
  return list.map((item: unknown) => {
    const { tree, origin, size, vkey } = (item ?? {}) as Readonly<Record<string, unknown>>;
    const named = typeof tree === "string" && typeof origin === "string" && typeof vkey === "string";
    if (!named || typeof size !== "number" || treeOfOrigin(origin) !== tree) {
      throw new VerifyTrouble("the server's list of trees is malformed");
    }
    return { tree, origin, size, key: vkey };
  });
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new VerifyTrouble("the server's list of trees is no JSON: is this the URL of a Tallystick server?");
  }
}

function ownKey(vkey: string | null): readonly NoteVerifier[] {
  const parsed = parseVerifierKey(vkey ?? "");
  if (parsed.kind === "refused") throw new VerifyTrouble(`the server names a malformed key: ${parsed.reason}`);
  return [parsed.value];
}

interface KnownNote {
  readonly note: string | Uint8Array;
  readonly checkpoint: Checkpoint;
}

/** What is no checkpoint is a wrong argument, not a fault of the log. */
function readSince(notes: readonly (string | Uint8Array)[]): readonly KnownNote[] {
  return notes.map((note) => {
    const form = parseNote(note);
    const parsed = form.kind === "refused" ? form : parseCheckpoint(form.value.text);
    if (parsed.kind === "refused") throw new VerifyTrouble(`the checkpoint given as known is none: ${parsed.reason}`);
    return { note, checkpoint: parsed.value };
  });
}

/**
 * The newest known checkpoint of each tree. One of a tree that is not there is a fault, and so is one that the key
 * did not sign.
 */
async function trustedSince(
  since: readonly KnownNote[],
  keys: ReadonlyMap<string, readonly NoteVerifier[]>,
  place: Place,
  faults: FaultList,
): Promise<ReadonlyMap<string, Checkpoint>> {
  const newest = new Map<string, Checkpoint>();
  for (const { note, checkpoint } of since) {
    const { origin, size } = checkpoint;
    const tree = treeOfOrigin(origin);
    const verifiers = keys.get(origin);
    if (verifiers === undefined) {
      if (place.tree !== null && place.tree !== tree) continue;
      faults.add({ code: "tree_missing", message: `${origin} was known with ${size} leaves and is not there`, tree });
      continue;
    }
    const opened = await openCheckpoint(note, verifiers);
    if (opened.kind === "refused") faults.add({ code: "since_signature", message: opened.reason, tree });
    if (size >= (newest.get(origin)?.size ?? 0)) newest.set(origin, checkpoint);
  }
  return newest;
}

/** After the chain was checked: a tree whose leaf 0 did not fit the tree before is not joined to it. */
function anchoredResults(
  outcomes: readonly TreeOutcome[],
  deleted: readonly TreeOutcome[],
  { faults }: FaultList,
): readonly TreeResult[] {
  const broken = new Set(faults.filter(({ code }) => code === "tree_opening").map(({ tree }) => tree));
  const chain = [...deleted, ...outcomes].map(({ result: { tree }, found }) => ({
    tree,
    previous: broken.has(tree) ? null : (found.opening?.previous?.tree ?? null),
  }));
  const compared = new Set(outcomes.filter(({ result }) => result.anchored).map(({ result }) => result.tree));
  const anchored = anchoredTrees(compared, chain);
  return outcomes.map(({ result }) => ({ ...result, anchored: anchored.has(result.tree) }));
}

function logsOf(outcomes: readonly TreeOutcome[]): Iterable<readonly TreeOutcome[]> {
  const logs = new Map<string, TreeOutcome[]>();
  for (const outcome of outcomes) {
    const log = outcome.result.tree.split("/")[0]!;
    logs.set(log, [...(logs.get(log) ?? []), outcome]);
  }
  return logs.values();
}
