import type { SearchPage } from "../client/types.ts";
import { Fact, Facts } from "../page/fact.tsx";
import { formatCount } from "../page/format.ts";
import { CallLink, SearchLink } from "../page/links.tsx";
import { useMoments } from "../page/zone.ts";
import type { CredentialFound } from "./use-credential.ts";

/** First and last use, how often, how often refused, and whether it was used after it was taken back. */
export function CredentialFacts({ found }: { readonly found: CredentialFound }) {
  const { clock, label } = useMoments();
  const { histogram, facets, first, last, denied, revoked, after, afterwards } = found;
  const callers = facets.data?.facets.find(({ field }) => field === "caller")?.values ?? [];
  const deniedCount = denied.data?.total;
  const afterCount = after.data?.total ?? 0;
  const use = (page: SearchPage | undefined) => {
    const record = page?.records[0];
    return record === undefined ? "…" : <CallLink id={record.call_id}>{clock(record.record.timestamp)}</CallLink>;
  };
  return (
    <Facts label="Facts">
      <Fact says={label} title="First use" value={use(first.data)} />
      <Fact says={label} title="Last use" value={use(last.data)} />
      <Fact
        says={
          <SearchLink from="all" q={found.q}>
            all of them
          </SearchLink>
        }
        title="Records"
        value={histogram.data === undefined ? "…" : formatCount(histogram.data.total)}
      />
      <Fact
        says={callers.length > 1 ? "a key of one service should have one" : callers[0]?.value}
        title="Services that used it"
        value={facets.data === undefined ? "…" : formatCount(callers.length)}
        {...(callers.length > 1 ? { tone: "warn" as const } : {})}
      />
      <Fact
        says={
          deniedCount === undefined || deniedCount === 0 ? undefined : (
            <SearchLink from="all" q={`${found.q} AND (status:denied OR auth_decision:deny)`}>
              show them
            </SearchLink>
          )
        }
        title="Denials"
        value={deniedCount === undefined ? "…" : formatCount(deniedCount)}
        {...(deniedCount !== undefined && deniedCount > 0 ? { tone: "warn" as const } : {})}
      />
      <Fact
        says={
          revoked === undefined ? (
            "no record of a revocation names it"
          ) : (
            <SearchLink from="all" q={afterwards}>
              revoked {clock(revoked.record.timestamp)}
            </SearchLink>
          )
        }
        title="Use after revocation"
        value={revoked === undefined ? "–" : formatCount(afterCount)}
        {...(afterCount > 0 ? { tone: "bad" as const } : {})}
      />
    </Facts>
  );
}
