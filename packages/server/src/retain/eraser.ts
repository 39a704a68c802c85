/**
 * Erasure, from the question what it would take away to the last byte.
 *
 * Guarantees: nothing is erased before the proposal, the signed list and the ERASURE records are durable, in this
 * order; what a stop interrupts is finished by the next start, by the same steps, each of which may be repeated; what
 * a hold keeps is not erased. An erasure that cannot be carried out now is tried again; one that never can be ends as
 * failed, and says why.
 */
import { decodeLeaf } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import type { Approval, Approvals } from "../control/approval.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import { leafAt } from "../journal/entries.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import { logOf } from "../search/scope.ts";
import type { ErasedRecord } from "../tally/purge.ts";
import { eraseBodies, logsIn, recordErasure } from "./erase-again.ts";
import { inWords, nowText } from "./erasure.ts";
import type { ErasedItem, Erasure } from "./erasure.ts";
import type { ErasureList } from "./erasure-list.ts";
import { ANSWER_WITHIN_MS, INDEX_WAIT_MS, WATCH_MS } from "./erasure-limits.ts";
import { planErasure, recordedErasures } from "./erasure-plan.ts";
import type { PlanSources, Selection } from "./erasure-plan.ts";
import { isHere, overwriteLeaves, wholeLeaves } from "./overwrite-leaves.ts";

export interface EraserParts extends Omit<PlanSources, "journal"> {
  readonly journal: LocalJournal;
  readonly payloads: Pick<PayloadStore, "erase">;
  /** What was derived from leaves. */
  readonly derived: DerivedLeaves;
  readonly approvals: Approvals;
  readonly list: ErasureList;
  readonly clock: Clock;
  /** The name of a hold that keeps one of these leaves of the tree; null when none does. */
  readonly heldBy: (tree: string, indexes: readonly number[]) => Promise<string | null>;
  readonly onTrouble: (message: string) => void;
}

export interface DerivedLeaves {
  /** Takes what these leaves left in tables out of them, while the index still holds the leaves, and again after. */
  purge(records: readonly ErasedRecord[]): Promise<void>;
  /** Makes anew, from the journal, what else holds these leaves or counts them; resolves when it holds them no more. */
  replace(records: readonly ErasedRecord[]): Promise<void>;
}

export interface ErasurePreview {
  readonly items: readonly ErasedItem[];
  /** Of those, what is gone already. */
  readonly alreadyErased: number;
}

const SELECTION = "selection";
/** Trying again would find the same. Anything else may pass: an index that is starting, a full disk, a locked KMS. */
const FINAL: ReadonlySet<string> = new Set([
  "bad_request",
  "not_found",
  "held",
  "payload_damaged",
  "payload_erased",
  "journal_corrupt",
]);

export class Eraser {
  readonly #parts: EraserParts;
  #turn: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};
  #closed = false;
  #trouble = "";
  #isListDone = false;
  #stop: (error: Error) => void = () => {};
  readonly #stopped: Promise<never>;

