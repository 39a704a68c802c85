/**
 * All payload files of a data folder. A body is durable here before the record that names its commitment is journaled,
 * so a record without its body was erased or has lost it; the other way round is harmless, and such a body is found by
 * nobody.
 */
import type { Clock } from "../clock.ts";
import type { Compute } from "../compute/compute.ts";
import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import type { EpochPolicy } from "../journal/epochs.ts";
import type { WriteTrouble } from "../journal/write-trouble.ts";
import type { Keyring } from "../kms/kms.ts";
import type { NewBody } from "./body-tasks.ts";
import { REFUSAL_COUNTS_MS } from "./limits.ts";
import { PayloadLog } from "./payload-log.ts";
import type { FoundBody, PutOutcome, Wanted } from "./payload-log.ts";
import { scanPayloads } from "./payload-scan.ts";
import type { PayloadScan } from "./payload-scan.ts";

export interface PayloadStoreParts {
  /** The folder `payload/`; made when something is to be kept. */
  readonly folder: string;
  readonly disk: Disk;
  readonly compute: Compute;
  readonly keyring: Keyring;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly epochOf: (log: string) => EpochPolicy;
}

export class PayloadStore {
  readonly #parts: PayloadStoreParts;
  readonly #scan: PayloadScan;
  readonly #logs = new Map<string, Promise<PayloadLog>>();
  readonly #refused = new Map<string, { readonly reason: WriteTrouble; readonly atMs: number }>();

  constructor(parts: PayloadStoreParts, scan: PayloadScan) {
    this.#parts = parts;
    this.#scan = scan;
  }

  /** Durable when it says `stored`: one commitment a body, in their order, hexadecimal. */
  async put(log: string, bodies: readonly NewBody[]): Promise<PutOutcome> {
    const outcome = await (await this.#log(log)).put(bodies);
    if (outcome.kind === "stored") this.#refused.delete(log);
    else if (outcome.reason !== "closing")
      this.#refused.set(log, { reason: outcome.reason, atMs: this.#parts.clock.monotonicMs() });
    return outcome;
  }

  /** Logs whose newest bodies were refused, and why; after a minute in which nobody came again nothing is known. */
  refusing(): ReadonlyMap<string, WriteTrouble> {
    const sinceMs = this.#parts.clock.monotonicMs() - REFUSAL_COUNTS_MS;
    return new Map([...this.#refused].flatMap(([log, { reason, atMs }]) => (atMs > sinceMs ? [[log, reason]] : [])));
  }

  /** One a body: the commitment that it has in the log because the same record brought it there lately, or null. */
  async known(log: string, bodies: Parameters<PayloadLog["known"]>[0]): ReturnType<PayloadLog["known"]> {
    return (await this.#log(log)).known(bodies);
  }

  /** Null when no file of the log has it. Throws `payload_damaged` when it is there and does not open. */
  async find(log: string, wanted: Wanted): Promise<FoundBody | null> {
    return (await this.#log(log)).find(wanted);
  }

  /** Gone from the files, caches and memory when it returns. */
  async erase(log: string, wanted: readonly Wanted[]): ReturnType<PayloadLog["erase"]> {
    return (await this.#log(log)).erase(wanted);
  }

  /** Of a tree that was deleted: nothing of it is looked for any more. Its files are retention's to remove. */
  async forget(log: string, epoch: string): Promise<void> {
    await (await this.#log(log)).forget(epoch);
  }

  async close(): Promise<void> {
    for (const log of this.#logs.values()) await (await log).close();
  }

  #log(log: string): Promise<PayloadLog> {
    const known = this.#logs.get(log);
    if (known !== undefined) return known;
    const { folder, epochOf, ...parts } = this.#parts;
    const found = this.#scan.files.filter((file) => file.log === log);
    const made = new PayloadLog({ ...parts, log, folder: `${folder}/${log}`, policy: epochOf(log), found });
    const opening = made.remember().then(() => made);
    this.#logs.set(log, opening);
    opening.catch(() => this.#logs.delete(log));
    return opening;
  }
}

/** Throws `payload_damaged` when something lies in the folder that does not belong there. */
export async function openPayloadStore(parts: PayloadStoreParts): Promise<PayloadStore> {
  const scan = await scanPayloads(parts.disk, parts.folder);
  const stranger = scan.strangers[0];
  if (stranger !== undefined) {
    throw new TallystickError("payload_damaged", `something lies among the payloads that does not belong there`, {
      at: { file: stranger },
      fatal: true,
      hint: `Move ${stranger} away.`,
    });
  }
  for (const leftover of scan.leftovers) await parts.disk.remove(leftover);
  return new PayloadStore(parts, scan);
}
