import { formatCount, formatShare } from "../page/format.ts";
import { CallLink, ServiceLink, TraceLink } from "../page/links.tsx";
import { useMoments } from "../page/zone.ts";
import { ExampleButton } from "./example-button.tsx";
import { mannerOf, totalsOf, type Manner } from "./onset.ts";
import type { ServiceFound } from "./use-health.ts";
import type { Period } from "./window.ts";

const LOOKS: Readonly<Record<Manner, readonly [frame: string, text: string]>> = {
  silent: ["border-line bg-raised", "text-quiet"],
  well: ["border-line bg-good-ground", "text-good"],
  few: ["border-line bg-raised", "text-ink"],
  better: ["border-line bg-warn-ground", "text-warn"],
  unwell: ["border-warn bg-warn-ground", "text-warn font-medium"],
  failing: ["border-bad bg-bad-ground", "text-bad font-medium"],
};

/** What is said of the failed ones after their share. */
const SAYS: Readonly<Record<Exclude<Manner, "silent" | "failing">, string>> = {
  well: ".",
  few: ": too few to say how it is.",
  better: ", but few of the newest.",
  unwell: ", the newest too; nothing in this period shows when it began.",
};

interface VerdictProps {
  readonly found: ServiceFound;
  readonly name: string;
  readonly period: Period;
}

/** In two sentences: is it failing, since when, and what fails first; each with a call that shows it. */
export function Verdict({ found, name, period }: VerdictProps) {
  const { clock, label } = useMoments();
  if (found.now.data === undefined) return <div className="h-16 rounded-lg bg-raised" />;
  const now = totalsOf(found.now.data.buckets);
  const lastWeek = found.lastWeek.data === undefined ? null : totalsOf(found.lastWeek.data.buckets).ratio;
  const since = found.onset;
  const recent = since === null ? now : totalsOf(found.now.data.buckets.filter(({ from }) => from >= since));
  const manner = mannerOf(found.now.data.buckets, since);
  const [frame, text] = LOOKS[manner];
  // Callers may say otherwise: one that gave up has failed, and the callee that went on has not.
  const whose = found.kind === "counterpart" ? "by its callers' records" : "by its own records";
  return (
    <section aria-label="Verdict" className={`rounded-lg border px-4 py-3 text-base ${frame}`}>
      <p className={text}>
        {manner === "silent" && `Nobody called ${name} in this period.`}
        {manner !== "silent" &&
          manner !== "failing" &&
          `${formatCount(now.calls)} calls ${whose}, ${formatShare(now.ratio ?? 0)} of them failed${SAYS[manner]}`}
        {since !== null &&
          `Failing since ${clock(since)} ${label}: ${formatShare(recent.ratio ?? 0)} of ${formatCount(recent.calls)} calls ${whose}.`}
        {now.calls > 0 && (
          <span className="font-normal text-ink">
            {lastWeek === null
              ? " Nothing to compare it with at this hour last week."
              : ` At this hour last week ${formatShare(lastWeek)}.`}
          </span>
        )}
        {now.ratio !== null && now.ratio > 0 && (
          <span className="font-normal">
            {" "}
            <ExampleButton
              period={{ from: since ?? period.from, to: period.to }}
              q={`${found.q} AND status:(error OR timeout)`}
              says="Show an example call"
              word="Show an example call"
            />
          </span>
        )}
      </p>
      <FirstFailure found={found} name={name} />
    </section>
  );
}

function FirstFailure({ found, name }: { readonly found: ServiceFound; readonly name: string }) {
  const failures = found.bottlenecks.data?.failures ?? [];
  const [first] = failures;
  if (first === undefined) return null;
  return (
    <p className="mt-1.5">
      Deepest first failure: <span className="font-mono">{first.operation}</span> at{" "}
      {first.service === name ? first.service : <ServiceLink name={first.service} />} ({first.status}
      {first.error_type === null ? "" : `, ${first.error_type}`}), in {formatShare(first.share)} of the traces through
      here that failed. <CallLink id={first.example.call_id}>Show it</CallLink>
      {first.example.trace_id !== "" && (
        <>
          {" · "}
          <TraceLink call={first.example.call_id} id={first.example.trace_id}>
            its trace
          </TraceLink>
        </>
      )}
    </p>
  );
}
