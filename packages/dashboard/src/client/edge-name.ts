/** An edge as `/api/tally`, `/api/graph` and the page's address take it: two names with a colon between them. */

export interface Parties {
  readonly caller: string;
  readonly callee: string;
}

/** `orders:payments`; a colon within a name, as `address:10.0.0.7` has one, is written as `%3A`. */
export function edgeName({ caller, callee }: Parties): string {
  return `${escaped(caller)}:${escaped(callee)}`;
}

/** Null of what is no edge's name. */
export function partiesOf(edge: string): Parties | null {
  const [caller, callee, ...more] = edge.split(":").map(plain);
  return caller && callee && more.length === 0 ? { caller, callee } : null;
}

const escaped = (name: string): string => name.replaceAll("%", "%25").replaceAll(":", "%3A");
const plain = (name: string): string => name.replaceAll("%3A", ":").replaceAll("%25", "%");
