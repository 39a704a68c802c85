/** Records of a range in groups, each of which is a finding. */
import { recordOf } from "./detector.ts";
import type { Place, Said } from "./detector.ts";
import { firstPlaces, RECEIVED_US } from "./range-table.ts";

export interface Group {
  readonly n: number;
  readonly first_us: number;
  readonly last_us: number;
  readonly places: readonly Place[];
}

export const GROUPED = `count() AS n, min(${RECEIVED_US}) AS first_us, max(${RECEIVED_US}) AS last_us,
  ${firstPlaces(RECEIVED_US)} AS places`;

export const said = (group: Group, rest: Omit<Said, "startsAtUs" | "seenAtUs" | "records" | "count">): Said => ({
  startsAtUs: group.first_us,
  seenAtUs: group.last_us,
  records: group.places.map(recordOf),
  count: group.n,
  ...rest,
});
