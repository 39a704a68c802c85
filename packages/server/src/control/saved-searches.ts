/** Searches of the fold over the control log that people keep under names: each follows its user from browser to browser. */
import type { AuditRecord } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { Changes } from "./changes.ts";
import { MAX_SAVED_SEARCHES } from "./limits.ts";

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
  /** In the place of the one of that name. TallystickError `bad_request`: there are too many. */
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
      const own = this.#saved.get(user);
      if (own !== undefined && !own.has(name) && own.size >= MAX_SAVED_SEARCHES)
        throw new TallystickError("bad_request", `${MAX_SAVED_SEARCHES} searches are saved already; forget one first.`);
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
  saved.set(user, own);
}
