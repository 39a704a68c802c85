import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";

import type { Backtest } from "../detect/backtest.ts";
import { checkTexts } from "../detect/check-texts.ts";
import { aboutWords } from "../detect/measure/measure-words.ts";
import { isMeasureText } from "../detect/measure/read-measure.ts";
import type { CheckedRule } from "../detect/sigma/check.ts";
import { openEventEngine } from "../detect/sigma/event-engine.ts";
import type { LinkedRule } from "../detect/sigma/link.ts";
import { eventTimes, readEvents } from "../detect/sigma/read-events.ts";
import { realClock } from "../real-clock.ts";
import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { more, readRuleFiles, readSettings, readText } from "./rule-files.ts";
import type { SettingOptions } from "./rule-files.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface TestOptions extends SettingOptions, TargetOptions {
  readonly events?: string;
  readonly since?: string;
  readonly until?: string;
  readonly json?: boolean;
}

export function testCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("test")
      .description("try a rule: over events of a file, without a server, or over a server's past")
      .argument(
        "<rule>",
        "a file of rules, in which a correlation counts for those that it is made of; of a server also an id",
      ),
  )
    .option("--events <file>", "JSON events, one a line or one after the other, or a list of them")
    .option("--placeholders <file>", "YAML: values of the placeholders that `expand` asks for")
    .option("--pipeline <file>", "a processing pipeline, or webserver or ecs of ours; may be given again", more, [])
    .option("--since <time>", "over a server's records from then on; RFC 3339, a date, or 30d")
    .option("--until <time>", "until before then")
    .option("--json", "as JSON: how many events there are, and the positions of those found, from 0")
    .action((rule: string, options: TestOptions) =>
      run(() => {
        if (options.events !== undefined) return testOverEvents(parts, rule, options);
        if (options.since !== undefined) return testOverPast(parts, rule, options);
        throw new CommandError("name --events, or --since for a server's records");
      }),
    );
}

async function testOverPast(parts: CliParts, rule: string, options: TestOptions): Promise<Outcome> {
  const { terminal } = parts;
  const client = connectTo(await findTarget(parts, options), parts.fetch);
  const ago = (text: string): string => (/^\d+[smhd]$/.test(text) ? `now-${text}` : text);
  const isId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(rule);
  const found = await client.send<Backtest>("POST", "/api/rules/test", {
    ...(isId ? { id: rule.toLowerCase() } : { text: await readText(rule) }),
    from: ago(options.since ?? ""),
    ...(options.until === undefined ? {} : { to: ago(options.until) }),
  });
  if (options.json === true) terminal.json(found);
  else {
    for (const { labels, since, fired_at: at, over_at: over, seen } of found.fired ?? [])
      terminal.line(
        `${timeText(at, false)}  ${aboutWords(labels)}  ${seen}  since ${timeText(since, false)}${over === null ? "" : ` until ${timeText(over, false)}`}`,
      );
    for (const { tree, leaf_index: leaf, received_at: at, caller, callee, operation } of found.fired === undefined
      ? found.sample
      : [])
      terminal.line(`${timeText(at, false)}  ${caller} > ${callee}  ${operation}  ${tree}:${leaf}`);
    terminal.note(`${found.hits} hits from ${found.from} to ${found.to}, ${found.per_day} a day`);
  }
  return EXIT.ok;
}

async function testOverEvents(parts: CliParts, path: string, options: TestOptions): Promise<Outcome> {
  const { terminal } = parts;
  const files = await readRuleFiles([path]);
  const rules = soundRules(checkTexts(files, await readSettings(options, parts.pipelinesFolder)));
  if (rules.length === 0 && files.some(({ text }) => isMeasureText(text ?? "")))
    throw new CommandError("a measure looks at a server's traffic, not at events", {
      hint: "Try it with --since 30d.",
    });
  if (rules.length === 0) throw new CommandError("there is no rule in the file that finds anything by itself");
  const events = readEvents(await readText(options.events ?? ""));
  const times = eventTimes(events);
  if (times === null && rules.some(({ kind }) => kind === "correlation"))
    throw new CommandError("an event has no time, and a correlation needs one", {
      hint: "Give each event a `timestamp` or `@timestamp`.",
    });
  const found = await runOver(parts, rules, events, times ?? events.map((_, position) => position));
  const matched = [...new Set(found.flat())].toSorted((one, other) => one - other);
  if (options.json === true) terminal.line(JSON.stringify({ total: events.length, matched }));
  else {
    for (const position of matched) terminal.line(`${position}: ${JSON.stringify(events[position]).slice(0, 400)}`);
    terminal.note(`${matched.length} of ${events.length} events match`);
  }
  return EXIT.ok;
}

/** What a file's rules find: those of which a correlation is made count with it, unless it says otherwise. */
function soundRules(checked: readonly CheckedRule[]): readonly LinkedRule[] {
  const refused = checked.find(({ fault }) => fault !== null);
  if (refused?.fault) {
    const { line, column } = refused.fault.place;
    throw new CommandError(`${refused.file}:${line}:${column}: refused: ${refused.fault.message}`, {
      code: "rule_refused",
    });
  }
  const rules = checked.flatMap(({ rule }) => rule ?? []);
  const parts = new Set(
    rules.flatMap((rule) =>
      rule.kind === "correlation" && !rule.rule.generate ? rule.of.map((of) => of.rule.rule) : [],
    ),
  );
  return rules.filter(({ rule }) => !parts.has(rule));
}

async function runOver(
  { environment }: CliParts,
  rules: readonly LinkedRule[],
  events: readonly unknown[],
  timesUs: readonly number[],
): Promise<readonly (readonly number[])[]> {
  if (events.length === 0) return [];
  const folder = await mkdtemp(join(tmpdir(), "tallystick-rules-"));
  try {
    const engine = await openEventEngine({ folder, clock: realClock(), environment });
    try {
      return await engine.run(rules, events, timesUs);
    } finally {
      await engine.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
