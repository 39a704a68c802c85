import { useMutation, useQueryClient } from "@tanstack/react-query";
import { deleteJson, postJson, putJson } from "../client/api.ts";
import { RULES, rulePath, type Rule } from "../client/rules.ts";

const SEARCHABLE_MS = 2_500;

/** What people change of rules; everything that shows them is asked for anew. */
export function useRuleChanges() {
  const queries = useQueryClient();
  const onSettled = () => {
    // The history is searched for, and a change is searchable a moment later.
    setTimeout(() => void queries.invalidateQueries({ queryKey: ["/api/search"] }), SEARCHABLE_MS);
    return queries.invalidateQueries({ predicate: ({ queryKey: [path] }) => String(path).startsWith(RULES) });
  };
  const turn = useMutation({
    mutationFn: ({ id, on }: { readonly id: string; readonly on: boolean }) => putJson(`${rulePath(id)}/on`, { on }),
    onSettled,
  });
  const remove = useMutation({ mutationFn: (id: string) => deleteJson(rulePath(id)), onSettled });
  const save = useMutation({ mutationFn: (text: string) => postJson<Rule>(RULES, { text }), onSettled });
  return { turn, remove, save };
}
