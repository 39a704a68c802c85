/** What the search page shows, whole, as it stands in the address: a link opens the same view for a colleague. */
export interface SearchState {
  /** Query text. */
  readonly q?: string | undefined;
  /** Relative (`now-1h`) or RFC 3339; absent: DEFAULT_FROM. `all`: from the beginning. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** The open record, `<tree>/<index>`. */
  readonly record?: string | undefined;
  /** Show Tallystick's own records too. */
  readonly own?: boolean | undefined;
}

export const DEFAULT_FROM = "now-1h";
export const ALL_TIME = "all";

export function parseSearchState(input: Readonly<Record<string, unknown>>): SearchState {
  const state: { -readonly [Key in keyof SearchState]: SearchState[Key] } = {};
  for (const name of ["q", "from", "to", "record"] as const) {
    // The router reads `q=123` as a number; a query is text.
    const value = input[name];
    if (typeof value === "string" || typeof value === "number") state[name] = String(value);
  }
  if (input["own"] === true) state.own = true;
  return state;
}

/** The two bounds as the API takes them. */
export function bounds(state: SearchState): { readonly from: string | undefined; readonly to: string | undefined } {
  const from = state.from ?? DEFAULT_FROM;
  return { from: from === ALL_TIME ? undefined : from, to: state.to };
}
