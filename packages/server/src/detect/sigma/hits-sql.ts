/** Which of several predicates hold of a row, as SQL: their places in the list, from 0. */

export function hitsSql(predicates: readonly string[]): string {
  const each = predicates.map((holds) => `toUInt8(${holds})`).join(", ");
  return `arrayFilter((n, hit) -> hit = 1, range(${predicates.length}), [${each}])`;
}

/** Of one expression for each predicate the one at the place `hit`; every different one stands in it once. */
export function ofHitSql(all: readonly string[], hit: string): string {
  const once = [...new Set(all)];
  return `[${once.join(", ")}][[${all.map((one) => once.indexOf(one) + 1).join(", ")}][${hit} + 1]]`;
}
