/**
 * What the control log knows of retention: how long each log's records are kept as it is in force, and which trees
 * somebody wants back in the index for a time.
 */
import type { AuditRecord } from "@tallystick/record";

import type { Changes } from "./changes.ts";
import type { OwnFields } from "./own-record.ts";

const SET_KEEP = "set retention";
const WANT = "index a tree";
const LOG = "tallystick.retention_log";
const KEEP = "tallystick.retention_keep";
const TREE = "tallystick.indexed_tree";
const UNTIL = "tallystick.indexed_until";

export interface KeptState {
  /** Log to period, as `13 months`. */
  readonly keep: Map<string, string>;
  /** Tree to the time until which the index holds it, RFC 3339. */
  readonly wanted: Map<string, string>;
}

export interface Kept {
  /** The period in force; null when none was ever recorded. */
  keep(log: string): string | null;
  /** `isFirst`: a server that has just been made kept it never otherwise. */
  setKeep(by: string, log: string, keep: string, isFirst?: boolean): Promise<void>;
  /** RFC 3339; null: nobody wants it. */
  wantedUntil(tree: string): string | null;
  want(by: string, tree: string, until: string): Promise<void>;
}

export class KeptBook implements Kept {
  readonly #state: KeptState;
  readonly #changes: Changes;

  constructor(state: KeptState, changes: Changes) {
    this.#state = state;
    this.#changes = changes;
  }

  keep(log: string): string | null {
    return this.#state.keep.get(log) ?? null;
  }

  setKeep(by: string, log: string, keep: string, isFirst = false): Promise<void> {
    const changed = fieldsOf(by, SET_KEEP, `retention/${log}`, { [LOG]: log, [KEEP]: keep });
    const fields: OwnFields = isFirst ? { ...changed, action: "create" } : changed;
    return this.#changes.inTurn(async () => void (await this.#changes.record(fields)));
  }

  wantedUntil(tree: string): string | null {
    return this.#state.wanted.get(tree) ?? null;
  }

  want(by: string, tree: string, until: string): Promise<void> {
    const fields = fieldsOf(by, WANT, `tree/${tree}`, { [TREE]: tree, [UNTIL]: until });
    return this.#changes.inTurn(async () => void (await this.#changes.record(fields)));
  }
}

function fieldsOf(
  by: string,
  operation: string,
  resource: string,
  attributes: Readonly<Record<string, string>>,
): OwnFields {
  return { event_type: "CONFIG_CHANGE", operation, action: "update", resource, auth_subject: by, attributes };
}

/** What a record of the control log does to them; most do nothing. */
export function applyKept({ keep, wanted }: KeptState, record: AuditRecord): void {
  if (record.event_type !== "CONFIG_CHANGE") return;
  const { [LOG]: log, [KEEP]: period, [TREE]: tree, [UNTIL]: until } = record.attributes ?? {};
  if (record.operation === SET_KEEP && log !== undefined && period !== undefined) keep.set(log, period);
  if (record.operation === WANT && tree !== undefined && until !== undefined) wanted.set(tree, until);
}
