import { TallystickError } from "../errors.ts";
import type { IndexPosition } from "../index/index-seam.ts";
import { MAX_CURSOR_LENGTH, MAX_CURSOR_TREES } from "./limits.ts";
import { logOf, sees } from "./scope.ts";
import type { Scope } from "./scope.ts";

/**
 * How far a tail has come: in every tree, the index of the last leaf that it looked at. As an event id it is
 * `tree:index` for each, joined by commas; -1 for a tree of which nothing was looked at yet. Per log only the
 * latest two trees are listed: those before them are done, those after them have not begun.
 */
export class TailPosition {
  /** Leaves from 0 to here were looked at, exclusive. */
  private readonly done: Map<string, number>;

  private constructor(done: ReadonlyMap<string, number>) {
    this.done = new Map(done);
  }

  /** At the end of what is searchable now. */
  static atEnd(positions: readonly IndexPosition[], scope: Scope): TailPosition {
    const position = new TailPosition(new Map());
    for (const { tree, indexed } of positions) if (sees(scope, tree)) position.advance(tree, indexed, positions);
    return position;
  }

  /**
   * TallystickError `cursor_invalid` for a text that is no event id, `position_gone` when a tree of it is no longer
   * kept or has fewer leaves than it says. `journaled` is compared rather than the index, which may have to be filled
   * again up to a place that was reached before.
   */
  static parse(
    text: string,
    positions: readonly IndexPosition[],
    scope: Scope,
    journaled: readonly JournaledTree[] | null,
  ): TailPosition {
    const done = new Map<string, number>();
    const entries = text.length > MAX_CURSOR_LENGTH ? [] : text.split(",");
    if (entries.length === 0 || entries.length > MAX_CURSOR_TREES) throw invalid();
    for (const entry of text === NOWHERE ? [] : entries) {
      const [, tree, index] =
        /^([a-z0-9][a-z0-9-]{0,62}\/[A-Za-z0-9-]{1,64}(?:\.r[1-9]\d{0,3})?):(-1|0|[1-9]\d{0,15})$/.exec(entry) ?? [];
      if (tree === undefined || done.has(tree) || !Number.isSafeInteger(Number(index))) throw invalid();
      done.set(tree, Number(index) + 1);
    }
    for (const [tree, to] of done) {
      const size = journaled?.find((known) => known.tree === tree)?.size;
      if (!sees(scope, tree)) done.delete(tree);
      else if (!positions.some((position) => position.tree === tree)) throw gone(tree);
      else if (size !== undefined && to > size) throw ahead(tree, size);
    }
    return new TailPosition(done);
  }

  /** The next leaves to look at in the trees' order, at most `most` of them; null when all is done. */
  nextRange(positions: readonly IndexPosition[], scope: Scope, most: number): LeafSpan | null {
    const begun = new Set<string>();
    for (const { tree, indexed } of positions) {
      if (!sees(scope, tree)) continue;
      const log = logOf(tree);
      if (this.done.has(tree)) begun.add(log);
      else if (!begun.has(log) && this.lists(log)) continue;
      const from = this.done.get(tree) ?? 0;
      if (from < indexed) return { tree, from, to: Math.min(indexed, from + most) };
    }
    return null;
  }

  /**
   * All leaves of the tree below `to` were looked at. Of the trees of its log before it, only the last one is still
   * listed.
   */
  advance(tree: string, to: number, positions: readonly IndexPosition[]): void {
    const ofLog = positions.filter((position) => logOf(position.tree) === logOf(tree)).map((position) => position.tree);
    for (const finished of ofLog.slice(0, Math.max(ofLog.indexOf(tree) - 1, 0))) this.done.delete(finished);
    this.done.set(tree, to);
  }

  /** Leaves not looked at yet. */
  behind(positions: readonly IndexPosition[], scope: Scope): number {
    return positions.reduce((sum, { tree, indexed }) => {
      const done = this.done.get(tree);
      return done === undefined || !sees(scope, tree) ? sum : sum + Math.max(indexed - done, 0);
    }, 0);
  }

  /** The event id; `at` replaces the place in one tree, for a record in the middle of a range. */
  id(at?: { readonly tree: string; readonly leafIndex: number }): string {
    const places = new Map([...this.done].map(([tree, done]) => [tree, done - 1]));
    if (at !== undefined) places.set(at.tree, at.leafIndex);
    return places.size === 0 ? NOWHERE : [...places].map(([tree, index]) => `${tree}:${index}`).join(",");
  }

  private lists(log: string): boolean {
    return [...this.done.keys()].some((tree) => logOf(tree) === log);
  }
}

/** How many leaves the journal has of a tree. */
export interface JournaledTree {
  readonly tree: string;
  readonly size: number;
}

export interface LeafSpan {
  readonly tree: string;
  readonly from: number;
  readonly to: number;
}

/** The id before there is any tree. */
const NOWHERE = "-";

function gone(tree: string): TallystickError {
  return new TallystickError(
    "position_gone",
    `The tree ${tree} is no longer kept, so the tail cannot go on after it.`,
    {
      hint: "Tail again without Last-Event-ID.",
      at: { tree },
    },
  );
}

/** An id of a log that was put back to an older state, or of another server: going on would pass over new records. */
function ahead(tree: string, size: number): TallystickError {
  return new TallystickError("position_gone", `The tree ${tree} has ${size} leaves and has not come so far.`, {
    hint: "Tail again without Last-Event-ID.",
    at: { tree },
  });
}

function invalid(): TallystickError {
  return new TallystickError("cursor_invalid", "Last-Event-ID is not an event id of this server.", {
    hint: "Send the id of the last event as it was, or none.",
  });
}
