import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Alerting } from "../alert/open-alerting.ts";
import { isVisible } from "../alert/visible.ts";
import type { Clock } from "../clock.ts";
import { backtest } from "../detect/backtest.ts";
import type { Backtest } from "../detect/backtest.ts";
import { LEVELS } from "../detect/finding.ts";
import { MAX_RULE_TEXT_BYTES } from "../detect/limits.ts";
import { backtestMeasure } from "../detect/measure/measure-backtest.ts";
import type { Rule, RuleBook } from "../detect/rule-book.ts";
import { RuleFault } from "../detect/sigma/fault.ts";
import { TallystickError } from "../errors.ts";
import type { IndexReader } from "../index/index-seam.ts";
import type { Scope } from "../search/scope.ts";
import { parseInstant } from "../search/time.ts";
import { atOrNull } from "./alert-schemas.ts";
import { NOT_OF_THE_LOG, recordsIn } from "./recorded-reads.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { goneSignal } from "./search-query.ts";

export interface RulesRoutesParts {
  readonly detection: {
    readonly book: RuleBook;
    readonly reader: IndexReader;
    /** Why a rule that is switched on does not run; null: it does. */
    readonly setAside: (rule: Rule) => string | null;
  };
  readonly alerting: Alerting;
  readonly clock: Clock;
}

const TAGS = ["rules"];
const orNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const ById = Type.Object({ id: Type.String({ description: "The rule's id." }) });
const Text = Type.String({ minLength: 1, maxLength: MAX_RULE_TEXT_BYTES, description: "YAML in Sigma's format." });

const Shown = {
  id: Type.String(),
  version: Type.Integer({ description: "Grows with each text." }),
  title: Type.String(),
  kind: Type.Enum(["sigma", "measure"]),
  origin: Type.Enum(["builtin", "own"]),
  level: Type.Enum([...LEVELS]),
  status: Type.String(),
  description: Type.String(),
  tags: Type.Array(Type.String()),
  false_positives: Type.Array(Type.String()),
  runbook_url: orNull(
    Type.String({
      description: "What its alerts name: its own key, else by the configuration's `alerts.runbook_url`.",
    }),
  ),
  on: Type.Boolean(),
  set_aside: orNull(Type.String({ description: "Why it does not run though it is switched on." })),
  changed_by: orNull(Type.String()),
  changed_at: orNull(Type.String()),
};
const ListedRule = Type.Object(Shown);
const FoundRule = Type.Object({
  ...Shown,
  alerts: Type.Object(
    {
      open: Type.Integer(),
      raised: Type.Integer(),
      hits: Type.Integer({ description: "Records that they found." }),
      last_at: orNull(Type.String({ description: "When it found something last." })),
    },
    { description: "Of the alerts that are kept and that the reader may see." },
  ),
});
const WholeRule = Type.Object({ ...Shown, text: Type.String() });

export function rulesRoutes(app: FastifyInstance, parts: RulesRoutesParts): void {
  readRoutes(app, parts);
  changeRoutes(app, parts);
  checkRoute(app, parts);
  testRoute(app, parts);
}

function readRoutes(app: FastifyInstance, parts: RulesRoutesParts): void {
  const { detection: rules, alerting } = parts;
  app.get(
    "/api/rules",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "The rules that there are, and which are switched on",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ rules: Type.Array(FoundRule) }), ...problems(401, 403) },
      },
    },
    (request) => {
      const alerts = alertsByRule(alerting, scopeOf(request));
      return { rules: rules.book.list().map((rule) => ({ ...shown(parts, rule), alerts: alertsOf(alerts, rule.id) })) };
    },
  );
  app.get<{ Params: Static<typeof ById> }>(
    "/api/rules/:id",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "One rule with its text",
        tags: TAGS,
        params: ById,
        response: { 200: WholeRule, ...problems(401, 403, 404) },
      },
    },
    async ({ params }) => {
      const rule = found(rules.book.find(params.id));
      return { ...shown(parts, rule), text: rule.text };
    },
  );
}

interface RuleAlerts {
  open: number;
  raised: number;
  hits: number;
  lastUs: number | null;
}

