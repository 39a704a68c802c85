import { decodeCursor, encodeCursor } from "./cursor.ts";
import type { PageKey } from "./cursor.ts";
import type { RecordFilter } from "./filter.ts";
import { questionKey, readQuestion } from "./question.ts";
import type { Question } from "./question.ts";
import type { Scope } from "./scope.ts";
import type { SearchSources } from "./sources.ts";
import { treeSizes } from "./tree-sizes.ts";
import type { TreeSizes } from "./tree-sizes.ts";
import type { PageOrder } from "./windows.ts";

/** A run of pages over one state of the trees: begun without a cursor, gone on with one. */
export interface RunRequest extends Question {
  /** Newest first by default. */
  readonly order?: PageOrder | null;
  /** `next` of the page before. */
  readonly cursor?: string | null;
}

export interface Run {
  readonly filter: RecordFilter;
  readonly order: PageOrder;
  readonly after: PageKey | null;
  readonly sizes: TreeSizes;
  /** The cursor that goes on after a record of the run; null: from its beginning. */
  readonly cursorAt: (after: PageKey | null) => string;
}

export function planRun({ follower, clock, names }: SearchSources, scope: Scope, request: RunRequest): Run {
  const order = request.order ?? "newest";
  const key = questionKey(request, order);
  const cursor = request.cursor ? decodeCursor(request.cursor, key) : null;
  const nowUs = cursor?.nowUs ?? clock.nowUs();
  const sizes = cursor?.sizes ?? treeSizes(follower.positions(), scope);
  return {
    filter: { ...readQuestion(request, nowUs), scope, nowUs, sizes, names: names() },
    order,
    after: cursor?.after ?? null,
    sizes,
    cursorAt: (after) => encodeCursor({ nowUs, sizes, after }, key),
  };
}
