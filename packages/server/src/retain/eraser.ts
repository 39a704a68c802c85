/**
 * Erasure, from the question what it would take away to the last byte.
 *
 * Guarantees: nothing is erased before the proposal, the signed list and the ERASURE records are durable, in this
 * order; what a stop interrupts is finished by the next start, by the same steps, each of which may be repeated; what
 * a hold keeps is not erased. An erasure that cannot be carried out now is tried again; one that never can be ends as
 * failed, and says why.
 */
import { timestampUs } from "@tallystick/record";

import type { Clock } from "../clock.ts";
import type { AlertLog } from "../alert/log.ts";
import type { Approval, Approvals } from "../control/approval.ts";
import { isOwnLog } from "../control/own-logs.ts";
import { SaidOnce } from "../index/said-once.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import type { LocalJournal } from "../journal/local-journal.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import { logOf } from "../search/scope.ts";
import type { ErasedRecord } from "../tally/purge.ts";
import { eraseBodies, logsIn, recordErasure } from "./erase-again.ts";
import { inWords, lateErasureId, nowText } from "./erasure.ts";
import type { ErasedItem, Erasure } from "./erasure.ts";
import type { ErasureList } from "./erasure-list.ts";
import { ANSWER_WITHIN_MS, INDEX_WAIT_MS, MAX_SWEEPS, WATCH_MS } from "./erasure-limits.ts";
import { erasedRecords, toldIn } from "./erased-records.ts";
import { planErasure, recordedErasures, wholeIndex } from "./erasure-plan.ts";
import type { PlanSources, Selection } from "./erasure-plan.ts";
import { isHere, overwriteLeaves, wholeLeaves } from "./overwrite-leaves.ts";
import { findQuotes, findReferences, quotableOf } from "./own-quotes.ts";
import type { Quotable, Quotes } from "./own-quotes.ts";
import type { TreeHold } from "./plan.ts";

export interface EraserParts extends Omit<PlanSources, "journal"> {
  readonly journal: LocalJournal;
  readonly payloads: Pick<PayloadStore, "erase">;
  /** What was derived from leaves. */
  readonly derived: DerivedLeaves;
  readonly approvals: Approvals;
  readonly list: ErasureList;
  readonly clock: Clock;
  /** What alerting remembers of records that are erased. */
  readonly alerts: Pick<AlertLog, "goesOn" | "forget" | "recall">;
  /** A hold that keeps one of these leaves of the tree, or may, where `records` is null; null when none does. */
  readonly heldBy: (tree: string, indexes: readonly number[]) => Promise<TreeHold | null>;
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
  /** Records of Tallystick's own that repeat what only the leaves said, and go with them. */
  readonly own: readonly ErasedItem[];
  /** Others that do, and stay: what people decided. `tree/index`, the first ones. */
  readonly kept: readonly string[];
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
  readonly #trouble: SaidOnce;
  #isListDone = false;
  #stop: (error: Error) => void = () => {};
  readonly #stopped: Promise<never>;

