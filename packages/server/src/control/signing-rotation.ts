/**
 * The key that signs checkpoints makes way for a new one. Order: the new key and both keys' statement are durable,
 * both sign, and only then the statement is written into every log, so that no checkpoint covers it without the new
 * key's signature. Killed in between, the next start writes it: it looks which logs do not have it yet.
 */
import { uuidv8 } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { sha256 } from "@tallystick/tlog";
import {
  KEY_SUCCESSION_ATTRIBUTE,
  KEY_SUCCESSION_EVENT,
  openSuccession,
  parseChain,
  successionOf,
} from "@tallystick/verify";

import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import type { Keyring, Signer } from "../kms/kms.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { SignerInUse } from "../ledger/signer-in-use.ts";
import type { Control } from "./control.ts";
import { ownRecordOf } from "../journal/own-records.ts";

export interface SigningParts {
  readonly keyring: Keyring;
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly signer: SignerInUse;
  readonly control: Control;
  readonly serverOrigin: string;
}

export interface SigningRotation {
  /** Public halves, 32 bytes. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** RFC 3339: until then both sign. */
  readonly until: string;
}

export async function rotateSigning(parts: SigningParts, by: string, overlapMs: number): Promise<SigningRotation> {
  const { keyring, signer, serverOrigin, control } = parts;
  const before = signer.publicKey;
  await control.note({
    event_type: "CONFIG_CHANGE",
    operation: "rotate signing key",
    action: "update",
    resource: "keys",
    auth_subject: by,
  });
  const succeeded = await keyring.succeedSigner(serverOrigin, overlapMs);
  signer.use(succeeded);
  const logs = new Set(parts.journal.trees().map(({ log }) => log));
  const note = succeeded.successions.at(-1)!;
  const leaf = await successionRecord(note);
  for (const log of logs) await append(parts.journal, log, leaf);
  const opened = await openSuccession(note);
  const until = opened.kind === "ok" ? opened.value.until : "";
  return { before, after: succeeded.publicKey, until };
}

/**
 * Writes what a killed rotation left out, and what went with an epoch that retention deleted: every log tells of every
 * succession. Most starts write nothing.
 */
export async function announceSuccessions({ journal, ledger }: SigningParts, signer: Signer): Promise<void> {
  const trees = journal.trees();
  for (const note of signer.successions) {
    const leaf = await successionRecord(note);
    for (const log of new Set(trees.map((tree) => tree.log))) {
      const own = trees.filter((tree) => tree.log === log);
      const isTold = await Promise.all(own.map(({ tree }) => tells(ledger, tree, note)));
      if (!isTold.includes(true)) await append(journal, log, leaf);
    }
  }
}

async function tells(ledger: Ledger, tree: string, note: string): Promise<boolean> {
  const chain = await ledger.chain(tree);
  const parsed = chain === null ? null : parseChain(chain);
  if (parsed === null || parsed.kind === "refused") return false;
  return parsed.value.some(({ decoded }) => successionOf(decoded.record, decoded.observed) === note);
}

/** The same record however often it is made. */
async function successionRecord(note: string): Promise<AuditRecord> {
  const opened = await openSuccession(note);
  if (opened.kind === "refused") throw new TallystickError("key_unavailable", `a key succession: ${opened.reason}`);
  const id = uuidv8(sha256(Buffer.from(`tallystick key succession\n${note}`)).subarray(0, 16));
  return ownRecordOf(id, opened.value.from.replace(/\.000Z$/, "Z"), {
    event_type: KEY_SUCCESSION_EVENT,
    operation: "signing key succeeded",
    attributes: { [KEY_SUCCESSION_ATTRIBUTE]: note, "tallystick.until": opened.value.until },
  });
}

async function append(journal: Journal, log: string, leaf: AuditRecord): Promise<void> {
  const outcome = await journal.appendOwn(log, [leaf]);
  if (outcome.kind !== "pushback") return;
  throw new TallystickError("journal_unavailable", `The key succession could not be written into the log ${log}.`, {
    hint: "Both keys sign already. The next start writes it; or see the server's log.",
    retryAfterS: outcome.retryAfterS,
  });
}
