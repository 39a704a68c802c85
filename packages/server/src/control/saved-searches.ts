/** Searches of the fold over the control log that people keep under names: each follows its user from browser to browser. */
import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { Changes } from "./changes.ts";
import { MAX_SAVED_SEARCHES, MAX_SAVED_SEARCHES_OF_ALL } from "./limits.ts";

const SAVE = "save search";
const FORGET = "forget search";
const NAME = "tallystick.search_name";
const VIEW = "tallystick.search_view";

export interface SavedSearch {
  readonly name: string;
  /** The search's address behind the `?`. */
  readonly view: string;
  readonly savedAt: string;
}

/** By user, then by name. */
export type SavedByUser = Map<string, Map<string, SavedSearch>>;

export interface SavedSearches {
  /** Of one user, by name. */
  of(user: string): readonly SavedSearch[];
  /** In the place of the one of that name; what is saved so already is no change. TallystickError `bad_request`: there
   * are too many. */
  save(user: string, name: string, view: string): Promise<SavedSearch>;
  /** False when there is none of that name. */
  forget(user: string, name: string): Promise<boolean>;
}

export class SavedSearchBook implements SavedSearches {
  readonly #saved: SavedByUser;
  readonly #changes: Changes;

  constructor(saved: SavedByUser, changes: Changes) {
    this.#saved = saved;
    this.#changes = changes;
  }

  of(user: string): readonly SavedSearch[] {
    return [...(this.#saved.get(user)?.values() ?? [])].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async save(user: string, name: string, view: string): Promise<SavedSearch> {
    await this.#changes.inTurn(async () => {
      const before = this.#saved.get(user)?.get(name);
      if (before?.view === view) return;
      if (before === undefined) this.#assertRoom(user);
      await this.#changes.record({
        event_type: "CONFIG_CHANGE",
        operation: SAVE,
        action: "update",
        resource: resourceOf(user, name),
        auth_subject: user,
        attributes: { [NAME]: name, [VIEW]: view },
      });
    });
    return this.#saved.get(user)!.get(name)!;
  }

  #assertRoom(user: string): void {
    const all = [...this.#saved.values()].reduce((sum, { size }) => sum + size, 0);
    if ((this.#saved.get(user)?.size ?? 0) >= MAX_SAVED_SEARCHES)
      throw new TallystickError("bad_request", `${MAX_SAVED_SEARCHES} searches are saved already; forget one first.`);
    if (all >= MAX_SAVED_SEARCHES_OF_ALL)
      throw new TallystickError(
        "bad_request",
        `All users together keep ${MAX_SAVED_SEARCHES_OF_ALL} searches already.`,
      );
  }

  forget(user: string, name: string): Promise<boolean> {
    return this.#changes.inTurn(async () => {
      if (this.#saved.get(user)?.has(name) !== true) return false;
      await this.#changes.record({
        event_type: "CONFIG_CHANGE",
        operation: FORGET,
        action: "delete",
        resource: resourceOf(user, name),
        auth_subject: user,
        attributes: { [NAME]: name },
      });
      return true;
    });
  }
}

/** What a record takes back, so that neither has to be carried on: the operation of the one before; null: nothing. */
export function takenBackBy({ operation }: AuditRecord): string | null {
  return operation === FORGET ? SAVE : null;
}

const resourceOf = (user: string, name: string): string =>
  `search/${encodeURIComponent(user)}/${encodeURIComponent(name)}`;

/** What a record of the control log does to them; most do nothing. */
export function applySavedSearch(saved: SavedByUser, record: AuditRecord): void {
  const { [NAME]: name, [VIEW]: view } = record.attributes ?? {};
  const { auth_subject: user, operation, timestamp } = record;
  if (record.event_type !== "CONFIG_CHANGE" || name === undefined || user === undefined) return;
  const own = saved.get(user) ?? new Map<string, SavedSearch>();
  if (operation === SAVE && view !== undefined) own.set(name, { name, view, savedAt: timestamp });
  else if (operation === FORGET) own.delete(name);
  if (own.size === 0) saved.delete(user);
  else saved.set(user, own);
}
