/**
 * How long the oldest record of each tree waits to be published: since it was first seen to be there, and not since
 * the last checkpoint, of which a new tree has none and a quiet one an old one.
 */
interface Mark {
  /** Records that there were. */
  readonly journaled: number;
  readonly atMs: number;
}

interface TreePosition {
  readonly tree: string;
  readonly journaled: number;
  readonly published: number;
}

/** Marks of one tree; of more, later ones are given up, which makes a wait a little shorter than it is. */
const MAX_MARKS = 1_000;

export class Waiting {
  #marks: ReadonlyMap<string, readonly Mark[]> = new Map();

  /** To be asked again and again; `nowMs` is of a clock that nobody sets. Nothing waits: 0. */
  ages(trees: readonly TreePosition[], nowMs: number): readonly { readonly tree: string; readonly ageS: number }[] {
    const before = this.#marks;
    this.#marks = new Map(trees.map((position) => [position.tree, marksOf(position, before, nowMs)]));
    return trees.map(({ tree }) => {
      const [oldest] = this.#marks.get(tree) ?? [];
      return { tree, ageS: oldest === undefined ? 0 : Math.max(0, nowMs - oldest.atMs) / 1_000 };
    });
  }
}

/** The first mark that counts a record that is not published is when the oldest such record was seen. */
function marksOf(
  { tree, journaled, published }: TreePosition,
  before: ReadonlyMap<string, readonly Mark[]>,
  atMs: number,
): readonly Mark[] {
  const waiting = (before.get(tree) ?? []).filter((mark) => mark.journaled > published);
  const newest = waiting.at(-1)?.journaled ?? published;
  return journaled > newest && waiting.length < MAX_MARKS ? [...waiting, { journaled, atMs }] : waiting;
}
