/** What is blocked now, so that asking costs a look into one map, also right after a block came or went. */
import { blockKey } from "./action.ts";
import type { Action, ActionKind } from "./action.ts";
import type { ActionFold } from "./action-fold.ts";

/** What is known of a call that is about to be let through or not. */
export interface CallFacts {
  readonly credentialIds: readonly string[];
  readonly caller: string | null;
  readonly callee: string | null;
  readonly operation: string | null;
}

export class Blocks {
  readonly #fold: ActionFold;
  readonly #nowUs: () => number;

  constructor(fold: ActionFold, nowUs: () => number) {
    this.#fold = fold;
    this.#nowUs = nowUs;
  }

  /** Those in force, in the order in which they were asked for. */
  active(): readonly Action[] {
    return [...this.#fold.actions.values()].filter(({ state }) => state === "active");
  }

  /** Changes with every change of them. */
  get sequence(): number {
    return this.#fold.sequence;
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
    if (this.#fold.openCount === 0 || values.some((value) => value === null)) return null;
    const open = this.#fold.openOf(blockKey(kind, values as readonly string[]));
    // It may be over, and nobody said so yet.
    return open.find(({ state, untilUs }) => state === "active" && (untilUs ?? 0) > this.#nowUs()) ?? null;
  }
}