function alertsByRule({ alerts }: Alerting, scope: Scope): ReadonlyMap<string, RuleAlerts> {
  const found = new Map<string, RuleAlerts>();
  for (const alert of alerts.list()) {
    if (!isVisible(scope, alert)) continue;
    const { ruleId, count, seenAtUs } = alert.finding;
    const of = found.get(ruleId) ?? { open: 0, raised: 0, hits: 0, lastUs: null };
    found.set(ruleId, of);
    if (alert.state !== "resolved") of.open++;
    of.raised++;
    of.hits += count;
    of.lastUs = Math.max(of.lastUs ?? 0, seenAtUs);
  }
  return found;
}

function alertsOf(alerts: ReadonlyMap<string, RuleAlerts>, id: string): Static<typeof FoundRule>["alerts"] {
  const { open, raised, hits, lastUs } = alerts.get(id) ?? { open: 0, raised: 0, hits: 0, lastUs: null };
  return { open, raised, hits, last_at: atOrNull(lastUs) };
}

function changeRoutes(app: FastifyInstance, parts: RulesRoutesParts): void {
  const { detection: rules } = parts;
  app.post<{ Body: { readonly text: string } }>(
    "/api/rules",
    {
      config: { access: "manage" },
      schema: {
        summary: "Add a rule, or a new version of it, by its id; it is switched off till somebody switches it on",
        tags: TAGS,
        body: Type.Object({ text: Text }, { additionalProperties: false }),
        response: { 201: ListedRule, ...problems(400, 401, 403, 409, 503) },
      },
    },
    async (request, reply) => {
      const rule = await rules.book.set(principalOf(request).name, request.body.text);
      return reply.code(201).send(shown(parts, rule));
    },
  );
  app.put<{ Params: Static<typeof ById>; Body: { readonly on: boolean } }>(
    "/api/rules/:id/on",
    {
      config: { access: "manage" },
      schema: {
        summary: "Switch a rule on or off",
        tags: TAGS,
        params: ById,
        body: Type.Object({ on: Type.Boolean() }, { additionalProperties: false }),
        response: { 200: ListedRule, ...problems(400, 401, 403, 404, 503) },
      },
    },
    (request) => switched(parts, request),
  );
  app.delete<{ Params: Static<typeof ById> }>(
    "/api/rules/:id",
    {
      config: { access: "manage" },
      schema: {
        summary: "Remove a rule of your own",
        tags: TAGS,
        params: ById,
        response: { 200: ById, ...problems(400, 401, 403, 404, 503) },
      },
    },
    (request) => removed(rules, request),
  );
}

type Rules = RulesRoutesParts["detection"];

async function switched(
  parts: RulesRoutesParts,
  request: FastifyRequest<{ Params: Static<typeof ById>; Body: { readonly on: boolean } }>,
): Promise<Static<typeof ListedRule>> {
  const rule = await parts.detection.book.switchTo(principalOf(request).name, request.params.id, request.body.on);
  return shown(parts, found(rule));
}

async function removed(
  rules: Rules,
  request: FastifyRequest<{ Params: Static<typeof ById> }>,
): Promise<Static<typeof ById>> {
  const { id } = request.params;
  if (!(await rules.book.remove(principalOf(request).name, id))) throw noRule();
  return { id };
}

const CheckAnswer = Type.Object({
  rule: orNull(
    Type.Object({
      id: Type.String(),
      title: Type.String(),
      kind: Shown.kind,
      level: Shown.level,
      takes: Type.Enum(["new", "own", "builtin"], {
        description: "Whether there is a rule of that id; one of Tallystick's own cannot be replaced.",
      }),
    }),
  ),
  fault: orNull(Type.Object({ line: Type.Integer(), column: Type.Integer(), reason: Type.String() })),
});

function checkRoute(app: FastifyInstance, { detection: rules }: RulesRoutesParts): void {
  app.post<{ Body: { readonly text: string } }>(
    "/api/rules/check",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Whether a rule's text would be taken, or where it is refused and why; nothing is kept",
        tags: TAGS,
        body: Type.Object({ text: Text }, { additionalProperties: false }),
        response: { 200: CheckAnswer, ...problems(400, 401, 403) },
      },
    },
    async ({ body }): Promise<Static<typeof CheckAnswer>> => {
      const read = rules.book.check(body.text);
      if (read instanceof RuleFault) return { rule: null, fault: { ...read.place, reason: read.message } };
      const { id, kind, heading } = read;
      const takes = rules.book.find(id)?.origin ?? "new";
      return { rule: { id, title: heading.title, kind, level: heading.level, takes }, fault: null };
    },
  );
}

