/**
 * The data keys of one folder: each 32 random bytes, wrapped by the KMS in `keys/<name>.json`. A key's file is durable
 * before the key is used for the first time, so nothing is ever encrypted under a key that a crash forgets. All of a
 * file but the wrapped key is bound to it as associated data, so a changed file does not open. Making and rewrapping
 * keys happen one after another, so no key is made under a KMS key that is being left. A key that was unwrapped once
 * stays usable while the KMS is away.
 *
 * Left out on purpose: deletion. Nothing here has the authority to decide that a key goes; whoever has takes its file
 * away while the keyring does nothing with files (`forget`).
 */
import assert from "node:assert/strict";

import { formatSuccession, openSuccession } from "@tallystick/verify";
import type { KeySuccession } from "@tallystick/verify";

import type { Clock } from "../clock.ts";
import type { Disk } from "../disk/disk.ts";
import { TEMPORARY_SUFFIX } from "../disk/limits.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import { ed25519Key } from "./ed25519.ts";
import type { Keyring, Kms, Rewrapped, SecretInfo, Signer } from "./kms.ts";
import { KEY_BYTES, MAX_KEY_FILE_BYTES, MAX_SECRET_BYTES, NONCE_BYTES } from "./limits.ts";
import { openSecret, sealSecret, secretKeyName, secretNameIn } from "./sealed-secret.ts";

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
  /** Base64 of the Ed25519 public half; only for signing keys. */
  readonly public?: string;
  /** How the signing key came after the one before it (docs/formats/key-succession.md); not in the first one. */
  readonly succession?: string;
  /** Only in `secret.<name>`: what the key seals (sealed-secret.ts). */
  readonly sealed?: string;
}

export interface KeyFault {
  readonly file: string;
  readonly message: string;
}

const LEFTOVER_BYTES = `.json${TEMPORARY_SUFFIX}`.length;
const SIGNING = "signing";
const NAME_PATTERN =
  /^(?:signing(?:\.[2-9]|\.[1-9][0-9]{1,2})?|integrity|index|redaction|passwords|batch\.bsk_[0-9a-f]{20}|secret\.[a-z0-9][a-z0-9_-]{0,62}|(?:epoch|payload)\.[a-z0-9][a-z0-9-]{0,62}\.[A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?)$/;
const EPOCH_KEY_FILE = /^epoch\.([a-z0-9][a-z0-9-]{0,62})\.([A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?)\.json$/;
const FACT_NAMES = ["created_at", "format", "kms", "name", "public", "sealed", "succession", "wrapped"];
const SIGNING_NAME = /^signing(?:\.([0-9]+))?$/;
const MAX_SIGNING_KEYS = 999;

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
      await keyring.key(SIGNING);
      return signerOf(options, async (name) => (await keyring.existing(name))!);
    },
    succeedSigner: (serverOrigin, overlapMs) =>
      inTurn(async () => {
        await succeed(options, await keyring.signer(), serverOrigin, overlapMs);
        return keyring.signer();
      }),
    rotate: () =>
      inTurn(async () => {
        const before = options.kms.keyId;
        await options.kms.rotate();
        return { ...(await rewrapAll(options)), before };
      }),
    rewrap: () => inTurn(() => rewrapAll(options)),
    forget: (names, removal) =>
      inTurn(() => {
        for (const name of names) known.delete(name);
        return removal();
      }),
    setSecret: (name, secret) =>
      inTurn(() => {
        known.delete(secretKeyName(name));
        return storeSecret(options, name, secret);
      }),
    async secret(name) {
      const key = await keyring.existing(secretKeyName(name));
      return key === null ? null : readSecret(options, name, key);
    },
    secrets: () => listSecrets(options),
  };
  return keyring;
}

async function storeSecret(options: KeyringOptions, name: string, secret: string | null): Promise<void> {
  const { disk, folder, kms, clock, randomBytes } = options;
  const keyName = secretKeyName(name);
  if (secret === null) return disk.remove(`${folder}/${keyFileName(keyName)}`);
  assert(Buffer.byteLength(secret) <= MAX_SECRET_BYTES);
  const key = randomBytes(KEY_BYTES);
  const facts: KeyFacts = {
    created_at: isoNow(clock),
    format: 1,
    kms: kms.keyId,
    name: keyName,
    sealed: sealSecret(key, name, secret, randomBytes(NONCE_BYTES)),
  };
  await storeKey(disk, folder, kms, facts, key);
}

