import { useMutation, useQueryClient } from "@tanstack/react-query";
import { postJson } from "../client/api.ts";

export type Deed = "acknowledge" | "assign" | "comment" | "resolve" | "reopen";

/** What people do about an alert; the list and the alert are asked for anew afterwards. */
export function useDeeds(id: string) {
  const queries = useQueryClient();
  const path = `/api/alerts/${encodeURIComponent(id)}`;
  return useMutation({
    mutationFn: ({ deed, comment }: { readonly deed: Deed; readonly comment: string }) =>
      postJson(`${path}/${deed}`, comment.trim() === "" ? {} : { comment }),
    onSettled: () => {
      void queries.invalidateQueries({ queryKey: [path] });
      void queries.invalidateQueries({ queryKey: ["/api/alerts"] });
    },
  });
}
