import type { Facets } from "../client/search.ts";
import type { Histogram, SearchPage } from "../client/types.ts";
import { useApi } from "../client/use-api.ts";
import { term } from "../page/links.tsx";

const FIELDS =
  "service_id,caller,callee,operation,resource,status,auth_method,auth_subject,peer_address,peer_network,principal";

/** All that is known of a credential from records that name it, over all time unless a period is chosen. */
export function useCredential(id: string, from: string | undefined, to: string | undefined) {
  const q = term("credential_id", id);
  const period = { from: from === "all" ? undefined : from, to };
  const facets = useApi<Facets>("/api/facets", { q, ...period, fields: FIELDS, limit: 50 }, { keep: true });
  const histogram = useApi<Histogram>("/api/histogram", { q, ...period }, { keep: true });
  const first = useApi<SearchPage>("/api/search", { q, order: "oldest", limit: 1 });
  const last = useApi<SearchPage>("/api/search", { q, order: "newest", limit: 1 });
  const denied = useApi<Histogram>("/api/histogram", {
    q: `${q} AND (status:denied OR auth_decision:deny)`,
    ...period,
    buckets: 1,
  });
  const revocation = useApi<SearchPage>("/api/search", {
    q: `action:revoke AND ${term("resource", id)}`,
    own: true,
    order: "oldest",
    limit: 1,
  });
  const revoked = revocation.data?.records[0];
  const afterwards = `${q} AND timestamp:>"${revoked?.record.timestamp ?? ""}"`;
  const after = useApi<Histogram>("/api/histogram", { q: afterwards, buckets: 1 }, { enabled: revoked !== undefined });
  return { q, facets, histogram, first, last, denied, revoked, after, afterwards };
}

export type CredentialFound = ReturnType<typeof useCredential>;
