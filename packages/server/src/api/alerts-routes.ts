import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Alert } from "../alert/alert.ts";
import type { AlertDeed } from "../alert/alerts.ts";
import { labelsOf, matchesAll, parseMatchers } from "../alert/matchers.ts";
import type { Alerting } from "../alert/open-alerting.ts";
import { isVisible } from "../alert/visible.ts";
import { LEVELS } from "../detect/finding.ts";
import type { Level } from "../detect/finding.ts";
import { TallystickError } from "../errors.ts";
import { ALERT_STATES, shownAlert } from "./alert-schemas.ts";
import { recordsIn } from "./recorded-reads.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface AlertsRoutesParts {
  readonly alerting: Alerting;
}

const TAGS = ["alerts"];
const MAX_PAGE = 1_000;

const ListQuery = query({
  state: Type.Optional(Type.Enum([...ALERT_STATES, "open"], { description: "open: not resolved." })),
  level: Type.Optional(Type.Enum([...LEVELS], { description: "This level and those above it." })),
  match: Type.Optional(
    Type.Array(Type.String({ maxLength: 1_024 }), { description: "Matchers, as service=orders.", maxItems: 32 }),
  ),
  quiet: Type.Optional(Type.Boolean({ description: "Also those that notify nobody; the default is true." })),
  suppressed: Type.Optional(Type.Boolean({ description: "Also suppressed ones; the default is true." })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: 100 })),
  before: Type.Optional(Type.String({ description: "An alert's id: those that were raised before it." })),
});
interface Asked {
  readonly state?: Alert["state"] | "open";
  readonly level?: Level;
  readonly match?: readonly string[];
  readonly quiet?: boolean;
  readonly suppressed?: boolean;
  readonly limit?: number;
  readonly before?: string;
}

const Counts = Type.Object({
  firing: Type.Integer(),
  acknowledged: Type.Integer(),
  suppressed: Type.Integer({ description: "Of those that are open." }),
  quiet: Type.Integer({ description: "Of those that are open." }),
  resolved: Type.Integer(),
});

const DeedBody = Type.Object(
  {
    comment: Type.Optional(Type.String({ maxLength: 2_048 })),
    assignee: Type.Optional(Type.String({ maxLength: 256, description: "Empty: nobody." })),
  },
  { additionalProperties: false },
);

const DEEDS: Readonly<Record<AlertDeed, string>> = {
  acknowledge: "Take an alert on: it is repeated no more",
  assign: "Give an alert to somebody",
  comment: "Say something about an alert",
  resolve: "Say that an alert is over",
  reopen: "Take back that an alert is over",
};

/** Alerts, and what people do about them. */
export function alertsRoutes(app: FastifyInstance, { alerting }: AlertsRoutesParts): void {
  app.get(
    "/api/alerts",
    {
      config: { access: "read", reads: recordsIn(({ alerts }: { alerts: readonly unknown[] }) => alerts.length) },
      schema: {
        summary: "Alerts, newest first",
        tags: TAGS,
        querystring: ListQuery,
        response: {
          200: Type.Object({ alerts: Type.Array(Type.Ref("Alert")), counts: Counts }),
          ...problems(400, 401, 403),
        },
      },
    },
    async (request: FastifyRequest<{ Querystring: Asked }>, reply) => reply.send(list(alerting, request)),
  );
  app.get(
    "/api/alerts/:id",
    {
      config: { access: "read", reads: recordsIn(() => 1) },
      schema: {
        summary: "One alert, and what became of it",
        tags: TAGS,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: Type.Ref("Alert"), ...problems(401, 403, 404) },
      },
    },
    async (request, reply) => reply.send(shownAlert(visible(alerting, request))),
  );
  for (const deed of Object.keys(DEEDS) as readonly AlertDeed[]) deedRoute(app, alerting, deed);
}

function deedRoute(app: FastifyInstance, alerting: Alerting, deed: AlertDeed): void {
  app.post(
    `/api/alerts/:id/${deed}`,
    {
      config: { access: "alert" },
      schema: {
        summary: DEEDS[deed],
        tags: TAGS,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        body: Type.Union([DeedBody, Type.Null()]),
        response: { 200: Type.Ref("Alert"), ...problems(400, 401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const { comment = "", assignee } = (request.body ?? {}) as Static<typeof DeedBody>;
      const { name } = principalOf(request);
      const { id } = visible(alerting, request);
      if (deed !== "assign") return reply.send(shownAlert(await alerting.alerts.act(name, id, deed, comment)));
      const assigned = await alerting.alerts.act(name, id, "assign", assignee ?? name);
      const alert = comment === "" ? assigned : await alerting.alerts.act(name, id, "comment", comment);
      return reply.send(shownAlert(alert));
    },
  );
}

function list({ alerts }: Alerting, request: FastifyRequest<{ Querystring: Asked }>): object {
  const { before, limit = 100 } = request.query;
  const scope = scopeOf(request);
  const all = alerts.list().filter((alert) => isVisible(scope, alert));
  const found = all.filter(wanted(request.query));
  const from = before === undefined ? 0 : found.findIndex(({ id }) => id === before) + 1;
  return { alerts: found.slice(from, from + limit).map(shownAlert), counts: countsOf(all) };
}

function wanted({ state, level, match = [], quiet = true, suppressed = true }: Asked): (alert: Alert) => boolean {
  const matchers = parseMatchers(match);
  const lowest = level === undefined ? 0 : LEVELS.indexOf(level);
  const isInState = (alert: Alert) =>
    state === undefined || alert.state === state || (state === "open" && alert.state !== "resolved");
  return (alert) =>
    isInState(alert) &&
    LEVELS.indexOf(alert.finding.level) >= lowest &&
    (quiet || !alert.finding.quiet) &&
    (suppressed || alert.suppressedBy === null) &&
    matchesAll(matchers, labelsOf(alert));
}

function countsOf(alerts: readonly Alert[]): Static<typeof Counts> {
  const count = (test: (alert: Alert) => boolean) => alerts.filter(test).length;
  const isOpen = ({ state }: Alert) => state !== "resolved";
  return {
    firing: count(({ state }) => state === "firing"),
    acknowledged: count(({ state }) => state === "acknowledged"),
    suppressed: count((alert) => isOpen(alert) && alert.suppressedBy !== null),
    quiet: count((alert) => isOpen(alert) && alert.finding.quiet),
    resolved: count(({ state }) => state === "resolved"),
  };
}

/** As if it were not there for who may not know of it. */
function visible({ alerts }: Alerting, request: FastifyRequest): Alert {
  const { id } = request.params as { readonly id: string };
  const alert = alerts.find(id);
  if (alert !== null && isVisible(scopeOf(request), alert)) return alert;
  throw new TallystickError("not_found", "There is no alert of this id.", {
    hint: "`tallystick alerts list` shows them; what is long over is in the log alone: search 'event_type:ALERT'.",
  });
}
