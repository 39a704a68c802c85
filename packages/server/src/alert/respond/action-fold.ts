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

  take(record: AuditRecord): void {
    const id = record.resource?.startsWith("response/") === true ? record.resource.slice("response/".length) : "";
    const before = this.actions.get(id);
    applyAction(this.actions, record);
    const after = this.actions.get(id);
    if (after === before || after === undefined) return;
    const isChange = (after.state === "active") !== (before?.state === "active");
    if (isChange) this.sequence = Math.max(this.sequence + 1, after.endedAtUs ?? after.sinceUs ?? 0);
    this.#forgetOldest();
  }

  forget(resource: string): void {
    if (resource.startsWith("response/")) this.actions.delete(resource.slice("response/".length));
  }

  goesOn(resource: string): boolean {
    if (!resource.startsWith("response/")) return false;
    const state = this.actions.get(resource.slice("response/".length))?.state;
    return state === "proposed" || state === "active";
  }

  #forgetOldest(): void {
    if (this.actions.size <= MAX_PAST_ACTIONS) return;
    for (const { id } of this.actions.values()) {
      if (this.goesOn(`response/${id}`)) continue;
      this.actions.delete(id);
      return;
    }
  }
}
