/**
 * How much of the public rules runs, and whether what runs is right: every rule under DIR/rules* is compiled or refused
 * with a reason; every event under DIR/regression_data goes through all of them in the engine, and each answer is
 * compared with an evaluator that was written independently; then random rules over random events the same way.
 * `npm run bench -- sigma --data DIR [--random 2000] [--events 400] [--seed 1]`
 *
 * DIR is a checkout of SigmaHQ/sigma, or a part of one. A file of events says in the info.yml beside it whose they
 * are and how many of them are found (`match_count`); where it does not say, one is, and others are listed. The exit
 * code is 1 when less than 97% compile, when a rule in DIR finds fewer of its own events than that, is refused or has
 * none that can be read, or when engine and evaluator differ.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { parseArgs } from "node:util";

import { checkRules, type CheckedRule } from "../packages/server/src/detect/sigma/check.ts";
import { openEventEngine, type EventEngine } from "../packages/server/src/detect/sigma/event-engine.ts";
import { plainRule } from "../packages/server/src/detect/sigma/plain-evaluator.contract.ts";
import { randomEvents, randomRules } from "../packages/server/src/detect/sigma/random-rules.contract.ts";
import { readEvents } from "../packages/server/src/detect/sigma/read-events.ts";
import { realClock } from "../packages/server/src/real-clock.ts";

const { values: options } = parseArgs({
  options: {
    data: { type: "string" },
    random: { type: "string", default: "2000" },
    events: { type: "string", default: "400" },
    seed: { type: "string", default: "1" },
  },
});
const DATA = options.data;
if (DATA === undefined) {
  process.stderr.write("--data DIR is missing: a checkout of SigmaHQ/sigma, or a part of one\n");
  process.exit(2);
}
const NEEDED_SHARE = 0.97;
const SHOWN = 20;

function filesUnder(folder: string, ending: RegExp): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path, ending);
    return ending.test(entry.name) ? [path] : [];
  });
}

/** Events that somebody says a rule must find. */
interface Declared {
  readonly ruleId: string;
  /** Within DIR. */
  readonly file: string;
  /** Places among all events. */
  readonly events: readonly number[];
  /** Null: it does not say. */
  readonly matches: number | null;
}

function regressionExamples(folder: string): {
  readonly events: readonly unknown[];
  readonly declared: readonly Declared[];
} {
  const events: unknown[] = [];
  const declared = filesUnder(folder, /^info\.yml$/).flatMap((info): readonly Declared[] => {
    const [about = "", tests] = readFileSync(info, "utf8").split(/^regression_tests_info:/m);
    // Some have their tests commented out.
    if (tests === undefined) return [];
    const metadata = about.split(/^rule_metadata:/m)[1] ?? "";
    const ruleIds = [...metadata.matchAll(/\bid: ([0-9a-f-]{36})\b/g)].flatMap(([, id]) => id ?? []);
    const count = /^ *match_count: *(\d+)/m.exec(tests)?.[1];
    const places = filesUnder(join(info, ".."), /\.json$/).flatMap((file) =>
      readEvents(readFileSync(file, "utf8")).map((event) => events.push(event) - 1),
    );
    const of = { file: relative(folder, info), events: places, matches: count === undefined ? null : Number(count) };
    return ruleIds.map((ruleId) => ({ ruleId, ...of }));
  });
  return { events, declared };
}

/** What is declared and does not hold, and what is found beside it or not found. */
function declarations(
  declared: readonly Declared[],
  checked: readonly CheckedRule[],
  hitsOf: (id: string) => ReadonlySet<number>,
) {
  const of = declared.map((one) => ({ ...one, rule: checked.find(({ id }) => id === one.ruleId) }));
  const broken: string[] = [];
  const other: string[] = [];
  for (const { ruleId, rule, file, events, matches } of of) {
    const count = events.filter((at) => hitsOf(ruleId).has(at)).length;
    const said = `${ruleId}: finds ${count} of ${events.length} events; declared: ${matches ?? "not how many"} (${file})`;
    if (rule === undefined) continue;
    if (rule.fault !== null) broken.push(`${ruleId}: is refused (${file})`);
    else if (events.length === 0) broken.push(`${ruleId}: has no events that can be read (${file})`);
    else if (count < (matches ?? 1)) broken.push(said);
    else if (count !== (matches ?? events.length)) other.push(said);
  }
  return {
    // Of a part of the corpus some rules are not there.
    declared: of.filter(({ rule }) => rule !== undefined).length,
    declared_of_rules_not_in_dir: of.filter(({ rule }) => rule === undefined).length,
    declared_that_does_not_hold: broken,
    not_declared_and_otherwise: other,
  };
}