  constructor(parts: EraserParts) {
    this.#parts = parts;
    this.#trouble = new SaidOnce(parts.onTrouble);
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
        const some = leaves.filter(({ tree }) => logOf(tree) === log);
        await this.#overwrite(erasure, some, NOBODY_SAYS);
      }
    }
    this.#watch();
  }

  /** What it would take away. Nothing is changed. */
  async preview(selection: Selection): Promise<ErasurePreview> {
    const items = await Promise.race([planErasure(this.#parts, selection), this.#stopped]);
    const open = items.filter(({ tree, leaf_index: index, what }) => this.eraserOf(tree, index, what) === null);
    const { items: found, kept } = await this.#quotes(await quotableOf(this.#parts.journal, open));
    const own = found.filter(({ tree, leaf_index: index, what }) => this.eraserOf(tree, index, what) === null);
    await this.#refuseHeld([...open, ...own]);
    return { items: open, alreadyErased: items.length - open.length, own, kept };
  }

  async #quotes(erased: Quotable | null): Promise<Quotes> {
    if (erased !== null) await Promise.race([wholeIndex(this.#parts), this.#stopped]);
    return findQuotes(this.#parts.reader, erased, this.#isInForce);
  }

  /** Of a response or a silence. */
  readonly #isInForce = (resource: string): boolean =>
    /^(response|silence)\//.test(resource) && this.#parts.alerts.goesOn(resource);

  /** Carried out at once, or when a second person agrees. */
  async propose(by: string, selection: Selection, reason: string): Promise<Approval> {
    const { items, own } = await this.preview(selection);
    if (items.length === 0)
      throw new TallystickError("not_found", "There is nothing to erase.", {
        hint: "A dry run shows what is found; what was erased before is not found again.",
      });
    const details = { [SELECTION]: JSON.stringify(selection), found: inWords(items, own.length) };
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
    const { approvals } = this.#parts;
    try {
      const found = await this.#carryOut(approval);
      await approvals.finish(approval.id, "done", `${found} erased`);
    } catch (error) {
      const known = isTallystickError(error) ? error : null;
      const message = known?.message ?? "an error of the program";
      this.#trouble.say(`the erasure ${approval.id} could not be carried out: ${message}`);
      if (known === null || !FINAL.has(known.code)) return;
      await approvals.finish(approval.id, "failed", message).catch(() => undefined);
    }
  }

  /** What was erased, in words. */
  async #carryOut(approval: Approval): Promise<string> {
    const { list, journal } = this.#parts;
    const erasure = list.find(approval.id) ?? (await this.#begin(approval));
    const own = ownIn(erasure.items, selectionOf(approval));
    const named = erasure.items.filter((item) => !own.includes(item));
    const quotable = await quotableOf(journal, erasure.items);
    const { isSaidIn, items: said } = await this.#quotes(quotable);
    // Where an attempt of before was cut short it is finished, and more may have been written since it was planned.
    for (const late of this.#lateRounds(erasure)) await this.#erase(late, isSaidIn);
    await this.#eraseLate(erasure, said, isSaidIn);
    await this.#erase(erasure, isSaidIn);
    // Verdicts and alerts that were being written meanwhile.
    const lost = this.#lostBefore(named, quotable);
    for (let round = 0; round < MAX_SWEEPS; round += 1)
      if ((await this.#sweep(erasure, quotable, lost, isSaidIn)) === 0) break;
    const late = this.#lateRounds(erasure).reduce((sum, { items }) => sum + items.length, 0);
    return `${inWords(named, own.length)}${late === 0 ? "" : ` and ${late} more`}`;
  }

  /** How much was found; the words are looked for where they are still known, the places where they are not. */
  async #sweep(
    erasure: Erasure,
    quotable: Quotable | null,
    lost: Quotable["places"],
    isSaidIn: (text: string) => boolean,
  ): Promise<number> {
    if (quotable === null && lost.length === 0) return 0;
    const { follower, reader } = this.#parts;
    await Promise.race([follower.caughtUp(INDEX_WAIT_MS), this.#stopped]);
    const { items } = await this.#quotes(quotable);
    const sinceUs = timestampUs(erasure.at);
    const more = lost.length === 0 ? [] : await findReferences(reader, lost, sinceUs, this.#isInForce);
    return this.#eraseLate(erasure, [...items, ...more], isSaidIn);
  }

  /** Named leaves that were gone when this began: nobody can say any more by which words they are recognised. */
  #lostBefore(named: readonly ErasedItem[], quotable: Quotable | null): Quotable["places"] {
    const known = new Set(quotable?.places.map(({ tree, leaf_index: index }) => `${tree}:${index}`));
    return named
      .filter((item) => item.what === "leaf" && !known.has(`${item.tree}:${item.leaf_index}`))
      .filter((item) => isHere(this.#parts.journal, item))
      .map(({ tree, leaf_index: index }) => ({ tree, leaf_index: index }));
  }

  /** What of these no erasure names yet is one more, of its own id. */
  async #eraseLate(
    erasure: Erasure,
    found: readonly ErasedItem[],
    isSaidIn: (text: string) => boolean,
  ): Promise<number> {
    const items = found.filter(({ tree, leaf_index: index, what }) => this.eraserOf(tree, index, what) === null);
    if (items.length === 0) return 0;
    const more = { ...erasure, id: lateErasureId(erasure.id, this.#lateRounds(erasure).length), items };
    await this.#parts.list.add(more);
    await this.#erase(more, isSaidIn);
    return items.length;
  }

  #lateRounds({ id }: Erasure): readonly Erasure[] {
    const rounds: Erasure[] = [];
    for (;;) {
      const one = this.#parts.list.find(lateErasureId(id, rounds.length));
      if (one === null) return rounds;
      rounds.push(one);
    }
  }

  /** Tallystick's own logs first: once the leaf is gone nobody can tell any more what repeats it. */
  async #erase(erasure: Erasure, isSaidIn: (text: string) => boolean = NOBODY_SAYS): Promise<void> {
    const { journal, derived } = this.#parts;
    const logs = [...logsIn(erasure.items)].toSorted((one, other) => Number(isOwnLog(other)) - Number(isOwnLog(one)));
    const itemsOf = (log: string) => erasure.items.filter(({ tree }) => logOf(tree) === log);
    for (const log of logs) {
      await this.#record(log, erasure);
      await eraseBodies(this.#parts, log, itemsOf(log));
    }
    const leaves = erasure.items.filter((item) => item.what === "leaf" && isHere(journal, item));
    if (leaves.length === 0) return;
    const records = await erasedRecords(journal, leaves);
    await derived.purge(records);
    for (const log of logs)
      await this.#overwrite(
        erasure,
        leaves.filter(({ tree }) => logOf(tree) === log),
        isSaidIn,
      );
    await Promise.race([derived.replace(records), this.#stopped]);
    // The tally may have come by in between.
    await derived.purge(records);
  }

  async #begin(approval: Approval): Promise<Erasure> {
    const { id, proposedBy, decidedBy, reason, target } = approval;
    const { items, own } = await this.preview(selectionOf(approval));
    const at = nowText(this.#parts.clock.nowUs());
    const erasure: Erasure = {
      id,
      at,
      by: proposedBy,
      approved_by: decidedBy,
      reason,
      target,
      items: [...own, ...items],
    };
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
    const { follower } = this.#parts;
    const listed = this.#listed();
    try {
      if (listed.length > 0) await Promise.race([follower.caughtUp(INDEX_WAIT_MS), this.#stopped]);
      const told = listed.length === 0 ? new Set<string>() : await recordedErasures(this.#parts.reader);
      for (const erasure of listed.filter(({ id }) => !told.has(id))) await this.#erase(erasure);
      this.#isListDone = true;
    } catch (error) {
      const message = isTallystickError(error) ? error.message : "an error of the program";
      if (!this.#closed) this.#trouble.say(`the list of erasures waits: ${message}`);
    }
  }

  async #record(log: string, erasure: Erasure): Promise<void> {
    const items = erasure.items.filter((item) => logOf(item.tree) === log && isHere(this.#parts.journal, item));
    if (items.length > 0) await recordErasure(this.#parts.journal, log, erasure, items);
  }

  /** Alerting remembers nothing of what is overwritten, and what the log says after it. */
  async #overwrite(
    erasure: Erasure,
    leaves: readonly ErasedItem[],
    isSaidIn: (text: string) => boolean,
  ): Promise<void> {
    const { alerts, journal } = this.#parts;
    const { resources, hasSnapshot } = await toldIn(journal, leaves);
    const isTold = resources.size > 0 || hasSnapshot;
    if (isTold) await alerts.forget(resources, isSaidIn, hasSnapshot);
    await overwriteLeaves(journal, erasure, leaves);
    if (isTold) await alerts.recall(resources);
  }

  async #refuseHeld(items: readonly ErasedItem[]): Promise<void> {
    for (const tree of new Set(items.map((item) => item.tree))) {
      const some = items.filter((item) => item.tree === tree);
      const hold = await this.#parts.heldBy(
        tree,
        some.map(({ leaf_index: index }) => index),
      );
      if (hold === null) continue;
      if (hold.records === null)
        throw new TallystickError("index_unavailable", `The index cannot say now what the hold ${hold.name} keeps.`, {
          hint: "Wait until it is ready and try again.",
        });
      throw new TallystickError("held", `${tree} has records among these that the hold ${hold.name} keeps.`, {
        hint: "Release the hold first, if it may be.",
      });
    }
  }
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
const NOBODY_SAYS = () => false;
const selectionOf = ({ details }: Approval): Selection => JSON.parse(details[SELECTION] ?? "") as Selection;

/** Leaves that nobody named. */
function ownIn(items: readonly ErasedItem[], selection: Selection): readonly ErasedItem[] {
  if (selection.kind === "subject") return [];
  const named = new Set(selection.records.map((text) => text.replace(":", "/")));
  return items.filter(({ tree, leaf_index: index, what }) => what === "leaf" && !named.has(`${tree}/${index}`));
}
