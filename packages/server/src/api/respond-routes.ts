import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Alerting } from "../alert/open-alerting.ts";
import { ACTION_KINDS } from "../alert/respond/action.ts";
import type { Action, ActionState } from "../alert/respond/action.ts";
import { isActionVisible, mayActOn } from "../alert/visible.ts";
import { noResponse } from "../alert/respond/responses.ts";
import { TallystickError } from "../errors.ts";
import { atOrNull, NullableTime } from "./alert-schemas.ts";
import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface RespondRoutesParts {
  readonly alerting: Alerting;
  /** Seconds that a block lasts which does not say it. */
  readonly blockForS: number;
}

const TAGS = ["respond"];
const NullableText = Type.Union([Type.String(), Type.Null()]);
const STATES = ["proposed", "active", "dry_run", "done", "undone", "expired", "rejected"] as const;

const ResponseSchema = Type.Object({
  id: Type.String(),
  kind: Type.Enum([...ACTION_KINDS]),
  target: Type.Record(Type.String(), Type.String()),
  state: Type.Enum([...STATES], { description: "proposed: a second person must approve. dry_run: it had no effect." }),
  reason: Type.String(),
  by: Type.String(),
  rule: NullableText,
  alert_id: NullableText,
  approval_id: NullableText,
  requested_at: Type.String({ format: "date-time" }),
  since: NullableTime,
  until: NullableTime,
  ended_at: NullableTime,
  ended_by: NullableText,
});

const NewResponseBody = Type.Object(
  {
    kind: Type.Enum([...ACTION_KINDS]),
    target: Type.Record(Type.String(), Type.String({ maxLength: 256 }), {
      description:
        "block_credential: credential_id. block_service: service. block_edge: caller, callee. block_operation: operation, and callee or none. webhook: channel.",
    }),
    reason: Type.String(),
    for_s: Type.Optional(Type.Integer({ minimum: 1, description: "Seconds; absent: respond.block_for." })),
    alert_id: Type.Optional(Type.String({ maxLength: 64 })),
    dry_run: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

const UndoBody = Type.Object(
  { reason: Type.Optional(Type.String({ maxLength: 1_000 })) },
  { additionalProperties: false },
);

/** What is done about alerts, by people. */
export function respondRoutes(app: FastifyInstance, { alerting, blockForS }: RespondRoutesParts): void {
  const { responses, alerts } = alerting;
  const findAlert = (id: string) => alerts.find(id);
  app.get(
    "/api/responses",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Responses, newest first",
        tags: TAGS,
        querystring: query({
          state: Type.Optional(Type.Enum([...STATES])),
          alert_id: Type.Optional(Type.String({ maxLength: 64 })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
        }),
        response: { 200: Type.Object({ responses: Type.Array(ResponseSchema) }), ...problems(400, 401, 403) },
      },
    },
    async (
      request: FastifyRequest<{ Querystring: { state?: ActionState; alert_id?: string; limit?: number } }>,
      reply,
    ) => {
      const { state, alert_id: alertId, limit = 100 } = request.query;
      const viewer = principalOf(request);
      const isAsked = (action: Action) =>
        (state ?? action.state) === action.state &&
        (alertId ?? action.alertId) === action.alertId &&
        isActionVisible(viewer, action, findAlert);
      return reply.send({ responses: responses.list().filter(isAsked).slice(0, limit).map(shownAction) });
    },
  );
  app.post(
    "/api/responses",
    {
      config: { access: "respond" },
      schema: {
        summary: "Block something for a time, or call a webhook; the same again is the same response",
        tags: TAGS,
        body: NewResponseBody,
        response: { 200: ResponseSchema, 201: ResponseSchema, ...problems(400, 401, 403, 503) },
      },
    },
    async (request: FastifyRequest, reply) => {
      const body = request.body as Static<typeof NewResponseBody>;
      const {
        kind,
        target,
        reason,
        for_s: forS = blockForS,
        alert_id: alertId = null,
        dry_run: isDryRun = false,
      } = body;
      if (!mayActOn(principalOf(request).scope, { target, alertId }, findAlert))
        throw new TallystickError("forbidden", "Who sees some services only acts on those.", {
          hint: "Name one of them, or the alert that names what is to be blocked.",
        });
      const wanted = { kind, target, reason, lastsUs: forS * 1_000_000, alertId, rule: null, isDryRun };
      const { action, isNew } = await responses.request(principalOf(request).name, wanted);
      return reply.code(isNew ? 201 : 200).send(shownAction(action));
    },
  );
  undoRoute(app, alerting);
}

function undoRoute(app: FastifyInstance, { responses, alerts }: Alerting): void {
  app.post(
    "/api/responses/:id/undo",
    {
      config: { access: "respond" },
      schema: {
        summary: "Undo a response, or take back a proposal",
        tags: TAGS,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        body: Type.Union([UndoBody, Type.Null()]),
        response: { 200: ResponseSchema, ...problems(400, 401, 403, 404, 503) },
      },
    },
    async (request: FastifyRequest, reply) => {
      const { id } = request.params as { readonly id: string };
      const { reason = "" } = (request.body ?? {}) as { readonly reason?: string };
      const viewer = principalOf(request);
      const known = responses.list().find((action) => action.id === id);
      if (known !== undefined && !isActionVisible(viewer, known, (alert) => alerts.find(alert))) throw noResponse();
      return reply.send(shownAction(await responses.undo(viewer.name, id, reason)));
    },
  );
}

function shownAction(action: Action): Static<typeof ResponseSchema> {
  const { id, kind, target, state, reason, by, rule, alertId, approvalId, requestedAtUs, endedBy } = action;
  return {
    id,
    kind,
    target,
    state,
    reason,
    by,
    rule,
    alert_id: alertId,
    approval_id: approvalId,
    requested_at: formatTimestamp(requestedAtUs),
    since: atOrNull(action.sinceUs),
    until: atOrNull(action.untilUs),
    ended_at: atOrNull(action.endedAtUs),
    ended_by: endedBy,
  };
}
