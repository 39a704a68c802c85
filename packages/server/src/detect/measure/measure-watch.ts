/**
 * Measures of edges, looked at again and again. A condition that has held for as long as the rule says is told, once
 * and while it lasts, and told to be over when it no longer holds. Guarantees: what was told to stand is told to be
 * over also after a restart; a measure that cannot be asked changes nothing.
 */
import type { Clock } from "../../clock.ts";
import { isTallystickError } from "../../errors.ts";
import type { IndexReader, QueryLimits } from "../../index/index-seam.ts";
import type { DetectionState, Standing } from "../detection-state.ts";
import type { Finding, FindingSink } from "../finding.ts";
import type { Rule, RuleBook } from "../rule-book.ts";
import { MAX_MEASURED_GROUPS, measureStatement, unmatchedStatement } from "./measure-sql.ts";
import type { MeasuredRow } from "./measure-sql.ts";
import { aboutWords, FIGURE_WORDS, rounded, seenWords } from "./measure-words.ts";
import type { Measure } from "./read-measure.ts";

export interface MeasureWatchOptions {
  readonly book: Pick<RuleBook, "list">;
  readonly reader: IndexReader;
  readonly state: DetectionState;
  readonly sink: FindingSink;
  readonly clock: Clock;
  /** Of each tree, seconds that its oldest unpublished record waits; 0: nothing waits. */
  readonly checkpointAges: () => readonly { readonly tree: string; readonly ageS: number }[];
  /** True while the index does not hold what was journaled: figures would be wrong. */
  readonly isBehind: () => boolean;
  readonly onTrouble: (message: string) => void;
}

export const MEASURE_EVERY_MS = 15_000;
const LIMITS: QueryLimits = { timeoutMs: 30_000, maxRows: MAX_MEASURED_GROUPS, maxMemoryBytes: 400_000_000 };

interface Holding {
  readonly rule: Rule;
  readonly labels: Readonly<Record<string, string>>;
  readonly row: MeasuredRow;
}

export class MeasureWatch {
  readonly #options: MeasureWatchOptions;
  /** Since when a condition holds that has not held for long enough yet, by rule and labels. */
  readonly #pending = new Map<string, number>();
  /** Of what stands, the calls that it was told with where they are not asked for again, by rule and labels. */
  readonly #shown = new Map<string, MeasuredRow["records"]>();
  /** What came while nobody listened is not missing. */
  readonly #listeningSinceUs: number;
  #cancel: () => void = () => {};
  #looking: Promise<void> = Promise.resolve();
  #closed = false;
  #lookedAtUs = 0;

  constructor(options: MeasureWatchOptions) {
    this.#options = options;
    this.#listeningSinceUs = options.clock.nowUs();
    this.#again();
  }

  /** When it last looked at every measure; microseconds, 0: never. */
  lookedAtUs(): number {
    return this.#lookedAtUs;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#looking;
  }

