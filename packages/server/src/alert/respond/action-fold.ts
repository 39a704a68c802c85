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
    if (before !== undefined) this.#noLongerOpen(before);
    if (isOpen(after)) this.#nowOpen(after);
    const isChange = (after.state === "active") !== (before?.state === "active");
    if (isChange) this.sequence = Math.max(this.sequence + 1, after.endedAtUs ?? after.sinceUs ?? 0);
    this.#forgetOldest();
  }

  forget(resource: string): void {
    const id = resource.startsWith("response/") ? resource.slice("response/".length) : "";
    const action = this.actions.get(id);
    if (action === undefined) return;
    this.#noLongerOpen(action);
    this.actions.delete(id);
  }

  goesOn(resource: string): boolean {
    return resource.startsWith("response/") && isOpen(this.actions.get(resource.slice("response/".length)));
  }

  /** Those with this `blockKey` that go on. */
  openOf(key: string): readonly Action[] {
    return this.#openByKey.get(key) ?? [];
  }

  #nowOpen(action: Action): void {
    const key = keyOf(action);
    this.#openByKey.set(key, [...this.openOf(key), action]);
    this.openCount += 1;
  }

  #noLongerOpen(action: Action): void {
    if (!isOpen(action)) return;
    const key = keyOf(action);
    const others = this.openOf(key).filter((one) => one !== action);
    if (others.length > 0) this.#openByKey.set(key, others);
    else this.#openByKey.delete(key);
    this.openCount -= 1;
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

const keyOf = ({ kind, target }: Action): string => blockKey(kind, Object.values(target));

const isOpen = (action: Action | undefined): boolean => action?.state === "proposed" || action?.state === "active";
