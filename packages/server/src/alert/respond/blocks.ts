/** What is blocked now, so that asking costs a look into a few maps. */
import type { Action, ActionKind } from "./action.ts";

/** What is known of a call that is about to be let through or not. */
export interface CallFacts {
  readonly credentialIds: readonly string[];
  readonly caller: string | null;
  readonly callee: string | null;
  readonly operation: string | null;
}

export class Blocks {
  readonly #byKey: ReadonlyMap<string, Action>;
  readonly #nowUs: () => number;
  readonly actions: readonly Action[];
  readonly sequence: number;

  /** `actions`: those in force. */
  constructor(actions: readonly Action[], sequence: number, nowUs: () => number) {
    this.actions = actions;
    this.sequence = sequence;
    this.#nowUs = nowUs;
    this.#byKey = new Map(actions.map((action) => [keyOfAction(action), action]));
  }

  /** The block that the call runs into, or null. */
  of({ credentialIds, caller, callee, operation }: CallFacts): Action | null {
    const found =
      credentialIds.map((id) => this.#in("block_credential", id)).find((one) => one !== null) ??
      this.#in("block_service", caller) ??
      this.#in("block_service", callee) ??
      this.#in("block_edge", caller, callee) ??
      this.#in("block_operation", operation, callee) ??
      this.#in("block_operation", operation);
    return found ?? null;
  }

  /** The block of a credential under any of its names, or null. */
  ofCredential(ids: readonly string[]): Action | null {
    return this.of({ credentialIds: ids, caller: null, callee: null, operation: null });
  }

  #in(kind: ActionKind, ...values: readonly (string | null)[]): Action | null {
    if (this.#byKey.size === 0 || values.some((value) => value === null)) return null;
    const action = this.#byKey.get(keyOf(kind, values as readonly string[]));
    // It may be over, and nobody said so yet.
    return action === undefined || (action.untilUs ?? 0) <= this.#nowUs() ? null : action;
  }
}

/** Made once for each action, which never changes: of ten thousand blocks one comes or goes at a time. */
const KEYS = new WeakMap<Action, string>();

function keyOfAction(action: Action): string {
  const known = KEYS.get(action);
  if (known !== undefined) return known;
  const key = keyOf(action.kind, Object.values(action.target));
  KEYS.set(action, key);
  return key;
}

function keyOf(kind: ActionKind, values: readonly string[]): string {
  return JSON.stringify([kind, ...values]);
}
