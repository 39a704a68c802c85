/** Which of several predicates hold of a row, as SQL: their places in the list, from 0. */

export function hitsSql(predicates: readonly string[]): string {
  const each = predicates.map((holds) => `toUInt8(${holds})`).join(", ");
  return `arrayFilter((n, hit) -> hit = 1, range(${predicates.length}), [${each}])`;
}

/** Of one expression for each predicate the one at the place `hit`: each stands in it once, and only that is worked out. */
export function ofHitSql(all: readonly string[], hit: string): string {
  const once = [...new Set(all)];
  const place = `[${all.map((one) => once.indexOf(one)).join(", ")}][${hit} + 1]`;
  const last = once.pop() ?? "";
  return once.length === 0 ? last : `multiIf(${once.map((one, at) => `${place} = ${at}, ${one}`).join(", ")}, ${last})`;
}
