import { useQuery } from "@tanstack/react-query";
import { getJson } from "../client/api.ts";
import type { ProvenRecord, Tree } from "../client/types.ts";
import { checkProof, type ProofCheck } from "./check-proof.ts";

export interface RecordWithProof {
  readonly stored: ProvenRecord;
  readonly check: ProofCheck;
}

/** A record, its exact leaf and its proof, checked here in the browser. `record` is `<tree>/<index>`. */
export function useRecord(record: string) {
  return useQuery({
    queryKey: ["record", record],
    queryFn: async ({ signal }): Promise<RecordWithProof> => {
      const [stored, trees] = await Promise.all([
        getJson<ProvenRecord>(`/api/records/${record}`, {}, signal),
        getJson<readonly Tree[]>("/api/trees", {}, signal),
      ]);
      const tree = trees.find((one) => one.tree === stored.tree);
      return { stored, check: await checkProof(stored, tree?.vkey ?? "") };
    },
    // A record that no checkpoint covers yet is asked for again until one does.
    refetchInterval: (query) => (query.state.data?.check.kind === "waiting" ? 1_000 : false),
  });
}