/** Null when it was taken away meanwhile. */
async function readSecret({ disk, folder }: KeyringOptions, name: string, key: Uint8Array): Promise<string | null> {
  const keyName = secretKeyName(name);
  const path = `${folder}/${keyFileName(keyName)}`;
  if ((await disk.size(path)) === null) return null;
  const { facts } = await readKeyFile(disk, path, keyName);
  try {
    return openSecret(key, name, facts.sealed ?? "");
  } catch (cause) {
    throw unusable(path, keyName, cause);
  }
}

async function listSecrets({ disk, folder }: KeyringOptions): Promise<readonly SecretInfo[]> {
  const found: SecretInfo[] = [];
  for (const entry of await disk.list(folder)) {
    const keyName = entry.endsWith(".json") ? entry.slice(0, -".json".length) : "";
    const name = secretNameIn(keyName);
    if (name === null || !NAME_PATTERN.test(keyName)) continue;
    found.push({ name, setAt: (await readKeyFile(disk, `${folder}/${entry}`, keyName)).facts.created_at });
  }
  return found;
}

/** The newest key signs; each older one signs beside it until its successor's statement says that it is over. */
async function signerOf(options: KeyringOptions, seed: (name: string) => Promise<Uint8Array>): Promise<Signer> {
  const files = await signingFiles(options.disk, options.folder);
  const keys = await Promise.all(files.map(async ({ name }) => ed25519Key(await seed(name))));
  const successions = files.flatMap(({ succession }) => (succession === null ? [] : [succession]));
  const newest = keys.at(-1)!;
  const older = keys.slice(0, -1).map((key, at) => ({ ...key, untilMs: Date.parse(successions[at]!.opened.until) }));
  return { ...newest, older: older.reverse(), successions: successions.map(({ note }) => note) };
}

async function succeed(
  options: KeyringOptions,
  before: Signer,
  serverOrigin: string,
  overlapMs: number,
): Promise<void> {
  const number = before.older.length + 2;
  if (number > MAX_SIGNING_KEYS)
    throw new TallystickError("bad_request", `There were ${MAX_SIGNING_KEYS} signing keys.`);
  const seed = options.randomBytes(KEY_BYTES);
  const after = ed25519Key(seed);
  const nowMs = Math.floor(options.clock.nowUs() / 1_000);
  const [from, until] = [nowMs, nowMs + overlapMs].map((ms) => new Date(ms).toISOString()) as [string, string];
  const statement = { serverOrigin, before: before.publicKey, after: after.publicKey, from, until };
  const facts: KeyFacts = {
    created_at: from,
    format: 1,
    kms: options.kms.keyId,
    name: `${SIGNING}.${number}`,
    public: toBase64(after.publicKey),
    succession: formatSuccession(
      statement,
      (message) => before.sign(message),
      (message) => after.sign(message),
    ),
  };
  await storeKey(options.disk, options.folder, options.kms, facts, seed);
}

interface SigningFile {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly succession: { readonly note: string; readonly opened: KeySuccession } | null;
}

/** Oldest first; each but the first says how it came after the one before, or nothing is signed. */
async function signingFiles(disk: Disk, folder: string): Promise<readonly SigningFile[]> {
  const files: SigningFile[] = [];
  for (let number = 1; number <= MAX_SIGNING_KEYS; number += 1) {
    const name = number === 1 ? SIGNING : `${SIGNING}.${number}`;
    const path = `${folder}/${keyFileName(name)}`;
    if ((await disk.size(path)) === null) break;
    const { facts } = await readKeyFile(disk, path, name);
    const publicKey = Buffer.from(facts.public ?? "", "base64");
    files.push({ name, publicKey, succession: await succession(path, facts, publicKey, files.at(-1) ?? null) });
  }
  return files;
}

