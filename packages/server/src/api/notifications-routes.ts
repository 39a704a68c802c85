import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { MAX_TEST_WAIT_S } from "../alert/limits.ts";
import type { Notice } from "../alert/notice.ts";
import type { Outbox } from "../alert/notify/outbox.ts";
import type { Alerting } from "../alert/open-alerting.ts";
import { isNoticeVisible } from "../alert/visible.ts";
import { TallystickError } from "../errors.ts";
import { atOrNull, NullableTime } from "./alert-schemas.ts";
import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import type { Tails } from "./tail-route.ts";

export interface NotificationsRoutesParts {
  readonly alerting: Alerting;
  readonly outbox: Outbox;
  /** What waits, so that a stop can end it. */
  readonly tails: Tails;
}

const TAGS = ["alerts"];
const STATES = ["queued", "delivered", "dead"] as const;

const NotificationSchema = Type.Object({
  id: Type.String(),
  channel: Type.String(),
  purpose: Type.Enum(["alerts", "test", "response"]),
  state: Type.Enum([...STATES], { description: "dead: given up, until somebody has it sent again." }),
  group_labels: Type.Record(Type.String(), Type.String()),
  firing: Type.Array(Type.String(), { description: "Ids of alerts." }),
  resolved: Type.Array(Type.String()),
  created_at: Type.String({ format: "date-time" }),
  attempts: Type.Integer(),
  next_at: NullableTime,
  ended_at: NullableTime,
  error: Type.Union([Type.String(), Type.Null()], { description: "Of the last attempt that failed, and what to do." }),
  answer: Type.Union([Type.String(), Type.Null()], { description: "What the channel said when it arrived." }),
});

const ChannelSchema = Type.Object({
  name: Type.String(),
  kind: Type.String(),
  sends_resolved: Type.Boolean(),
  per_minute: Type.Integer(),
  queued: Type.Integer(),
  dead: Type.Integer(),
});

/** Where notifications go, what became of them, and whether a channel works. */
export function notificationsRoutes(app: FastifyInstance, parts: NotificationsRoutesParts): void {
  const { alerting } = parts;
  const findAlert = (id: string) => alerting.alerts.find(id);
  app.get(
    "/api/notifications",
    {
      config: { access: "alert", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Notifications, newest first",
        tags: TAGS,
        querystring: query({
          state: Type.Optional(Type.Enum([...STATES])),
          channel: Type.Optional(Type.String({ maxLength: 64 })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
        }),
        response: { 200: Type.Object({ notifications: Type.Array(NotificationSchema) }), ...problems(400, 401, 403) },
      },
    },
    async (request: FastifyRequest<{ Querystring: { state?: string; channel?: string; limit?: number } }>, reply) => {
      const { state, channel, limit = 100 } = request.query;
      const scope = scopeOf(request);
      const isAsked = (notice: Notice) =>
        (state ?? notice.state) === notice.state &&
        (channel ?? notice.channel) === notice.channel &&
        isNoticeVisible(scope, notice, findAlert);
      return reply.send({ notifications: alerting.notices.list().filter(isAsked).slice(0, limit).map(shownNotice) });
    },
  );
  app.post(
    "/api/notifications/:id/retry",
    {
      config: { access: "alert" },
      schema: {
        summary: "Send again what was given up",
        tags: TAGS,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: NotificationSchema, ...problems(401, 403, 404, 409, 503) },
      },
    },
    async (request: FastifyRequest, reply) => {
      const { id } = request.params as { readonly id: string };
      const known = alerting.notices.find(id);
      if (known !== null && !isNoticeVisible(scopeOf(request), known, findAlert))
        throw new TallystickError("not_found", "There is no notification of this id.");
      return reply.send(shownNotice(await alerting.notices.retry(principalOf(request).name, id)));
    },
  );
  channelRoutes(app, parts);
  channelTestRoute(app, parts);
}

function channelRoutes(app: FastifyInstance, { alerting, outbox }: NotificationsRoutesParts): void {
  app.get(
    "/api/channels",
    {
      config: { access: "alert", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Where notifications go",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ channels: Type.Array(ChannelSchema) }), ...problems(401, 403) },
      },
    },
    (_, reply) => {
      const notices = alerting.notices.list();
      const count = (name: string, state: Notice["state"]) =>
        notices.filter((notice) => notice.channel === name && notice.state === state).length;
      const channels = outbox.channels().map(({ name, kind, sendsResolved, perMinute }) => ({
        name,
        kind,
        sends_resolved: sendsResolved,
        per_minute: perMinute,
        queued: count(name, "queued"),
        dead: count(name, "dead"),
      }));
      return reply.send({ channels });
    },
  );
}

function channelTestRoute(app: FastifyInstance, { alerting, outbox, tails }: NotificationsRoutesParts): void {
  app.post(
    "/api/channels/:name/test",
    {
      config: { access: "alert" },
      schema: {
        summary: "Send a test to a channel, and wait for what becomes of it",
        tags: TAGS,
        params: Type.Object({ name: Type.String({ maxLength: 64 }) }),
        querystring: query({
          wait: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: MAX_TEST_WAIT_S,
              default: 0,
              description: "Seconds to wait at most; what became of it stands in the notifications too.",
            }),
          ),
        }),
        response: {
          200: Type.Object(NotificationSchema.properties, {
            description: "It arrived (delivered) or was given up (dead).",
          }),
          202: Type.Object(NotificationSchema.properties, { description: "It is under way (queued)." }),
          ...problems(400, 401, 403, 404, 503),
        },
      },
    },
    async (request: FastifyRequest<{ Querystring: { wait?: number } }>, reply) => {
      const { name } = request.params as { readonly name: string };
      if (outbox.channel(name) === null)
        throw new TallystickError("not_found", "There is no channel of this name.", {
          hint: "`tallystick alerts channels` lists them; `alerts.channels` in the configuration names them.",
        });
      const groupLabels = { by: principalOf(request).name };
      const test = {
        channel: name,
        purpose: "test",
        groupKey: `test/${name}`,
        groupLabels,
        firing: [],
        resolved: [],
        more: 0,
      } as const;
      const [id = ""] = await alerting.notices.queue([test]);
      const stop = tails.add();
      reply.raw.once("close", () => stop.end());
      const notice = await alerting.notices.outcome(id, (request.query.wait ?? 0) * 1_000, stop.signal);
      stop.end();
      return reply.code(notice.state === "queued" ? 202 : 200).send(shownNotice(notice));
    },
  );
}

function shownNotice(notice: Notice): Static<typeof NotificationSchema> {
  const { id, channel, purpose, state, groupLabels, firing, resolved, createdAtUs, attempts, error, answer } = notice;
  return {
    id,
    channel,
    purpose,
    state,
    group_labels: groupLabels,
    firing: [...firing],
    resolved: [...resolved],
    created_at: formatTimestamp(createdAtUs),
    attempts,
    next_at: state === "queued" ? formatTimestamp(notice.nextAtUs) : null,
    ended_at: atOrNull(notice.endedAtUs),
    error,
    answer,
  };
}
