/** The outcome of reading something from outside: the value, or one sentence that says what was wrong with it. */
export type Parsed<Value> =
  | { readonly kind: "ok"; readonly value: Value }
  | { readonly kind: "refused"; readonly reason: string };

export function ok<Value>(value: Value): Parsed<Value> {
  return { kind: "ok", value };
}

export function refused(reason: string): { readonly kind: "refused"; readonly reason: string } {
  return { kind: "refused", reason };
}