async function succession(
  path: string,
  { name, succession: note }: KeyFacts,
  publicKey: Uint8Array,
  before: SigningFile | null,
): Promise<SigningFile["succession"]> {
  if (before === null) return null;
  const opened = await openSuccession(note ?? "");
  if (opened.kind === "refused")
    throw unusable(path, name, new Error(`its succession does not open: ${opened.reason}`));
  const { before: said, after } = opened.value;
  if (Buffer.compare(said, before.publicKey) !== 0 || Buffer.compare(after, publicKey) !== 0)
    throw unusable(path, name, new Error("its succession is of other keys"));
  return { note: note ?? "", opened: opened.value };
}

/** Stops at the first key that does not open: what was moved stays moved, and nothing is taken out of use. */
async function rewrapAll({ disk, folder, kms }: KeyringOptions): Promise<Rewrapped> {
  let keys = 0;
  for (const entry of await disk.list(folder)) {
    const name = entry.endsWith(".json") ? entry.slice(0, -".json".length) : "";
    if (!NAME_PATTERN.test(name)) continue;
    const path = `${folder}/${entry}`;
    // Somebody may destroy a key by hand; what is gone is not brought back.
    if ((await disk.size(path)) === null) continue;
    const { facts, wrapped } = await readKeyFile(disk, path, name);
    if (facts.kms === kms.keyId) continue;
    const moved = await keyText(kms, { ...facts, kms: kms.keyId }, await unwrapFile(kms, path, facts, wrapped));
    if ((await disk.size(path)) === null) continue;
    await disk.replaceFile(path, moved);
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
  await disk.replaceFile(`${folder}/${keyFileName(facts.name)}`, await keyText(kms, facts, plain));
}

async function keyText(kms: Kms, facts: KeyFacts, plain: Uint8Array): Promise<Uint8Array> {
  const wrapped = toBase64(await kms.wrap(plain, canonical(facts)));
  return Buffer.from(`${canonical({ ...facts, wrapped })}\n`);
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
  if (faults.length > 0) return faults;
  // Each is whole; now whether the signing keys follow each other as they say.
  await signingFiles(disk, folder).catch((error: unknown) => {
    if (!isTallystickError(error, "key_unavailable")) throw error;
    faults.push({ file: String(error.at["file"] ?? folder), message: error.message });
  });
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

export interface PublicSigning {
  /** Oldest first; empty when there is none yet. */
  readonly publicKeys: readonly Uint8Array[];
  readonly successions: readonly KeySuccession[];
}

/** The public halves of the signing keys and how they followed each other, readable without the KMS. */
export async function readPublicKeys(disk: Disk, folder: string): Promise<PublicSigning> {
  const files = await signingFiles(disk, folder);
  const successions = files.flatMap(({ succession: said }) => (said === null ? [] : [said.opened]));
  return { publicKeys: files.map(({ publicKey }) => publicKey), successions };
}

async function load(options: KeyringOptions, name: string): Promise<Uint8Array | null> {
  const path = `${options.folder}/${keyFileName(name)}`;
  if ((await options.disk.size(path)) === null) return null;
  const { facts, wrapped } = await readKeyFile(options.disk, path, name);
  return unwrapFile(options.kms, path, facts, wrapped);
}

async function make(options: KeyringOptions, name: string): Promise<Uint8Array> {
  // A secret's key comes with the secret alone.
  assert(secretNameIn(name) === null);
  const plain = options.randomBytes(KEY_BYTES);
  const facts: KeyFacts = {
    created_at: isoNow(options.clock),
    format: 1,
    kms: options.kms.keyId,
    name,
    ...(name === SIGNING ? { public: toBase64(ed25519Key(plain).publicKey) } : {}),
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
    (facts.sealed === undefined) === (secretNameIn(name) === null) &&
    `${canonical(value)}\n` === text;
  if (!strict) throw new Error("the key file is not in its canonical form");
  return { facts, wrapped: Buffer.from(wrapped, "base64") };
}

function checkPublicHalf(facts: KeyFacts, plain: Uint8Array): void {
  if (plain.length !== KEY_BYTES) throw new Error("the key has not 32 bytes");
  if (!SIGNING_NAME.test(facts.name)) return;
  if (facts.public !== toBase64(ed25519Key(plain).publicKey)) throw new Error("its public half is another key's");
}

/** RFC 8785 for a flat object of strings and small integers. */
function canonical(value: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))));
}

function isoNow(clock: Clock): string {
  return new Date(Math.floor(clock.nowUs() / 1_000)).toISOString();
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
