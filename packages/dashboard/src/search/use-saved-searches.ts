import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deleteJson, putJson } from "../client/api.ts";
import { useApi } from "../client/use-api.ts";

interface SavedSearch {
  readonly name: string;
  /** The search's address behind the `?`. */
  readonly view: string;
}

const PATH = "/api/searches";
const pathOf = (name: string): string => `${PATH}/${encodeURIComponent(name)}`;

/** The searches that a user keeps. */
export function useSavedSearches() {
  const queries = useQueryClient();
  const onSettled = () => void queries.invalidateQueries({ queryKey: [PATH] });
  const found = useApi<{ readonly searches: readonly SavedSearch[] }>(PATH);
  const save = useMutation({
    mutationFn: ({ name, view }: SavedSearch) => putJson(pathOf(name), { view }),
    onSettled,
  });
  const forget = useMutation({ mutationFn: (name: string) => deleteJson(pathOf(name)), onSettled });
  return { found, save, forget };
}
