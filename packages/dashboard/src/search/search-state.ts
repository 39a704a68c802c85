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
  /** Fields in the order of the columns, with commas between; absent: DEFAULT_COLUMNS. */
  readonly columns?: string | undefined;
  /** Records come as they are stored. */
  readonly live?: boolean | undefined;
}

export const DEFAULT_FROM = "now-1h";
export const ALL_TIME = "all";
export const DEFAULT_COLUMNS = "timestamp,status,side,service_id,target_id,operation,duration_us,request_id";

export type ChangeSearch = (changes: Partial<SearchState>) => void;

export function parseSearchState(input: Readonly<Record<string, unknown>>): SearchState {
  const state: { -readonly [Key in keyof SearchState]: SearchState[Key] } = {};
  for (const name of ["q", "from", "to", "record", "columns"] as const) {
    const value = input[name];
    if (typeof value === "string") state[name] = value;
  }
  for (const name of ["own", "live"] as const) if (input[name] === "true" || input[name] === true) state[name] = true;
  return state;
}

/** The two bounds as the API takes them. */
export function bounds(state: SearchState): { readonly from: string | undefined; readonly to: string | undefined } {
  const from = state.from ?? DEFAULT_FROM;
  return { from: from === ALL_TIME ? undefined : from, to: state.to };
}

export function columnsOf({ columns = DEFAULT_COLUMNS }: SearchState): readonly string[] {
  const names = columns.split(",").filter((name) => name !== "");
  return names.length === 0 ? DEFAULT_COLUMNS.split(",") : names;
}
