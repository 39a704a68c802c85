import type { AuditRecord } from "@tallystick/record";

import { MAX_PAST_ACTIONS } from "../limits.ts";
import type { Slice } from "../log.ts";
import { applyAction } from "./action.ts";
import type { Action } from "./action.ts";

/** The responses of the fold over the `alerts` log. */
export class ActionFold implements Slice {
  /** In the order in which they were asked for. */
  readonly actions = new Map<string, Action>();
  /** Changes with every change of what is in force: microseconds since 1970, and it never goes back. */
  sequence = 0;
  /** Those that go on: however many they are, none is forgotten, and none that is over for their sake. */
  #openCount = 0;

  take(record: AuditRecord): void {
    const id = record.resource?.startsWith("response/") === true ? record.resource.slice("response/".length) : "";
    const before = this.actions.get(id);
    applyAction(this.actions, record);
    const after = this.actions.get(id);
    if (after === before || after === undefined) return;
    this.#openCount += Number(isOpen(after)) - Number(isOpen(before));
    const isChange = (after.state === "active") !== (before?.state === "active");
    if (isChange) this.sequence = Math.max(this.sequence + 1, after.endedAtUs ?? after.sinceUs ?? 0);
    this.#forgetOldest();
  }

  forget(resource: string): void {
    const id = resource.startsWith("response/") ? resource.slice("response/".length) : "";
    this.#openCount -= Number(isOpen(this.actions.get(id)));
    this.actions.delete(id);
  }

  goesOn(resource: string): boolean {
    return resource.startsWith("response/") && isOpen(this.actions.get(resource.slice("response/".length)));
  }

  #forgetOldest(): void {
    if (this.actions.size - this.#openCount <= MAX_PAST_ACTIONS) return;
    for (const action of this.actions.values()) {
      if (isOpen(action)) continue;
      this.actions.delete(action.id);
      return;
    }
  }
}

const isOpen = (action: Action | undefined): boolean => action?.state === "proposed" || action?.state === "active";
