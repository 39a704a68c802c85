/** One erasure of the list, carried out without the index: all of its items are named in it. */
import { timestampUs } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import { logOf } from "../search/scope.ts";
import { erasureRecords } from "./erasure.ts";
import type { ErasedItem, Erasure } from "./erasure.ts";
import { isHere, overwriteLeaves } from "./overwrite-leaves.ts";

export interface ErasureStores {
  readonly journal: LocalJournal;
  readonly payloads: Pick<PayloadStore, "erase">;
}

/**
 * Recorded and gone from journal and payload store when it returns, as far as the folder ever held it. What is derived
 * from leaves has to be made anew. May be repeated.
 */
export async function eraseAgain(stores: ErasureStores, erasure: Erasure): Promise<void> {
  for (const log of logsIn(erasure.items)) {
    const items = erasure.items.filter((item) => logOf(item.tree) === log && isHere(stores.journal, item));
    if (items.length === 0) continue;
    await recordErasure(stores.journal, log, erasure, items);
    await eraseBodies(stores, log, items);
    const leaves = items.filter(({ what }) => what === "leaf");
    if (leaves.length > 0) await overwriteLeaves(stores.journal, erasure, leaves);
  }
}

export function logsIn(items: readonly ErasedItem[]): ReadonlySet<string> {
  return new Set(items.map(({ tree }) => logOf(tree)));
}

/** Durable when it returns, once however often it is asked for. */
export async function recordErasure(
  journal: LocalJournal,
  log: string,
  erasure: Erasure,
  items: readonly ErasedItem[],
): Promise<void> {
  const outcome = await journal.appendOwn(log, erasureRecords(erasure, items));
  if (outcome.kind === "stored") return;
  throw new TallystickError("journal_unavailable", "The erasure could not be recorded, so nothing was erased.", {
    retryAfterS: outcome.retryAfterS,
  });
}

export async function eraseBodies(
  { payloads }: Pick<ErasureStores, "payloads">,
  log: string,
  items: readonly ErasedItem[],
): Promise<void> {
  const bodies = items.filter(({ what }) => what !== "leaf");
  if (bodies.length === 0) return;
  await payloads.erase(
    log,
    bodies.map(({ digest, received_at: at }) => ({ commitment: digest, receivedUs: timestampUs(at) })),
  );
}
