import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance } from "fastify";

import type { Clock } from "../clock.ts";
import type { Random } from "../control/secret.ts";
import { ACCESS_LOG } from "../control/own-logs.ts";
import { ownRecord } from "../control/own-record.ts";
import type { Control } from "../control/control.ts";
import { MIN_HOURS } from "../detect/baseline/baseline-limits.ts";
import { BASELINE_DETECTORS } from "../detect/baseline/judge.ts";
import { DETECTOR_BY_NAME, DETECTORS } from "../detect/detectors/detector.ts";
import type { Detector } from "../detect/detectors/detector.ts";
import type { DetectorFollower } from "../detect/detectors/detector-follower.ts";
import { learnedFacts, revokeFields, teachFields } from "../detect/detectors/learned.ts";
import { LEVELS } from "../detect/finding.ts";
import { TallystickError } from "../errors.ts";
import type { IndexReader } from "../index/index-seam.ts";
import type { Journal } from "../journal/journal.ts";
import { NO_RECORDS } from "./recorded-reads.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";
import { goneSignal } from "./search-query.ts";

export interface DetectorsRoutesParts {
  /** Null when they are switched off. */
  readonly detectors: DetectorAccess | null;
  readonly control: Control;
}

/** What the routes read and write beside the control log. */
export interface DetectorAccess {
  readonly follower: Pick<DetectorFollower, "isReady" | "lagLeaves" | "learningLogs">;
  /** Whether baselines are on. */
  readonly judgesBaselines: boolean;
  readonly reader: IndexReader;
  readonly journal: Pick<Journal, "appendOwn">;
  readonly clock: Clock;
  readonly random: Random;
}

const TAGS = ["detection"];
const MAX_REVOKED = 1_000;
const Name = Type.String({ minLength: 1, maxLength: 64 });
const Time = Type.String({ format: "date-time" });
const Text = Type.String({ minLength: 1, maxLength: 1_024 });

const DetectorsAnswer = Type.Object({
  detectors: Type.Array(
    Type.Object({
      name: Type.String(),
      title: Type.String(),
      level: Type.Enum([...LEVELS]),
      tags: Type.Array(Type.String()),
      learns: Type.Boolean({ description: "It learns in a log's first days and tells nobody." }),
      facts: Type.Array(Type.String(), { description: "What it learns; `kind` of what is taught." }),
      check: Type.String(),
      silence: Type.String(),
    }),
  ),
  baselines: Type.Object(
    {
      min_hours: Type.Integer({ description: "For how long an edge must be known before it is judged." }),
      detectors: Type.Array(
        Type.Object({
          name: Type.String(),
          title: Type.String(),
          level: Type.Enum([...LEVELS]),
          check: Type.String(),
          silence: Type.String(),
        }),
      ),
    },
    { description: "What is held against what is usual of an edge; none when `detectors.baselines` is off." },
  ),
  learning: Type.Array(Type.Object({ log: Type.String(), until: Time, is_over: Type.Boolean() }), {
    description: "Until when each log's first days last.",
  }),
  ready: Type.Boolean(),
  lag_records: Type.Integer({ description: "Searchable and not looked at yet." }),
});

const Fact = Type.Object({
  kind: Type.String(),
  log: Type.String(),
  subject: Type.String(),
  value: Type.String(),
  first_seen: Time,
  last_seen: Time,
});

const TeachBody = Type.Object(
  { kind: Name, log: Name, subject: Text, value: Text, reason: Text },
  { additionalProperties: false },
);

const RevokeBody = Type.Object(
  {
    credential_ids: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: MAX_REVOKED }),
    reason: Text,
  },
  { additionalProperties: false },
);

/** The built-in detectors: what there is, what they learned, what they are taught, and credentials that are revoked. */
export function detectorsRoutes(app: FastifyInstance, parts: DetectorsRoutesParts): void {
  app.get(
    "/api/detectors",
    {
      config: { access: "read", reads: NO_RECORDS },
      schema: {
        summary: "Built-in detectors, and which logs they still learn",
        tags: TAGS,
        querystring: query({}),
        response: { 200: DetectorsAnswer, ...problems(401, 403, 404) },
      },
    },
    async () => {
      const { follower, judgesBaselines, clock } = switchedOn(parts);
      const learning = [...follower.learningLogs()].map(([log, us]) => ({
        log,
        until: formatTimestamp(us),
        is_over: us <= clock.nowUs(),
      }));
      return {
        detectors: DETECTORS.map((one) => ({ ...one, tags: [...one.tags], facts: [...one.facts] })),
        baselines: { min_hours: MIN_HOURS, detectors: judgesBaselines ? BASELINE_DETECTORS : [] },
        learning,
        ready: follower.isReady(),
        lag_records: follower.lagLeaves(),
      };
    },
  );
  factsRoute(app, parts);
  teachRoute(app, parts);
  revokeRoute(app, parts);
}

