/** Everything that readers ask of the tally. Each question is put under a scope and has limits. */
import { formatTimestamp } from "@tallystick/record";

import { TallystickError } from "../errors.ts";
import type { Scope } from "../search/scope.ts";
import { countCalls, listBreaks } from "./breaks.ts";
import type { BreaksAnswer, BreaksRequest } from "./breaks.ts";
import { viewCall } from "./call-view.ts";
import type { CallView } from "./call-view.ts";
import { EdgeMetrics } from "./edge-metrics.ts";
import { readGraph } from "./graph.ts";
import type { GraphAnswer, GraphRequest, Settled } from "./graph.ts";
import { viewCoverage } from "./coverage-view.ts";
import type { CoverageAnswer } from "./coverage-view.ts";
import { listAliases, listParties } from "./names-view.ts";
import type { AliasShown, PartyShown } from "./names-view.ts";
import type { Period, TallySources } from "./reading.ts";
import type { Tally } from "./tally.ts";

export class TallyReader {
  readonly #sources: TallySources;
  readonly #tally: Tally;
  readonly #edgeMetrics: EdgeMetrics;

  constructor(sources: TallySources, tally: Tally) {
    this.#sources = sources;
    this.#tally = tally;
    this.#edgeMetrics = new EdgeMetrics(sources, () => this.#settled());
  }

  #settledUs(): number {
    if (this.#tally.isReady()) return this.#tally.figures().settledUs;
    throw new TallystickError("index_unavailable", "The tally is not ready yet.", {
      hint: "It begins when the index answers; try again in a few seconds.",
      retryAfterS: 2,
    });
  }

  #settled(): Settled {
    return { throughUs: this.#settledUs(), longestDeadlineUs: this.#tally.settings.deadlines.longestUs };
  }

  /** Every call that came due before then is settled; null before the first. An RFC 3339 time. */
  settledThrough(): string | null {
    const { settledUs } = this.#tally.figures();
    return settledUs === 0 ? null : formatTimestamp(settledUs);
  }

  async breaks(scope: Scope, request: BreaksRequest, signal?: AbortSignal): Promise<BreaksAnswer> {
    const settledUs = this.#settledUs();
    const found = await listBreaks(this.#sources, scope, request, signal);
    const sinceUs = settledUs - this.#tally.settings.deadlines.longestUs;
    const names = this.#tally.declared(this.#sources.clock.nowUs());
    const counts = await countCalls(this.#sources, scope, request, { sinceUs, names }, signal);
    return { ...found, counts, settled_through: this.settledThrough() };
  }

  /** Of all services that the scope names. */
  async aliases({ services }: Scope, signal?: AbortSignal): Promise<readonly AliasShown[]> {
    const settledUs = this.#settledUs();
    const aliases = await listAliases(this.#sources, this.#tally.declarations, settledUs, signal);
    if (services === "*") return aliases;
    const isSeen = (service: string | null) => service !== null && services.includes(service);
    return aliases
      .map((alias) => ({ ...alias, seen: alias.seen.filter(({ service }) => isSeen(service)) }))
      .filter(({ service, seen }) => isSeen(service) || seen.length > 0);
  }

  /** Of all services that the scope names; what is declared of the others' counterparts, `coverage` tells. */
  parties({ services }: Scope): readonly PartyShown[] {
    const parties = listParties(this.#tally.declarations);
    return services === "*" ? parties : parties.filter(({ name }) => services.includes(name));
  }

  /** Of the last day unless the period says otherwise. */
  async coverage(scope: Scope, period: Period, signal?: AbortSignal): Promise<CoverageAnswer> {
    this.#settledUs();
    return viewCoverage(this.#sources, this.#tally.declarations, scope, period, signal);
  }

  /** Null when the scope sees no half of it. */
  async call(scope: Scope, callId: string, signal?: AbortSignal): Promise<CallView | null> {
    const settledUs = this.#settledUs();
    const { settings } = this.#tally;
    const { experience } = this.#tally;
    const declared = this.#tally.declared(this.#sources.clock.nowUs());
    return viewCall({ ...this.#sources, settings, declared, experience, settledUs }, scope, callId, signal);
  }

  /** Who calls whom. */
  async graph(scope: Scope, request: GraphRequest, signal?: AbortSignal): Promise<GraphAnswer> {
    const names = this.#tally.declared(this.#sources.clock.nowUs());
    return readGraph(this.#sources, scope, request, { settled: this.#settled(), names }, signal);
  }

  /** The same for Prometheus, as OpenMetrics text over all logs. */
  edgeMetrics(): Promise<string> {
    return this.#edgeMetrics.text();
  }
}