const TestBody = Type.Object(
  {
    text: Type.Optional(Text),
    id: Type.Optional(Type.String({ description: "A rule that there is, in the place of a text." })),
    from: Type.Optional(Type.String({ description: "Inclusive; RFC 3339, a date, or now-30d.", default: "now-30d" })),
    to: Type.Optional(Type.String({ description: "Exclusive.", default: "now" })),
  },
  { additionalProperties: false },
);

const Sample = Type.Object({
  tree: Type.String(),
  leaf_index: Type.Integer(),
  call_id: Type.String(),
  timestamp: Type.String(),
  received_at: Type.String(),
  caller: Type.String(),
  callee: Type.String(),
  operation: Type.String(),
});

const Fired = Type.Object({
  labels: Type.Record(Type.String(), Type.String()),
  since: Type.String({ description: "Since when the condition held." }),
  fired_at: Type.String({ description: "When it had held for as long as the measure says." }),
  over_at: orNull(Type.String({ description: "Null: it held up to the end of the period." })),
  seen: Type.String({ description: "The figure that was furthest off." }),
  calls: Type.Integer(),
});

function testRoute(app: FastifyInstance, { detection: rules, clock }: RulesRoutesParts): void {
  app.post<{ Body: Static<typeof TestBody> }>(
    "/api/rules/test",
    {
      config: { access: "read", reads: recordsIn(({ sample }: Backtest) => sample.length, askedOf) },
      schema: {
        summary: "Run a rule over the past: how often it would have found something",
        description:
          "Over what the reader may see, by when it happened; a measure by when it was received, as it is taken live.",
        tags: TAGS,
        body: TestBody,
        response: {
          200: Type.Object({
            hits: Type.Integer(),
            per_day: Type.Number(),
            days: Type.Array(Type.Object({ day: Type.String(), hits: Type.Integer() })),
            width_ms: Type.Number({ description: "Of the buckets, as a histogram of the same period has them." }),
            buckets: Type.Array(Type.Object({ from: Type.String(), hits: Type.Integer() }), {
              description: "Those with hits.",
            }),
            sample: Type.Array(Sample, {
              description: "The latest ones; of a measure a record of each, if there is one.",
            }),
            fired: Type.Optional(
              Type.Array(Fired, { description: "Of a measure: the latest times at which it would have fired." }),
            ),
            from: Type.String(),
            to: Type.String(),
            elapsed_ms: Type.Number(),
          }),
          ...problems(400, 401, 403, 404, 422, 503, 504),
        },
      },
    },
    (request, reply) => {
      const { text, id, from = "now-30d", to = "now" } = request.body;
      if ((text === undefined) === (id === undefined))
        throw new TallystickError("bad_request", "Name a rule by its id, or give its text.");
      const rule = text === undefined ? found(rules.book.find(id ?? "")) : rules.book.read(text);
      const nowUs = clock.nowUs();
      const period = { fromUs: parseInstant(from, nowUs, "from"), toUs: parseInstant(to, nowUs, "to") };
      const signal = goneSignal(reply);
      return rule.sigma === null
        ? backtestMeasure(rules.reader, scopeOf(request), rule.measure!, period, signal)
        : backtest(rules.reader, scopeOf(request), rule.sigma, period, signal);
    },
  );
}

/** A rule's text is a query: it is recorded as one. */
function askedOf({ text, id, from, to }: Static<typeof TestBody>) {
  return { q: text, id, from, to };
}

function shown({ detection: rules, alerting }: RulesRoutesParts, rule: Rule): Static<typeof ListedRule> {
  const { id, version, kind, origin, on, heading, changedBy, changedAt } = rule;
  const { title, level, status, description, tags, falsePositives } = heading;
  return {
    id,
    version,
    title,
    kind,
    origin,
    level,
    status,
    description,
    tags: [...tags],
    false_positives: [...falsePositives],
    runbook_url: alerting.alerts.runbookOf(id, heading.runbookUrl),
    on,
    set_aside: on ? rules.setAside(rule) : null,
    changed_by: changedBy,
    changed_at: changedAt,
  };
}

const noRule = () =>
  new TallystickError("not_found", "There is no rule of that id.", { hint: "`tallystick rules list` shows them." });

function found(rule: Rule | null): Rule {
  if (rule === null) throw noRule();
  return rule;
}
