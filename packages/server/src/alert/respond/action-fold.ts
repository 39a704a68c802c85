import type { AuditRecord } from "@tallystick/record";

import { MAX_PAST_ACTIONS } from "../limits.ts";
import type { Slice } from "../log.ts";
import { applyAction, blockKey } from "./action.ts";
import type { Action } from "./action.ts";

/** The responses of the fold over the `alerts` log. */
export class ActionFold implements Slice {
  /** In the order in which they were asked for. */
  readonly actions = new Map<string, Action>();
  /** Changes with every change of what is in force: microseconds since 1970, and it never goes back. */
  sequence = 0;
  /** Those that go on: however many they are, none is forgotten, and none that is over for their sake. */
  openCount = 0;
  readonly #openByKey = new Map<string, readonly Action[]>();

  take(record: AuditRecord): void {
    const id = record.resource?.startsWith("response/") === true ? record.resource.slice("response/".length) : "";
    const before = this.actions.get(id);
    applyAction(this.actions, record);
    const after = this.actions.get(id);
    if (after === before || after === undefined) return;
    this.#replaceOpen(before, after);
    const isChange = (after.state === "active") !== (before?.state === "active");
    if (isChange) this.sequence = Math.max(this.sequence + 1, after.endedAtUs ?? after.sinceUs ?? 0);
    this.#forgetOldest();
  }

  forget(resource: string): void {
    const id = resource.startsWith("response/") ? resource.slice("response/".length) : "";
    this.#replaceOpen(this.actions.get(id), undefined);
    this.actions.delete(id);
  }

  goesOn(resource: string): boolean {
    return resource.startsWith("response/") && isOpen(this.actions.get(resource.slice("response/".length)));
  }

  /** Those with this `blockKey` that go on. */
  openOf(key: string): readonly Action[] {
    return this.#openByKey.get(key) ?? [];
  }

  #replaceOpen(before: Action | undefined, after: Action | undefined): void {
    const key = keyOf(before ?? after);
    const others = this.openOf(key).filter((one) => one !== before);
    const now = after !== undefined && isOpen(after) ? [...others, after] : others;
    if (now.length > 0) this.#openByKey.set(key, now);
    else this.#openByKey.delete(key);
    this.openCount += Number(isOpen(after)) - Number(isOpen(before));
  }

  #forgetOldest(): void {
    if (this.actions.size - this.openCount <= MAX_PAST_ACTIONS) return;
    for (const action of this.actions.values()) {
      if (isOpen(action)) continue;
      this.actions.delete(action.id);
      return;
    }
  }
}

const keyOf = (action: Action | undefined): string =>
  action === undefined ? "" : blockKey(action.kind, Object.values(action.target));

const isOpen = (action: Action | undefined): boolean => action?.state === "proposed" || action?.state === "active";
