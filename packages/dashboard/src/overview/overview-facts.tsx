import { linkOptions } from "@tanstack/react-router";
import type { Producers } from "../client/status.ts";
import { Fact, Facts } from "../page/fact.tsx";
import { formatAge, formatBytes, formatCount, formatRate, formatShare } from "../page/format.ts";
import { LIFE_OF_LOG, LINK, SearchLink } from "../page/links.tsx";
import { PageLink } from "../page/page-link.tsx";
import { brokenCalls, type OverviewFound } from "./use-overview.ts";

const WAIT = "…";

/** How the services are. */
export function FleetFacts({ found }: { readonly found: OverviewFound }) {
  const edges = found.graph.data?.edges ?? [];
  const sum = (value: (edge: (typeof edges)[number]) => number) => edges.reduce((all, edge) => all + value(edge), 0);
  const [calls, errors, broken] = [sum((edge) => edge.calls), sum((edge) => edge.errors), sum(brokenCalls)];
  const matched = sum(({ states }) => states["matched"] ?? 0);
  const known = found.graph.data !== undefined;
  const rate = (found.recent.data?.total ?? 0) / 60;
  return (
    <Facts label="The fleet">
      <Fact
        says={
          <SearchLink from="now-5m" q="">
            the newest
          </SearchLink>
        }
        title="Records received"
        value={found.recent.data === undefined ? WAIT : formatRate(rate)}
      />
      <Fact
        says={<SearchLink q="status:(error OR timeout)">{known ? formatCount(errors) : ""} failed calls</SearchLink>}
        title="Calls that fail"
        value={known ? formatShare(calls === 0 ? 0 : errors / calls) : WAIT}
        {...toned(errors / Math.max(calls, 1) > 0.02, "bad")}
      />
      <Fact
        says={
          <PageLink className={LINK} target={linkOptions({ to: "/tally", search: { from: "now-1h" } })}>
            {known ? formatCount(broken) : ""} broken calls
          </PageLink>
        }
        title="Both halves agree"
        value={known ? (matched + broken === 0 ? "–" : formatShare(matched / (matched + broken))) : WAIT}
        {...toned(broken > 0, "warn")}
      />
      <AlertFact found={found} />
      <ProducerFact
        any={found.numbering.data}
        found={found.silent.data}
        says="who is silent"
        state="silent"
        title="Silent producers"
        tone="bad"
      />
      <ProducerFact
        any={found.numbering.data}
        found={found.gaps.data}
        says="what is missing"
        state="gap"
        title="Producers with gaps"
        tone="warn"
      />
    </Facts>
  );
}

function AlertFact({ found: { alerts } }: { readonly found: OverviewFound }) {
  const counts = alerts.data?.counts;
  const firing = counts?.firing ?? 0;
  return (
    <Fact
      says={
        <PageLink
          className={LINK}
          target={linkOptions({ to: "/alerts", search: {} })}
        >{`${formatCount(counts?.acknowledged ?? 0)} acknowledged`}</PageLink>
      }
      title="Alerts firing"
      value={counts === undefined ? (alerts.error === null ? WAIT : "–") : formatCount(firing)}
      {...toned(firing > 0, "bad")}
    />
  );
}

interface ProducerFactProps {
  /** Of those that number their records; where nobody does, nobody can be missed. */
  readonly any: Producers | undefined;
  readonly found: Producers | undefined;
  readonly title: string;
  readonly says: string;
  readonly state: string;
  readonly tone: "bad" | "warn";
}

function ProducerFact({ any, found, title, says, state, tone }: ProducerFactProps) {
  const count = found?.producers.length ?? 0;
  const isNobody = count === 0 && any?.producers.length === 0;
  return (
    <Fact
      says={
        <PageLink className={LINK} target={linkOptions({ to: "/producers", search: isNobody ? {} : { state } })}>
          {isNobody ? "none numbers its records" : says}
        </PageLink>
      }
      title={title}
      value={
        found === undefined ? WAIT : isNobody ? "–" : `${formatCount(count)}${found.next === null ? "" : " and more"}`
      }
      {...toned(count > 0, tone)}
    />
  );
}

/** How the log is. */
export function LogFacts({ found }: { readonly found: OverviewFound }) {
  const { data: status } = found.status;
  if (status === undefined) return null;
  const open = status.trees.filter(({ published, journaled }) => published < journaled);
  const behind = status.trees.reduce((sum, { journaled, indexed }) => sum + journaled - indexed, 0);
  const unproven = open.reduce((sum, { journaled, published }) => sum + journaled - published, 0);
  const ages = open.map(({ checkpoint_age_s: age }) => age ?? 0);
  const { free_bytes: free, days_until_full: days } = status.disk;
  return (
    <Facts label="The log">
      <Fact
        says={
          <PageLink
            className={LINK}
            target={linkOptions({ to: "/integrity", search: {} })}
          >{`${formatCount(status.trees.length)} trees`}</PageLink>
        }
        title="Records that no checkpoint covers"
        value={unproven === 0 ? "none" : `${formatCount(unproven)} for ${formatAge(Math.max(...ages))}`}
        {...toned(
          ages.some((age) => age > 30),
          "bad",
        )}
      />
      <Fact
        says={
          <PageLink
            className={LINK}
            target={linkOptions({ to: "/integrity", search: {} })}
          >{`index ${status.index.state}`}</PageLink>
        }
        title="Records not yet searchable"
        value={behind === 0 ? "none" : formatCount(behind)}
        {...toned(behind > 100_000 || status.index.state === "failed", "warn")}
      />
      <Fact
        says={
          <PageLink className={LINK} target={linkOptions({ to: "/keeping", search: {} })}>
            {days === null ? "it does not fill" : `full in ${fillsIn(days)}`}
          </PageLink>
        }
        title="Disk"
        value={`${formatBytes(free)} free`}
        {...toned(days !== null && days < 7, "bad")}
      />
      <Fact
        says={
          <SearchLink from="all" own q={LIFE_OF_LOG}>
            {`version ${status.version}, life of the log`}
          </SearchLink>
        }
        title="Server runs for"
        value={formatAge((Date.now() - Date.parse(status.started_at)) / 1_000)}
      />
    </Facts>
  );
}

function fillsIn(days: number): string {
  return days < 2 ? `${Math.round(days * 24)} hours` : `${Math.round(days)} days`;
}

function toned(isSo: boolean, tone: "bad" | "warn"): { readonly tone?: "bad" | "warn" } {
  return isSo ? { tone } : {};
}
