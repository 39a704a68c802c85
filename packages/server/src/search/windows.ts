/**
 * A page needs its first records only, and they mostly lie at the near end of the time range. So the range is cut
 * into windows that grow, and the next one is read only when those before it did not fill the page.
 */

/** Half-open; null: no bound. */
export interface Window {
  readonly fromUs: number | null;
  readonly toUs: number | null;
}

export type PageOrder = "newest" | "oldest";

export const FIRST_WINDOW_US = 4_000_000;
const GROWTH = 8;
const MAX_WINDOWS = 7;

export interface WindowPlan {
  readonly order: PageOrder;
  readonly fromUs: number | null;
  readonly toUs: number | null;
  readonly nowUs: number;
  /** Width of the first window; null: the whole range at once. */
  readonly firstWidthUs: number | null;
}

/** Adjoining windows from the near end to the far one; together they are the whole range. */
export function* growingWindows(plan: WindowPlan): Generator<Window, void> {
  const { fromUs, toUs } = plan;
  if (fromUs !== null && toUs !== null && fromUs >= toUs) return;
  let edge = plan.order === "newest" ? Math.min(toUs ?? plan.nowUs, plan.nowUs) : fromUs;
  if (plan.firstWidthUs === null || edge === null) {
    yield { fromUs, toUs };
    return;
  }
  let near = plan.order === "newest" ? toUs : fromUs;
  let widthUs = plan.firstWidthUs;
  for (let count = 1; count < MAX_WINDOWS; count++) {
    const far: number = plan.order === "newest" ? edge - widthUs : edge + widthUs;
    if (reaches(plan, far)) break;
    yield plan.order === "newest" ? { fromUs: far, toUs: near } : { fromUs: near, toUs: far };
    near = far;
    edge = far;
    widthUs *= GROWTH;
  }
  yield plan.order === "newest" ? { fromUs, toUs: near } : { fromUs: near, toUs };
}

/** The far end of the range lies at or before this edge, or the edge is no exact number any more. */
function reaches({ order, fromUs, toUs }: WindowPlan, edge: number): boolean {
  if (!Number.isSafeInteger(edge)) return true;
  return order === "newest" ? fromUs !== null && edge <= fromUs : toUs !== null && edge >= toUs;
}
