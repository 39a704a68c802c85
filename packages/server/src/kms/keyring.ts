/**
 * The data keys of one folder: each 32 random bytes, wrapped by the KMS in `keys/<name>.json`. A key's file is durable
 * before the key is used for the first time, so nothing is ever encrypted under a key that a crash forgets. All of a
 * file but the wrapped key is bound to it as associated data, so a changed file does not open. Making and rewrapping
 * keys happen one after another, so no key is made under a KMS key that is being left. A key that was unwrapped once
 * stays usable while the KMS is away.
 *
 * Left out on purpose: deletion. Nothing here has the authority to forget a key.
 */
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";

import type { Clock } from "../clock.ts";
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import type { Keyring, Kms, Rewrapped } from "./kms.ts";
import { KEY_BYTES, MAX_KEY_FILE_BYTES } from "./limits.ts";

export interface KeyringOptions {
  readonly disk: Disk;
  /** The folder `keys/`; made when absent. */
  readonly folder: string;
  readonly kms: Kms;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
}

/** What stands in `keys/<name>.json`, beside `wrapped`. */
interface KeyFacts {
  readonly created_at: string;
  readonly format: 1;
  readonly kms: string;
  readonly name: string;
  /** Base64 of the Ed25519 public half; only for `signing`. */
  readonly public?: string;
}

export interface KeyFault {
  readonly file: string;
  readonly message: string;
}

