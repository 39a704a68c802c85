/**
 * The signed list of what is blocked, for those who enforce it (docs/formats/block-list.md): a list, and a C2SP signed
 * note that names the list's SHA-256 and sequence.
 */
import { createHash } from "node:crypto";
import { canonicalOf, formatTimestamp } from "@tallystick/record";
import { ed25519Signer, signNote } from "@tallystick/tlog";

import type { LedgerSigner } from "../../ledger/signed-head.ts";
import type { Action } from "./action.ts";
import type { Blocks } from "./blocks.ts";

const VERSION = 1;

export interface SignedBlockList {
  readonly list: object;
  readonly note: string;
  /** Strong: another list has another. */
  readonly etag: string;
  readonly sequence: number;
}

export interface BlockListSettings {
  readonly serverOrigin: string;
  readonly signer: LedgerSigner;
  /** What enforcers that cannot ask are to do. */
  readonly fail: "open" | "closed";
}

/** The list as it is now; signed anew only when it changed. */
export class BlockListSigner {
  readonly #settings: BlockListSettings;
  #last: { readonly publicKey: Uint8Array; readonly signed: SignedBlockList } | null = null;

  constructor(settings: BlockListSettings) {
    this.#settings = settings;
  }

  of(blocks: Blocks): SignedBlockList {
    const { publicKey } = this.#settings.signer;
    if (this.#last?.signed.sequence === blocks.sequence && this.#last.publicKey === publicKey) return this.#last.signed;
    const signed = signedBlockList(blocks.active(), blocks.sequence, this.#settings);
    this.#last = { publicKey, signed };
    return signed;
  }
}

export function signedBlockList(
  actions: readonly Action[],
  sequence: number,
  { serverOrigin, signer, fail }: BlockListSettings,
): SignedBlockList {
  const origin = `${serverOrigin}/blocks`;
  const list = { version: VERSION, origin, sequence, fail, blocks: actions.map(shownBlock) };
  const digest = createHash("sha256").update(canonicalOf(list)).digest("base64");
  const text = `${origin}\n${sequence}\n${digest}\n`;
  const note = signNote(text, [ed25519Signer(origin, signer.publicKey, (message) => signer.sign(message))]);
  return { list, note, etag: `"${digest}"`, sequence };
}

/** What, why, since when and until when; the names of what is blocked are those of records. */
function shownBlock({ id, kind, target, reason, by, alertId, sinceUs, untilUs }: Action) {
  return {
    id,
    kind: kind.replace(/^block_/, ""),
    ...target,
    reason,
    by,
    ...(alertId === null ? {} : { alert_id: alertId }),
    since: formatTimestamp(sinceUs ?? 0),
    until: formatTimestamp(untilUs ?? 0),
  };
}