const FactsQuery = query({
  log: Type.Optional(Type.String()),
  subject: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 100 })),
});

function factsRoute(app: FastifyInstance, parts: DetectorsRoutesParts): void {
  app.get<{ Params: { name: string }; Querystring: Static<typeof FactsQuery> & { limit?: number } }>(
    "/api/detectors/:name/facts",
    {
      config: { access: "audit", reads: NO_RECORDS },
      schema: {
        summary: "What a detector learned, newest first",
        tags: TAGS,
        params: Type.Object({ name: Name }),
        querystring: FactsQuery,
        response: { 200: Type.Object({ facts: Type.Array(Fact) }), ...problems(400, 401, 403, 404, 503, 504) },
      },
    },
    async (request, reply) => {
      const { reader } = switchedOn(parts);
      const { log, subject, limit = 100 } = request.query;
      const rows = await learnedFacts(
        reader,
        scopeOf(request),
        known(request.params.name),
        { log, subject, limit },
        goneSignal(reply),
      );
      return {
        facts: rows.map(({ first_us: firstUs, last_us: lastUs, ...fact }) => ({
          ...fact,
          first_seen: formatTimestamp(firstUs),
          last_seen: formatTimestamp(lastUs),
        })),
      };
    },
  );
}

function teachRoute(app: FastifyInstance, parts: DetectorsRoutesParts): void {
  app.post<{ Params: { name: string }; Body: Static<typeof TeachBody> }>(
    "/api/detectors/:name/facts",
    {
      config: { access: "manage" },
      schema: {
        summary: "Say that something is expected, so that it is no news; a record of the control log",
        tags: TAGS,
        params: Type.Object({ name: Name }),
        body: TeachBody,
        response: { 201: TeachBody, ...problems(400, 401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const { facts, name } = known(request.params.name);
      if (!facts.includes(request.body.kind))
        throw new TallystickError("bad_request", `${name} learns nothing of the kind ${request.body.kind}.`, {
          hint: facts.length === 0 ? "It learns nothing." : `It learns: ${facts.join(", ")}.`,
          at: { parameter: "kind" },
        });
      await parts.control.note(teachFields(principalOf(request).name, name, request.body));
      return reply.code(201).send(request.body);
    },
  );
}

function revokeRoute(app: FastifyInstance, parts: DetectorsRoutesParts): void {
  app.post<{ Body: Static<typeof RevokeBody> }>(
    "/api/credentials/revocations",
    {
      config: { access: "manage" },
      schema: {
        summary: "Say that credentials are revoked: their use from now on is a finding",
        description: "By credential_id or auth_token_id, as records show them; never a secret.",
        tags: TAGS,
        body: RevokeBody,
        response: { 201: Type.Object({ revoked: Type.Integer() }), ...problems(400, 401, 403, 404, 503) },
      },
    },
    async (request, reply) => {
      const { journal, clock, random } = switchedOn(parts);
      const { credential_ids: ids, reason } = request.body;
      const by = principalOf(request).name;
      const records = ids.map((id) => ownRecord(clock, random, revokeFields(by, id, reason)));
      const outcome = await journal.appendOwn(ACCESS_LOG, records);
      if (outcome.kind === "pushback")
        throw new TallystickError("journal_unavailable", "The revocation could not be recorded.", {
          hint: "Try again; nothing was recorded.",
          retryAfterS: outcome.retryAfterS,
        });
      return reply.code(201).send({ revoked: ids.length });
    },
  );
}

function switchedOn({ detectors }: DetectorsRoutesParts): DetectorAccess {
  if (detectors !== null) return detectors;
  throw new TallystickError("not_found", "The detectors are switched off.", {
    hint: "`detectors.enabled` in the configuration switches them on.",
  });
}

function known(name: string): Detector {
  const found = DETECTOR_BY_NAME.get(name);
  if (found !== undefined) return found;
  throw new TallystickError("not_found", `There is no detector ${name.slice(0, 64)}.`, {
    hint: "`tallystick detectors list` shows them.",
  });
}