const LEFTOVER_BYTES = `.json${TEMPORARY_SUFFIX}`.length;
const SIGNING = "signing";
const NAME_PATTERN =
  /^(?:signing|integrity|index|redaction|passwords|batch\.bsk_[0-9a-f]{20}|(?:epoch|payload)\.[a-z0-9][a-z0-9-]{0,62}\.[A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?)$/;
const EPOCH_KEY_FILE = /^epoch\.([a-z0-9][a-z0-9-]{0,62})\.([A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?)\.json$/;
const FACT_NAMES = ["created_at", "format", "kms", "name", "public", "wrapped"];
/** PKCS#8 wrapping of an Ed25519 seed (RFC 8410). */
const ED25519_PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
const ED25519_PUBLIC_BYTES = 32;

export function openKeyring(options: KeyringOptions): Keyring {
  const known = new Map<string, Promise<Uint8Array | null>>();
  // One promise a name, so that two askers never make the same key twice; a failure is forgotten, so that the next
  // asker tries again.
  const once = (name: string, load: () => Promise<Uint8Array | null>): Promise<Uint8Array | null> => {
    const pending = (known.get(name) ?? Promise.resolve(null)).then((found) => found ?? load());
    known.set(name, pending);
    pending.catch(() => known.delete(name));
    return pending;
  };
  let lastChange: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(change: () => Promise<Result>): Promise<Result> => {
    const turn = lastChange.then(change);
    lastChange = turn.catch(() => undefined);
    return turn;
  };
  const keyring: Keyring = {
    async key(name) {
      const found = await once(name, async () => (await load(options, name)) ?? inTurn(() => make(options, name)));
      return new Uint8Array(found as Uint8Array);
    },
    async existing(name) {
      const found = await once(name, () => load(options, name));
      return found === null ? null : new Uint8Array(found);
    },
    async signer() {
      const privateKey = privateKeyOf(await keyring.key(SIGNING));
      return { publicKey: publicHalf(privateKey), sign: (message) => sign(null, message, privateKey) };
    },
    rotate: () =>
      inTurn(async () => {
        const before = options.kms.keyId;
        await options.kms.rotate();
        return { ...(await rewrapAll(options)), before };
      }),
    rewrap: () => inTurn(() => rewrapAll(options)),
  };
  return keyring;
}

/** Stops at the first key that does not open: what was moved stays moved, and nothing is taken out of use. */
async function rewrapAll({ disk, folder, kms }: KeyringOptions): Promise<Rewrapped> {
  let keys = 0;
  for (const entry of await disk.list(folder)) {
    const name = entry.endsWith(".json") ? entry.slice(0, -".json".length) : "";
    if (!NAME_PATTERN.test(name)) continue;
    const path = `${folder}/${entry}`;
    const { facts, wrapped } = await readKeyFile(disk, path, name);
    if (facts.kms === kms.keyId) continue;
    const plain = await unwrapFile(kms, path, facts, wrapped);
    await storeKey(disk, folder, kms, { ...facts, kms: kms.keyId }, plain);
    keys += 1;
  }
  await kms.retire();
  return { before: kms.keyId, kms: kms.keyId, keys };
}

async function readKeyFile(disk: Disk, path: string, name: string): Promise<ReturnType<typeof parse>> {
  try {
    return parse((await disk.readFile(path)) ?? new Uint8Array(), name);
  } catch (cause) {
    throw unusable(path, name, cause);
  }
}

async function unwrapFile(kms: Kms, path: string, facts: KeyFacts, wrapped: Uint8Array): Promise<Uint8Array> {
  try {
    const plain = await kms.unwrap(wrapped, canonical(facts), facts.kms);
    checkPublicHalf(facts, plain);
    return plain;
  } catch (cause) {
    if (isTallystickError(cause, "kms_unreachable")) throw cause;
    throw unusable(path, facts.name, cause);
  }
}

async function storeKey(disk: Disk, folder: string, kms: Kms, facts: KeyFacts, plain: Uint8Array): Promise<void> {
  const wrapped = toBase64(await kms.wrap(plain, canonical(facts)));
  const text = `${canonical({ ...facts, wrapped })}\n`;
  await disk.replaceFile(`${folder}/${keyFileName(facts.name)}`, Buffer.from(text));
}

function unusable(file: string, name: string, cause: unknown): TallystickError {
  const why = cause instanceof Error ? cause.message : "unreadable";
  return new TallystickError("key_unavailable", `the key ${name} cannot be used: ${why}`, {
    cause,
    fatal: true,
    at: { file },
    hint: "Restore the file keys/ from a backup, or give the KMS key that this folder was made with (kms.file).",
  });
}

export function keyFileName(name: string): string {
  if (!NAME_PATTERN.test(name)) throw new TallystickError("key_unavailable", `there is no key of the name ${name}`);
  return `${name}.json`;
}

/**
 * Every file in `keys/` that is not a whole, canonical key file; with a KMS also every one that does not open under it.
 */
export async function checkKeys(disk: Disk, folder: string, kms: Kms | null): Promise<readonly KeyFault[]> {
  const faults: KeyFault[] = [];
  for (const entry of await disk.list(folder)) {
    // Left by a stop in the middle of making a key; it was never used.
    if (entry.endsWith(`.json${TEMPORARY_SUFFIX}`) && NAME_PATTERN.test(entry.slice(0, -LEFTOVER_BYTES))) continue;
    const name = entry.endsWith(".json") ? entry.slice(0, -".json".length) : "";
    try {
      if (!NAME_PATTERN.test(name)) throw new Error("is no key file");
      const bytes = await disk.readFile(`${folder}/${entry}`);
      const { facts, wrapped } = parse(bytes ?? new Uint8Array(), name);
      if (kms !== null) checkPublicHalf(facts, await kms.unwrap(wrapped, canonical(facts), facts.kms));
    } catch (error) {
      faults.push({ file: `${folder}/${entry}`, message: error instanceof Error ? error.message : "unreadable" });
    }
  }
  return faults;
}

export interface EpochKey {
  readonly log: string;
  readonly epoch: string;
  readonly file: string;
}

/** The epoch keys in `keys/`, by file name; readable without the KMS. */
export async function epochKeys(disk: Disk, folder: string): Promise<readonly EpochKey[]> {
  return (await disk.list(folder)).flatMap((entry) => {
    const [, log, epoch] = EPOCH_KEY_FILE.exec(entry) ?? [];
    return log === undefined || epoch === undefined ? [] : [{ log, epoch, file: `${folder}/${entry}` }];
  });
}

/** The public half of the signing key, readable without the KMS; null when there is none yet. */
export async function readPublicKey(disk: Disk, folder: string): Promise<Uint8Array | null> {
  const bytes = await disk.readFile(`${folder}/${keyFileName(SIGNING)}`);
  return bytes === null ? null : Buffer.from(parse(bytes, SIGNING).facts.public ?? "", "base64");
}

async function load(options: KeyringOptions, name: string): Promise<Uint8Array | null> {
  const path = `${options.folder}/${keyFileName(name)}`;
  if ((await options.disk.size(path)) === null) return null;
  const { facts, wrapped } = await readKeyFile(options.disk, path, name);
  return unwrapFile(options.kms, path, facts, wrapped);
}

async function make(options: KeyringOptions, name: string): Promise<Uint8Array> {
  const plain = options.randomBytes(KEY_BYTES);
  const facts: KeyFacts = {
    created_at: new Date(Math.floor(options.clock.nowUs() / 1_000)).toISOString(),
    format: 1,
    kms: options.kms.keyId,
    name,
    ...(name === SIGNING ? { public: toBase64(publicHalf(privateKeyOf(plain))) } : {}),
  };
  await options.disk.makeFolder(options.folder);
  await storeKey(options.disk, options.folder, options.kms, facts, plain);
  return plain;
}

function parse(bytes: Uint8Array, name: string): { facts: KeyFacts; wrapped: Uint8Array } {
  if (bytes.length > MAX_KEY_FILE_BYTES) throw new Error("the key file is too long");
  const text = Buffer.from(bytes).toString("utf8");
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("the key file is no object");
  const { wrapped, ...facts } = value as KeyFacts & { readonly wrapped: unknown };
  // Written again it must give the same bytes: no other order, space, escape, base64 or name has the same meaning.
  const strict =
    typeof wrapped === "string" &&
    toBase64(Buffer.from(wrapped, "base64")) === wrapped &&
    Object.keys(value).every((key) => FACT_NAMES.includes(key)) &&
    facts.format === 1 &&
    facts.name === name &&
    `${canonical(value)}\n` === text;
  if (!strict) throw new Error("the key file is not in its canonical form");
  return { facts, wrapped: Buffer.from(wrapped, "base64") };
}

function checkPublicHalf(facts: KeyFacts, plain: Uint8Array): void {
  if (plain.length !== KEY_BYTES) throw new Error("the key has not 32 bytes");
  if (facts.name !== SIGNING) return;
  if (facts.public !== toBase64(publicHalf(privateKeyOf(plain)))) throw new Error("its public half is another key's");
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([ED25519_PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
}

function publicHalf(privateKey: KeyObject): Uint8Array {
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(spki.length - ED25519_PUBLIC_BYTES));
}

/** RFC 8785 for a flat object of ASCII strings and small integers. */
function canonical(value: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))));
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