  constructor(parts: EraserParts) {
    this.#parts = parts;
    this.#stopped = new Promise((_, reject) => {
      this.#stop = reject;
    });
    this.#stopped.catch(() => undefined);
  }

  /**
   * Before anything is served. What the list says is erased and this folder still has, as one that was restored from an
   * older backup does, is recorded and erased again: leaves at once, bodies once the index can say which (until then
   * nobody is given them).
   */
  async begin(): Promise<void> {
    for (const erasure of this.#listed()) {
      const leaves = await wholeLeaves(
        this.#parts.journal,
        erasure.items.filter(({ what }) => what === "leaf"),
      );
      for (const log of logsIn(leaves)) {
        await this.#record(log, erasure);
        await overwriteLeaves(
          this.#parts.journal,
          erasure,
          leaves.filter(({ tree }) => logOf(tree) === log),
        );
      }
    }
    this.#watch();
  }

  /** What it would take away. Nothing is changed. */
  async preview(selection: Selection): Promise<ErasurePreview> {
    const items = await Promise.race([planErasure(this.#parts, selection), this.#stopped]);
    const open = items.filter(({ tree, leaf_index: index, what }) => this.eraserOf(tree, index, what) === null);
    await this.#refuseHeld(open);
    return { items: open, alreadyErased: items.length - open.length };
  }

  /** Carried out at once, or when a second person agrees. */
  async propose(by: string, selection: Selection, reason: string): Promise<Approval> {
    const { items } = await this.preview(selection);
    if (items.length === 0)
      throw new TallystickError("not_found", "There is nothing to erase.", {
        hint: "A dry run shows what is found; what was erased before is not found again.",
      });
    const details = { [SELECTION]: JSON.stringify(selection), found: inWords(items) };
    const approval = await this.#parts.approvals.propose(by, {
      action: "erase",
      target: targetOf(selection),
      reason,
      details,
    });
    if (approval.state === "approved") await this.workAWhile();
    return this.#parts.approvals.approval(approval.id) ?? approval;
  }

  /** The id of the erasure that took it away; null when none did. */
  eraserOf(tree: string, index: number, what: ErasedItem["what"]): string | null {
    return this.#parts.list.eraserOf(tree, index, what);
  }

  list(): readonly Erasure[] {
    return this.#parts.list.all();
  }

  /** Carries out everything that is approved and not finished. */
  work(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      if (!this.#isListDone) await this.#finishListed();
      for (const approval of this.#parts.approvals.approvals()) {
        if (approval.action === "erase" && approval.state === "approved" && !this.#closed) await this.#try(approval);
      }
    });
    return this.#turn;
  }

  /** The same, without waiting for what takes long: it goes on. */
  async workAWhile(): Promise<void> {
    let cancel = () => {};
    const enough = new Promise<void>((resolve) => {
      cancel = this.#parts.clock.after(ANSWER_WITHIN_MS, resolve);
    });
    await Promise.race([this.work(), enough]);
    cancel();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    this.#stop(new TallystickError("shutting_down", "The server is shutting down; the next start goes on with it."));
    await this.#turn;
  }

  #watch(): void {
    if (this.#closed) return;
    this.#cancel = this.#parts.clock.after(WATCH_MS, () => void this.work().finally(() => this.#watch()));
  }

  async #try(approval: Approval): Promise<void> {
    const { approvals, onTrouble } = this.#parts;
    try {
      const { items } = await this.#carryOut(approval);
      await approvals.finish(approval.id, "done", `${inWords(items)} erased`);
    } catch (error) {
      const known = isTallystickError(error) ? error : null;
      const message = known?.message ?? "an error of the program";
      // The same words every second would drown what else there is to say.
      if (this.#trouble !== `${approval.id} ${message}`)
        onTrouble(`the erasure ${approval.id} could not be carried out: ${message}`);
      this.#trouble = `${approval.id} ${message}`;
      if (known === null || !FINAL.has(known.code)) return;
      await approvals.finish(approval.id, "failed", message).catch(() => undefined);
    }
  }

  async #carryOut(approval: Approval): Promise<Erasure> {
    const { list } = this.#parts;
    const begun = list.find(approval.id);
    const erasure = begun ?? (await this.#begin(approval));
    for (const log of logsIn(erasure.items)) await this.#eraseIn(log, erasure);
    return erasure;
  }

  async #begin({ id, proposedBy, decidedBy, reason, target, details }: Approval): Promise<Erasure> {
    const selection = JSON.parse(details[SELECTION] ?? "") as Selection;
    const { items } = await this.preview(selection);
    const at = nowText(this.#parts.clock.nowUs());
    const erasure: Erasure = { id, at, by: proposedBy, approved_by: decidedBy, reason, target, items };
    await this.#parts.list.add(erasure);
    return erasure;
  }

  /** Erasures that no approval of this folder is about to carry out. */
  #listed(): readonly Erasure[] {
    const { list, approvals } = this.#parts;
    return list.all().filter(({ id }) => approvals.approval(id)?.state !== "approved");
  }

  /** Carries out what the list says and the log does not: it came with the list, from beyond a backup. */
  async #finishListed(): Promise<void> {
    const { follower, onTrouble } = this.#parts;
    const listed = this.#listed();
    try {
      if (listed.length > 0) await Promise.race([follower.caughtUp(INDEX_WAIT_MS), this.#stopped]);
      const told = listed.length === 0 ? new Set<string>() : await recordedErasures(this.#parts.reader);
      for (const erasure of listed.filter(({ id }) => !told.has(id)))
        for (const log of logsIn(erasure.items)) await this.#eraseIn(log, erasure);
      this.#isListDone = true;
    } catch (error) {
      const message = isTallystickError(error) ? error.message : "an error of the program";
      if (this.#trouble !== message && !this.#closed) onTrouble(`the list of erasures waits: ${message}`);
      this.#trouble = message;
    }
  }

  async #eraseIn(log: string, erasure: Erasure): Promise<void> {
    await this.#record(log, erasure);
    const items = erasure.items.filter(({ tree }) => logOf(tree) === log);
    await eraseBodies(this.#parts, log, items);
    await this.#eraseLeaves(
      erasure,
      items.filter((item) => item.what === "leaf" && isHere(this.#parts.journal, item)),
    );
  }

  async #record(log: string, erasure: Erasure): Promise<void> {
    const items = erasure.items.filter((item) => logOf(item.tree) === log && isHere(this.#parts.journal, item));
    if (items.length > 0) await recordErasure(this.#parts.journal, log, erasure, items);
  }

  async #eraseLeaves(erasure: Erasure, leaves: readonly ErasedItem[]): Promise<void> {
    if (leaves.length === 0) return;
    const { journal, derived } = this.#parts;
    const records = await recordsOf(journal, leaves);
    await derived.purge(records);
    await overwriteLeaves(journal, erasure, leaves);
    await Promise.race([derived.replace(records), this.#stopped]);
    // The tally may have come by in between.
    await derived.purge(records);
  }

  async #refuseHeld(items: readonly ErasedItem[]): Promise<void> {
    for (const tree of new Set(items.map((item) => item.tree))) {
      const some = items.filter((item) => item.tree === tree);
      const hold = await this.#parts.heldBy(
        tree,
        some.map(({ leaf_index: index }) => index),
      );
      if (hold === null) continue;
      throw new TallystickError("held", `${tree} has records among these that the hold ${hold} keeps.`, {
        hint: "Release the hold first, if it may be.",
      });
    }
  }
}

/** As they stand in the journal; what stands for a leaf that is erased already names nobody. */
async function recordsOf(journal: LocalJournal, leaves: readonly ErasedItem[]): Promise<readonly ErasedRecord[]> {
  const records: ErasedRecord[] = [];
  for (const { tree, leaf_index: index } of leaves) {
    const range = await journal.read(tree, index, 1);
    if (range === null) continue;
    const { record, observed } = decodeLeaf(leafAt(range.entries, 0));
    const isGone = observed.erased !== undefined;
    records.push({
      tree,
      leaf_index: index,
      service_id: isGone ? "" : record.service_id,
      target_id: isGone ? "" : record.target_id,
      recorder_id: isGone ? "" : record.recorder_id,
      operation: isGone ? "" : record.operation,
      credential_id: isGone ? "" : (record.credential_id ?? ""),
      auth_token_id: isGone ? "" : (record.auth_token_id ?? ""),
      auth_key_thumbprint: isGone ? "" : (record.auth_key_thumbprint ?? ""),
      auth_scopes: isGone ? [] : (record.auth_scopes ?? []),
      digests: isGone ? [] : [record.auth_nonce_digest ?? "", record.auth_signature_digest ?? ""].filter(Boolean),
      producer_id: isGone ? null : (record.producer_id ?? ""),
    });
  }
  return records;
}

function targetOf(selection: Selection): string {
  if (selection.kind === "subject") return `subject ${selection.subject}`;
  const [first = "", ...others] = selection.records;
  const what = selection.leaf
    ? "leaf"
    : selection.parts.length === PARTS_COUNT
      ? "bodies"
      : `${selection.parts[0]} body`;
  return others.length === 0 ? `${what} of ${first}` : `${what} of ${first} and ${others.length} other records`;
}

const PARTS_COUNT = 2;
