import { timestampUs } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { parseMatchers } from "../alert/matchers.ts";
import type { Alerting } from "../alert/open-alerting.ts";
import type { Silence } from "../alert/silence.ts";
import { isSilenceVisible, maySilence } from "../alert/visible.ts";
import { TallystickError } from "../errors.ts";
import { shownSilence, SilenceSchema } from "./alert-schemas.ts";
import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { principalOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

const TAGS = ["alerts"];

const NewSilenceBody = Type.Object(
  {
    matchers: Type.Array(Type.String({ maxLength: 1_024 }), {
      minItems: 1,
      maxItems: 32,
      description: 'All must match: level=low, service!="a b", title=~"Token.*"; also rule_id, kind and every label.',
    }),
    starts_at: Type.Optional(Type.String({ format: "date-time", description: "Absent: now." })),
    ends_at: Type.String({ format: "date-time" }),
    comment: Type.String({ description: "Why." }),
  },
  { additionalProperties: false },
);

/** Silences: alerts that notify nobody for a time. */
export function silencesRoutes(app: FastifyInstance, { alerting }: { readonly alerting: Alerting }): void {
  const { silences, log } = alerting;
  const shown = (silence: Silence) => shownSilence(silence, silences.stateOf(silence));
  app.get(
    "/api/silences",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "Silences, newest first; ended ones too",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ silences: Type.Array(SilenceSchema) }), ...problems(401, 403) },
      },
    },
    (request, reply) => {
      const viewer = principalOf(request);
      const seen = silences.list().filter((silence) => isSilenceVisible(viewer, silence));
      return reply.send({ silences: seen.map(shown) });
    },
  );
  app.post(
    "/api/silences",
    {
      config: { access: "alert" },
      schema: {
        summary: "Silence alerts for a time: they are listed and recorded, and notify nobody",
        tags: TAGS,
        body: NewSilenceBody,
        response: { 201: SilenceSchema, ...problems(400, 401, 403, 503) },
      },
    },
    async (request: FastifyRequest, reply) => {
      const { matchers, starts_at: starts, ends_at: ends, comment } = request.body as Static<typeof NewSilenceBody>;
      if (!maySilence(principalOf(request).scope, parseMatchers(matchers)))
        throw new TallystickError("forbidden", "Who sees some services only silences alerts of those.", {
          hint: "Name one of them, as service=orders or caller=orders.",
        });
      const startsAtUs = starts === undefined ? log.nowUs() : timestampUs(starts);
      const wanted = { matchers, startsAtUs, endsAtUs: timestampUs(ends), comment };
      return reply.code(201).send(shown(await silences.place(principalOf(request).name, wanted)));
    },
  );
  app.delete(
    "/api/silences/:id",
    {
      config: { access: "alert" },
      schema: {
        summary: "End a silence before its time",
        tags: TAGS,
        params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
        response: { 200: SilenceSchema, ...problems(401, 403, 404, 503) },
      },
    },
    async (request: FastifyRequest, reply) => {
      const { id } = request.params as { readonly id: string };
      const viewer = principalOf(request);
      const isKnown = silences.list().some((silence) => silence.id === id && isSilenceVisible(viewer, silence));
      const ended = isKnown ? await silences.end(viewer.name, id) : null;
      if (ended === null)
        throw new TallystickError("not_found", "There is no silence of this id.", {
          hint: "`tallystick silence list` shows them.",
        });
      return reply.send(shown(ended));
    },
  );
}
