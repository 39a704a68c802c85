/**
 * What a reader may see. Every function that reaches the engine demands one, so that no route can forget it; it
 * becomes a predicate of the statement and is never left to the query's text.
 */
export interface Scope {
  /** Names of logs, or all of them. An empty list sees nothing. */
  readonly logs: readonly string[] | "*";
}

export const WHOLE_SCOPE: Scope = { logs: "*" };

/** `default` of `default/2026-11`. */
export function logOf(tree: string): string {
  return tree.slice(0, Math.max(tree.indexOf("/"), 0));
}

export function sees(scope: Scope, tree: string): boolean {
  return scope.logs === "*" || scope.logs.includes(logOf(tree));
}
