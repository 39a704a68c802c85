/**
 * Whether a tree's first checkpoint may be signed yet (DESIGN §7): only when every older tree of the log is published
 * to its last leaf, and the link of the tree before it is written and, when it came into this very tree, integrated.
 *
 * When the server was down while epochs passed, the current tree may be younger than the one that follows the closed
 * tree; the link is then in the current one, and the trees between are published without a link of their own inside.
 */
import { TallystickError } from "../errors.ts";
import type { Journal } from "../journal/journal.ts";
import { linkRecord, LinkSearch, openedAt } from "./epoch-link.ts";
import type { LinkPlace } from "./epoch-link.ts";
import type { TreeFollower } from "./tree-follower.ts";

export class EpochGate {
  readonly #journal: Journal;
  readonly #places = new Map<string, LinkPlace>();
  readonly #searches = new Map<string, LinkSearch>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Of one log, oldest first, up to the tree in question. May append the missing link. */
  async mayPublishFirst(siblings: readonly TreeFollower[]): Promise<boolean> {
    const follower = siblings.at(-1);
    const before = siblings.at(-2);
    if (follower === undefined || before === undefined) return true;
    if (!this.#isFinished(before)) return false;
    const newer = this.#newerTrees(before.tree);
    const place = this.#places.get(before.tree) ?? (await this.#settle(before, newer));
    return place.tree !== follower.tree || follower.integrated > place.index;
  }

  #isFinished(follower: TreeFollower): boolean {
    const position = this.#journal.trees().find(({ tree }) => tree === follower.tree);
    return position !== undefined && position.closed && follower.published?.size === position.size;
  }

  async #settle(closed: TreeFollower, newer: readonly string[]): Promise<LinkPlace> {
    const search = this.#searches.get(closed.tree) ?? new LinkSearch(this.#journal, closed.tree);
    this.#searches.set(closed.tree, search);
    const place =
      (await search.find(newer)) ??
      (await this.#write(closed, newer)) ??
      (await search.find(this.#newerTrees(closed.tree)));
    if (place === null) throw notWritten(closed.tree, 1);
    this.#places.set(closed.tree, place);
    this.#searches.delete(closed.tree);
    return place;
  }

  /** Null when the journal had it already, so that it must be found. */
  async #write(closed: TreeFollower, newer: readonly string[]): Promise<LinkPlace | null> {
    const note = closed.published?.note;
    const next = newer[0];
    if (note === undefined || next === undefined) throw notWritten(closed.tree, 1);
    const record = linkRecord({ closedTree: closed.tree, note, openedAt: await openedAt(this.#journal, next) });
    const outcome = await this.#journal.appendOwn(logOf(closed.tree), [record]);
    if (outcome.kind === "pushback") throw notWritten(closed.tree, outcome.retryAfterS);
    return outcome.firstIndex === null ? null : { tree: outcome.tree, index: outcome.firstIndex };
  }

  #newerTrees(tree: string): readonly string[] {
    const log = logOf(tree);
    const names = this.#journal
      .trees()
      .filter((position) => position.log === log)
      .map((position) => position.tree);
    return names.slice(names.indexOf(tree) + 1);
  }
}

function logOf(tree: string): string {
  return tree.slice(0, tree.indexOf("/"));
}

function notWritten(tree: string, retryAfterS: number): TallystickError {
  return new TallystickError("journal_unavailable", `the link to ${tree} could not be written yet`, { retryAfterS });
}