/** `title: event` of each answer in which the two differ. */
function differences(
  rules: readonly { readonly title: string; readonly text: string }[],
  found: readonly (readonly number[])[],
  events: readonly unknown[],
): { readonly compared: number; readonly different: readonly string[]; readonly unknown: readonly string[] } {
  const different: string[] = [];
  const unknown = new Set<string>();
  let compared = 0;
  rules.forEach(({ title, text }, rule) => {
    const hits = new Set(found[rule]);
    try {
      const matches = plainRule(text);
      events.forEach((event, position) => {
        compared++;
        if (matches(event) !== hits.has(position))
          different.push(`${title}: event ${position}: the engine says ${String(hits.has(position))}`);
      });
    } catch (error) {
      unknown.add(`${title}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  return { compared, different, unknown: [...unknown] };
}

async function publicRules(engine: EventEngine, folder: string) {
  const ruleFolders = readdirSync(folder).filter((name) => name.startsWith("rules"));
  const files = ruleFolders.flatMap((name) => filesUnder(join(folder, name), /\.ya?ml$/));
  const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));
  const started = performance.now();
  const checked = checkRules([...texts].map(([file, text]) => ({ file, text })));
  const checkMs = performance.now() - started;
  const refused = checked.filter(({ fault }) => fault !== null);
  const compiled = checked.filter((rule): rule is CheckedRule & { rule: object } => rule.rule !== null);
  const { events, declared } = regressionExamples(join(folder, "regression_data"));
  const runStarted = performance.now();
  const found = await engine.run(
    compiled.flatMap(({ rule }) => rule ?? []),
    events,
    events.map((_, position) => position),
  );
  const runMs = performance.now() - runStarted;
  const own = compiled.map(({ id }) => declared.flatMap(({ ruleId, events: of }) => (ruleId === id ? of : [])));
  const others = found.reduce((sum, hits, rule) => sum + hits.filter((at) => !own[rule]!.includes(at)).length, 0);
  const hits = new Map(compiled.map(({ id }, rule) => [id, new Set(found[rule])]));
  const told = compiled.map(({ file, title }) => ({ title: title ?? basename(file), text: texts.get(file)! }));
  const { compared, different, unknown } = differences(told, found, events);
  return {
    rules: checked.length,
    compiled: checked.length - refused.length,
    share: Math.floor((10_000 * (checked.length - refused.length)) / checked.length) / 10_000,
    refused: refused.map(
      ({ file, fault }) => `${relative(folder, file)}:${fault!.place.line}:${fault!.place.column}: ${fault!.message}`,
    ),
    check_ms: Math.round(checkMs),
    events: events.length,
    run_ms: Math.round(runMs),
    rules_with_events: own.filter((list) => list.length > 0).length,
    ...declarations(declared, checked, (id) => hits.get(id) ?? new Set()),
    matches_of_other_rules: others,
    compared_with_the_evaluator: compared,
    different: different.length,
    examples_of_difference: different.slice(0, SHOWN),
    not_evaluated: unknown.slice(0, SHOWN),
  };
}

const PER_ROUND = 200;

async function randomly(engine: EventEngine, count: number, eventCount: number, seed: number) {
  const different: string[] = [];
  let compared = 0;
  let refused = 0;
  let matches = 0;
  for (let done = 0, round = 0; done < count; done += PER_ROUND, round++) {
    const rules = randomRules(Math.min(PER_ROUND, count - done), seed * 1_000 + round);
    const events = randomEvents(eventCount, seed * 1_000 + round);
    const checked = checkRules(rules.map((text, at) => ({ file: String(at), text })));
    const sound = checked.flatMap(({ rule, file }) => (rule === null ? [] : [{ rule, text: rules[Number(file)]! }]));
    refused += checked.length - sound.length;
    const found = await engine.run(
      sound.map(({ rule }) => rule),
      events,
      events.map((_, position) => position),
    );
    matches += found.reduce((sum, hits) => sum + hits.length, 0);
    const answer = differences(
      sound.map(({ text }) => ({ title: text, text })),
      found,
      events,
    );
    compared += answer.compared;
    different.push(...answer.different, ...answer.unknown);
    process.stderr.write(`\r${done + rules.length} random rules`);
  }
  process.stderr.write("\n");
  return { rules: count, refused, compared, matches, different: different.length, examples: different.slice(0, SHOWN) };
}

const folder = mkdtempSync(join(tmpdir(), "tallystick-bench-sigma-"));
const engine = await openEventEngine({ folder, clock: realClock(), environment: process.env });
try {
  const corpus = await publicRules(engine, DATA);
  const random = await randomly(engine, Number(options.random), Number(options.events), Number(options.seed));
  process.stdout.write(`${JSON.stringify({ corpus, random }, null, 2)}\n`);
  const isGood =
    corpus.share >= NEEDED_SHARE &&
    corpus.declared_that_does_not_hold.length === 0 &&
    corpus.different === 0 &&
    random.different === 0;
  process.exitCode = isGood ? 0 : 1;
} finally {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
}
