/** Rules of the fold over the control log: own texts with their versions, and which rules are switched on. */
import type { AuditRecord } from "@tallystick/record";

import type { Changes } from "./changes.ts";
import type { OwnFields } from "./own-record.ts";

const SET = "set rule";
const ON = "switch rule on";
const OFF = "switch rule off";
const REMOVE = "remove rule";
const ID = "tallystick.rule_id";
const VERSION = "tallystick.rule_version";
const TEXT = "tallystick.rule_text";

/** What was changed of a rule, last. */
export interface RuleState {
  readonly id: string;
  /** Null: the text is not our own. */
  readonly text: string | null;
  /** From 1; grows with each text, also over a removal. */
  readonly version: number;
  /** Null: nobody said. */
  readonly on: boolean | null;
  readonly removed: boolean;
  readonly changedBy: string;
  readonly changedAt: string;
}

export interface RuleChanges {
  list(): readonly RuleState[];
  /** In the place of what the rule said before; the version that it has now. */
  set(by: string, id: string, text: string): Promise<number>;
  switchTo(by: string, id: string, on: boolean): Promise<void>;
  remove(by: string, id: string): Promise<void>;
  /** Called after each change. Returns the unsubscriber. */
  onChange(listener: () => void): () => void;
}

export class RuleChangeBook implements RuleChanges {
  readonly #states: ReadonlyMap<string, RuleState>;
  readonly #changes: Changes;
  readonly #listeners = new Set<() => void>();

  constructor(states: ReadonlyMap<string, RuleState>, changes: Changes) {
    this.#states = states;
    this.#changes = changes;
  }

  list(): readonly RuleState[] {
    return [...this.#states.values()];
  }

  async set(by: string, id: string, text: string): Promise<number> {
    await this.#record(() => {
      const version = (this.#states.get(id)?.version ?? 0) + 1;
      return fieldsOf(by, SET, id, { [TEXT]: text, [VERSION]: String(version) });
    });
    return this.#states.get(id)!.version;
  }

  switchTo(by: string, id: string, on: boolean): Promise<void> {
    return this.#record(() => fieldsOf(by, on ? ON : OFF, id, {}));
  }

  remove(by: string, id: string): Promise<void> {
    return this.#record(() => fieldsOf(by, REMOVE, id, {}));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #record(fields: () => OwnFields): Promise<void> {
    await this.#changes.inTurn(async () => void (await this.#changes.record(fields())));
    for (const listener of this.#listeners) listener();
  }
}

const ACTIONS = { [SET]: "update", [ON]: "update", [OFF]: "update", [REMOVE]: "delete" } as const;

function fieldsOf(by: string, operation: keyof typeof ACTIONS, id: string, more: Record<string, string>): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation,
    action: ACTIONS[operation],
    resource: `rule/${id}`,
    auth_subject: by,
    attributes: { [ID]: id, ...more },
  };
}

/** What a record of the control log does to the rules; most do nothing. */
export function applyRule(states: Map<string, RuleState>, record: AuditRecord): void {
  const { [ID]: id, [TEXT]: text, [VERSION]: version } = record.attributes ?? {};
  if (record.event_type !== "CONFIG_CHANGE" || id === undefined) return;
  const { auth_subject: changedBy = "", timestamp: changedAt } = record;
  const known = states.get(id) ?? { id, text: null, version: 0, on: null, removed: false };
  const state = { ...known, changedBy, changedAt };
  if (record.operation === SET && text !== undefined)
    states.set(id, { ...state, text, version: Number(version), removed: false });
  else if (record.operation === ON || record.operation === OFF)
    states.set(id, { ...state, on: record.operation === ON });
  // Its number stays, so that a rule of the same id is a later version of it.
  else if (record.operation === REMOVE) states.set(id, { ...state, text: null, on: null, removed: true });
}
