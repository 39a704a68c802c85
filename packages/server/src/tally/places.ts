/** Where halves lie in the log. */
import type { Params } from "../search/compile/sql.ts";

export interface HalfPlace {
  readonly tree: string;
  readonly leaf_index: number;
}

export const placeName = ({ tree, leaf_index: index }: HalfPlace): string => `${tree}:${index}`;

/** `pairs` as Array(Tuple(String, Int64)), and their second parts, by which an index finds them. */
export function placeLists(places: readonly HalfPlace[], params: Params) {
  const trees = params.add(
    places.map(({ tree }) => tree),
    "Array(String)",
  );
  const indexes = params.add(
    places.map(({ leaf_index: index }) => index),
    "Array(Int64)",
  );
  return { pairs: `arrayZip(${trees}, ${indexes})`, indexes };
}

/** A predicate over `records`, and over what has their columns. */
export function isAmong(places: readonly HalfPlace[], params: Params): string {
  const { pairs, indexes } = placeLists(places, params);
  return `leaf_index IN (${indexes}) AND (tree, leaf_index) IN (SELECT arrayJoin(${pairs}))`;
}
