import type { Facets } from "../client/search.ts";
import { useApi } from "../client/use-api.ts";
import type { Typing } from "./query-text.ts";
import { bounds, type SearchState } from "./search-state.ts";

export interface Completion {
  /** What goes into the query. */
  readonly text: string;
  readonly shown: string;
  readonly says: string;
}

interface Fields {
  readonly fields: readonly {
    readonly name: string;
    readonly kind: string;
    readonly says: string;
    readonly values?: readonly string[];
  }[];
  readonly attributes: readonly { readonly name: string; readonly count: number }[];
}

const MAX_SHOWN = 9;

/** The fields there are, and the attributes that the records of the range have. */
export function useFields(state: SearchState) {
  const { from, to } = bounds(state);
  return useApi<Fields>("/api/fields", { from, to }, { keep: true });
}

/** What could stand where the caret is: fields, or the most frequent values of a field that begin so. */
export function useCompletion(typing: Typing | null, state: SearchState): readonly Completion[] {
  const fields = useFields(state);
  const { from, to } = bounds(state);
  const isValue = typing?.kind === "value";
  const known = fields.data?.fields.find(({ name }) => name === typing?.field);
  const isText = known?.kind === "text" || known?.kind === "time" || known?.kind === "uint";
  const begins = typing?.typed.replaceAll(/([^\w.-])/g, "\\$1") ?? "";
  const values = useApi<Facets>(
    "/api/facets",
    { fields: typing?.field ?? "", q: begins === "" ? "" : `${typing?.field}:${begins}*`, from, to, limit: MAX_SHOWN },
    { enabled: isValue && !isText && known !== undefined },
  );
  if (typing === null) return [];
  if (typing.kind === "field") return fieldsFor(typing.typed, fields.data);
  const counted = values.data?.facets[0]?.values ?? [];
  const seen = new Set(counted.map(({ value }) => value));
  const others = (known?.values ?? []).filter((value) => !seen.has(value) && value.startsWith(typing.typed));
  return [
    ...counted.map(({ value, count }) => completion(value, `${count.toLocaleString("en-GB")} records`)),
    ...others.map((value) => completion(value, "none now")),
  ].slice(0, MAX_SHOWN);
}

function completion(value: string, says: string): Completion {
  const isPlain = /^[\w.-]+$/.test(value);
  return { text: isPlain ? `${value} ` : `"${value.replaceAll(/(["\\])/g, "\\$1")}" `, shown: value, says };
}

function fieldsFor(typed: string, found: Fields | undefined): readonly Completion[] {
  if (found === undefined || typed === "") return [];
  const all = [
    ...found.fields.map(({ name, says }) => ({ name, says })),
    ...found.attributes.map(({ name }) => ({ name, says: "attribute" })),
  ];
  const words = typed.toLowerCase();
  const rank = (name: string) =>
    name.startsWith(words) ? 0 : name.includes(`_${words}`) || name.includes(`.${words}`) ? 1 : 2;
  return all
    .filter(({ name }) => name.toLowerCase().includes(words))
    .toSorted((a, b) => rank(a.name) - rank(b.name))
    .slice(0, MAX_SHOWN)
    .map(({ name, says }) => ({ text: `${/^[\w.]+$/.test(name) ? name : `"${name}"`}:`, shown: name, says }));
}