  #again(): void {
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(MEASURE_EVERY_MS, () => {
      this.#looking = this.look().finally(() => this.#again());
    });
  }

  /** Looks at every measure that is switched on, once. Never rejects. */
  async look(): Promise<void> {
    const { book, onTrouble } = this.#options;
    const rules = book.list().filter((rule) => rule.on && rule.measure !== null);
    await this.#tell(() => this.#endOfOthers(new Set(rules.map(({ id }) => id))));
    for (const rule of rules) {
      try {
        const rows = await this.#measured(rule.measure!);
        if (rows !== null) await this.#judge(rule, rule.measure!, rows);
      } catch (error) {
        if (isTallystickError(error, "index_unavailable")) return;
        onTrouble(
          `the measure ${rule.id} could not be taken: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    this.#lookedAtUs = this.#options.clock.nowUs();
  }

  async #measured(measure: Measure): Promise<readonly MeasuredRow[] | null> {
    const { reader, clock, checkpointAges, isBehind } = this.#options;
    if (measure.of === "checkpoint_age")
      return checkpointAges().map(({ tree, ageS }) => ({
        labels: [tree],
        figure: ageS,
        before: null,
        calls: 1,
        records: [],
      }));
    if (isBehind() || clock.nowUs() - this.#listeningSinceUs < measure.windowS * 1_000_000) return null;
    const statement = measureStatement(measure, clock.nowUs())!;
    return (await reader.select<MeasuredRow>(statement, LIMITS)).rows;
  }

  async #judge(rule: Rule, measure: Measure, rows: readonly MeasuredRow[]): Promise<void> {
    const { state, clock } = this.#options;
    const nowUs = clock.nowUs();
    const holding = new Map<string, Holding>();
    for (const row of rows) {
      if (row.calls < measure.atLeast || !holds(measure, row)) continue;
      const labels = labelsOf(measure, row);
      holding.set(keyOf(rule.id, labels), { rule, labels, row });
    }
    for (const key of this.#pending.keys())
      if (key.startsWith(`${rule.id} `) && !holding.has(key)) this.#pending.delete(key);
    const standing = new Map(state.standing.map((one) => [keyOf(one.ruleId, one.labels), one]));
    const findings: Finding[] = [];
    const told: ToTell[] = [];
    for (const [key, { labels, row }] of holding) {
      const sinceUs = standing.get(key)?.sinceUs ?? this.#pending.get(key) ?? nowUs;
      const isNew = !standing.has(key);
      if (isNew) this.#pending.set(key, sinceUs);
      if (nowUs - sinceUs < measure.forS * 1_000_000 && isNew) continue;
      this.#pending.delete(key);
      standing.set(key, { ruleId: rule.id, labels, sinceUs });
      told.push({ key, labels, row, sinceUs, isNew });
    }
    if (measure.of === "match_rate") await this.#askExamples(measure, told);
    for (const { key, labels, row, sinceUs } of told) {
      const records = this.#shown.get(key) ?? row.records;
      findings.push(firing(rule, measure, labels, { ...row, records }, sinceUs, nowUs));
    }
    for (const [key, one] of standing) {
      if (one.ruleId !== rule.id || holding.has(key)) continue;
      standing.delete(key);
      this.#shown.delete(key);
      findings.push(over(rule, one, nowUs));
    }
    await this.#tell(() => ({ findings, standing: [...standing.values()] }));
  }

  /** What fires now is told also when they cannot be had. */
  async #askExamples(measure: Measure, told: readonly ToTell[]): Promise<void> {
    const { reader, clock, onTrouble } = this.#options;
    const fresh = told.filter(({ isNew }) => isNew).map(({ key, row }) => ({ key, group: row.labels }));
    if (fresh.length === 0) return;
    const keys = new Map(fresh.map(({ key, group }) => [JSON.stringify(group), key]));
    const groups = fresh.map(({ group }) => group);
    try {
      const statement = unmatchedStatement(measure, groups, clock.nowUs());
      const { rows } = await reader.select<Pick<MeasuredRow, "labels" | "records">>(statement, LIMITS);
      for (const { labels, records } of rows) {
        // A name with a line feed may be found for another one.
        const key = keys.get(JSON.stringify(labels));
        if (key !== undefined) this.#shown.set(key, records);
      }
    } catch (error) {
      onTrouble(
        `calls that did not match could not be read: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  /** What stands of rules that are switched off or gone is over. */
  #endOfOthers(ids: ReadonlySet<string>): Told {
    const { state, clock, book } = this.#options;
    const gone = state.standing.filter(({ ruleId }) => !ids.has(ruleId));
    for (const { ruleId, labels } of gone) this.#shown.delete(keyOf(ruleId, labels));
    const rules = new Map(book.list().map((rule) => [rule.id, rule]));
    return {
      findings: gone.flatMap((one) => {
        const rule = rules.get(one.ruleId);
        return rule === undefined ? [] : [over(rule, one, clock.nowUs())];
      }),
      standing: state.standing.filter(({ ruleId }) => ids.has(ruleId)),
    };
  }

  async #tell(make: () => Told): Promise<void> {
    const { sink, state, onTrouble } = this.#options;
    const { findings, standing } = make();
    if (findings.length === 0) return;
    try {
      await sink(findings);
      state.standing = standing;
      await state.save();
    } catch (error) {
      onTrouble(`findings could not be told: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

interface ToTell {
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly row: MeasuredRow;
  readonly sinceUs: number;
  /** It was not told before. */
  readonly isNew: boolean;
}

interface Told {
  readonly findings: readonly Finding[];
  readonly standing: readonly Standing[];
}

const keyOf = (id: string, labels: Readonly<Record<string, string>>): string => `${id} ${JSON.stringify(labels)}`;

function labelsOf(measure: Measure, row: MeasuredRow): Readonly<Record<string, string>> {
  if (measure.of === "checkpoint_age") return { tree: row.labels[0] ?? "" };
  return Object.fromEntries(measure.groupBy.map((name, at) => [name, row.labels[at] ?? ""]));
}

/** The figure that is compared: by itself, or against the time before. */
function comparedFigure(measure: Measure, { figure, before }: MeasuredRow): number | null {
  if (measure.relativeToS === null) return figure;
  return before === null || before === 0 ? null : figure / before;
}

export function holds(measure: Measure, row: MeasuredRow): boolean {
  const figure = comparedFigure(measure, row);
  if (figure === null) return false;
  const { operator, threshold } = measure;
  return {
    lt: figure < threshold,
    lte: figure <= threshold,
    gt: figure > threshold,
    gte: figure >= threshold,
    eq: figure === threshold,
  }[operator];
}

const SIGNS = { lt: "below", lte: "at most", gt: "above", gte: "at least", eq: "exactly" } as const;

function firing(
  rule: Rule,
  measure: Measure,
  labels: Readonly<Record<string, string>>,
  row: MeasuredRow,
  startsAtUs: number,
  seenAtUs: number,
): Finding {
  const { of, relativeToS, operator, threshold } = measure;
  const seen = seenWords(measure, row.figure, row.before);
  const about = aboutWords(labels);
  const limit = relativeToS === null ? rounded(threshold) : `${rounded(threshold)} times what it was`;
  return {
    ...common(rule, labels),
    state: "firing",
    startsAtUs,
    seenAtUs,
    summary: `${rule.heading.title}: ${about === "" ? "" : `${about}: `}${seen}`,
    expected:
      relativeToS === null
        ? `not ${SIGNS[operator]} ${limit}`
        : `${FIGURE_WORDS[of](row.before ?? 0)}, and not ${SIGNS[operator]} ${limit}`,
    seen,
    records: row.records.map(([tree, leafIndex, callId]) => ({ tree, leafIndex, callId })),
    count: row.calls,
  };
}

function over(rule: Rule, { labels, sinceUs }: Standing, seenAtUs: number): Finding {
  return {
    ...common(rule, labels),
    state: "resolved",
    startsAtUs: sinceUs,
    seenAtUs,
    summary: `${rule.heading.title}: over`,
    expected: "the condition does not hold",
    seen: "it does not hold any more",
    records: [],
    count: 0,
  };
}

function common({ id, version, heading }: Rule, labels: Readonly<Record<string, string>>) {
  return {
    ruleId: id,
    ruleVersion: version,
    title: heading.title,
    kind: "measure" as const,
    level: heading.level,
    tags: heading.tags,
    labels,
    check: "Look at the edge on the map of services, and at its first failing call.",
    silence:
      "While it is meant to be so, silence these labels; where the threshold is wrong, write the rule anew with your own.",
    ...(heading.runbookUrl === null ? {} : { runbookUrl: heading.runbookUrl }),
    quiet: false,
  };
}
