/** The holds of the fold over the control log: placed, released, and known for ever. */
import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import { sees, WHOLE_SCOPE } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import type { Changes } from "./changes.ts";
import type { Hold, Holds, NewHold } from "./hold.ts";
import { MAX_ACTIVE_HOLDS, MAX_HOLD_QUERY_LENGTH, MAX_HOLD_TEXT_LENGTH } from "./limits.ts";
import type { OwnFields } from "./own-record.ts";

const PLACE = "place hold";
const RELEASE = "release hold";
const ID = "tallystick.hold_id";
const NAME = "tallystick.hold_name";
const QUERY = "tallystick.hold_query";
const LOGS = "tallystick.hold_logs";
const SCOPE = "tallystick.hold_scope";
const OWNER = "tallystick.hold_owner";
const REASON = "tallystick.hold_reason";
const HOLD_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export class HoldBook implements Holds {
  readonly #holds: ReadonlyMap<string, Hold>;
  readonly #changes: Changes;

  constructor(holds: ReadonlyMap<string, Hold>, changes: Changes) {
    this.#holds = holds;
    this.#changes = changes;
  }

  place(by: string, request: NewHold): Promise<Hold> {
    return this.#changes.inTurn(async () => {
      this.#assertAcceptable(request);
      const id = this.#changes.newId("hold");
      await this.#changes.record(placedFields(by, id, request));
      return this.#holds.get(id)!;
    });
  }

  release(by: string, id: string): Promise<Hold | null> {
    return this.#changes.inTurn(async () => {
      const hold = this.#holds.get(id);
      if (hold === undefined) return null;
      if (hold.releasedAt === null) await this.#changes.record(releasedFields(by, hold));
      return this.#holds.get(id)!;
    });
  }

  find(id: string): Hold | null {
    return this.#holds.get(id) ?? null;
  }

  list(): readonly Hold[] {
    return [...this.#holds.values()];
  }

  on(log: string): readonly Hold[] {
    return this.list().filter(
      ({ releasedAt, logs, scope }) =>
        releasedAt === null && (logs === null || logs.includes(log)) && sees(scope, `${log}/`),
    );
  }

  #assertAcceptable({ name, query, owner, reason, logs }: NewHold): void {
    const refuse = (message: string) => new TallystickError("bad_request", message);
    if (!HOLD_NAME.test(name))
      throw refuse("A hold's name is 1 to 63 letters, digits, dots, dashes and underscores, as litigation-4.");
    if (query.trim() === "" || query.length > MAX_HOLD_QUERY_LENGTH)
      throw refuse(`A hold names its records by a query of at most ${MAX_HOLD_QUERY_LENGTH} characters; * is all.`);
    for (const text of [owner, reason])
      if (text.trim() === "" || text.length > MAX_HOLD_TEXT_LENGTH)
        throw refuse(`A hold has an owner and a reason, of at most ${MAX_HOLD_TEXT_LENGTH} characters each.`);
    if (logs !== null && (logs.length === 0 || logs.length > MAX_ACTIVE_HOLDS))
      throw refuse("A hold is on some logs, or on all when none are named.");
    const active = this.list().filter(({ releasedAt }) => releasedAt === null);
    if (active.some((hold) => hold.name === name))
      throw new TallystickError("name_taken", `There is a hold called ${name}.`);
    if (active.length >= MAX_ACTIVE_HOLDS) throw refuse(`There are ${MAX_ACTIVE_HOLDS} holds; release one first.`);
  }
}

function placedFields(by: string, id: string, { name, query, logs, scope, owner, reason }: NewHold): OwnFields {
  const isWhole = scope.logs === "*" && scope.services === "*" && scope.dataClasses === "*";
  return {
    event_type: "CONFIG_CHANGE",
    operation: PLACE,
    action: "create",
    resource: `hold/${id}`,
    auth_subject: by,
    attributes: {
      [ID]: id,
      [NAME]: name,
      [QUERY]: query,
      ...(logs === null ? {} : { [LOGS]: JSON.stringify(logs) }),
      ...(isWhole ? {} : { [SCOPE]: JSON.stringify(scope) }),
      [OWNER]: owner,
      [REASON]: reason,
    },
  };
}

function releasedFields(by: string, { id, name }: Hold): OwnFields {
  return {
    event_type: "CONFIG_CHANGE",
    operation: RELEASE,
    action: "revoke",
    resource: `hold/${id}`,
    auth_subject: by,
    attributes: { [ID]: id, [NAME]: name },
  };
}

/** What a record of the control log does to the holds; most do nothing. */
export function applyHold(holds: Map<string, Hold>, record: AuditRecord): void {
  const { [ID]: id, [NAME]: name, [QUERY]: query, [LOGS]: logs } = record.attributes ?? {};
  const { [OWNER]: owner = "", [REASON]: reason = "", [SCOPE]: seen } = record.attributes ?? {};
  if (record.event_type !== "CONFIG_CHANGE" || id === undefined || name === undefined) return;
  const { auth_subject: by = "", timestamp: at } = record;
  const known = holds.get(id);
  if (record.operation === RELEASE && known?.releasedAt === null)
    holds.set(id, { ...known, releasedAt: at, releasedBy: by });
  if (record.operation !== PLACE || query === undefined) return;
  const named = logs === undefined ? null : (JSON.parse(logs) as readonly string[]);
  const scope = seen === undefined ? WHOLE_SCOPE : (JSON.parse(seen) as Scope);
  const facts = { id, name, query, logs: named, scope, owner, reason };
  holds.set(id, { ...facts, placedBy: by, placedAt: at, releasedAt: null, releasedBy: null });
}
