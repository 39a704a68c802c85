import { formatTimestamp } from "@tallystick/record";
import { Type } from "typebox";
import type { Static } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { Clock } from "../clock.ts";
import { TallystickError } from "../errors.ts";
import type { CleanUp, Planned } from "../retain/clean-up.ts";
import { afterPeriodUs, parsePeriod, periodText } from "../retain/period.ts";
import type { Period } from "../retain/period.ts";
import { PRESETS } from "../retain/retention.ts";
import { sees } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface RetentionRoutesParts {
  /** Brings a tree back into the index until then. */
  readonly wantIndexed: (by: string, tree: string, untilUs: number) => Promise<void>;
  readonly clock: Clock;
  /** The file that proves a tree's deletion; null when there is none. */
  readonly deletion: (tree: string) => Promise<Uint8Array | null>;
  readonly cleanUp: CleanUp;
}

const TAGS = ["retention"];
const orNull = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
const Time = Type.String({ format: "date-time" });

const PlannedTree = Type.Object({
  tree: Type.String(),
  records: Type.Integer(),
  bytes: Type.Integer({ description: "Of its segments." }),
  first_received_at: Time,
  last_received_at: Time,
  keep: Type.String({ description: "The time in force." }),
  asked_keep: orNull(
    Type.String({ description: "The shorter time that the configuration says, not in force until somebody approves." }),
  ),
  clause: orNull(Type.String({ description: "What the log's preset cites." })),
  due_at: orNull(Time),
  state: Type.Enum(["open", "kept", "held", "waiting", "due"], {
    description:
      "open: takes records. kept: its time is not over. held: a hold keeps it. waiting: `why` says for what. due: goes with the next pass.",
  }),
  why: orNull(Type.String()),
  holds: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      records: orNull(Type.Integer()),
      others: orNull(Type.Integer()),
    }),
    { description: "Holds that keep it: how many records each is for, and how many others stay for its sake." },
  ),
  indexed: Type.Boolean({ description: "Whether the index is to hold it." }),
});

/** What goes when, and what stays of what is gone. */
export function retentionRoutes(app: FastifyInstance, parts: RetentionRoutesParts): void {
  deletionRoute(app, parts);
  indexRoute(app, parts);
  app.get(
    "/api/retention/plan",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "What the clean-up would do now: a dry run",
        tags: TAGS,
        querystring: query({}),
        response: { 200: Type.Object({ trees: Type.Array(PlannedTree) }), ...problems(401, 403, 503) },
      },
    },
    (request: FastifyRequest) => planOf(parts, scopeOf(request)),
  );
  app.post(
    "/api/retention/run",
    {
      config: { access: "retain" },
      schema: {
        summary: "Start a pass of the clean-up now",
        description: "Answers at once. It deletes what /api/retention/plan shows as due, and nothing else.",
        tags: TAGS,
        response: { 202: Type.Object({ status: Type.Literal("ok") }), ...problems(401, 403, 503) },
      },
    },
    async (_, reply) => {
      void parts.cleanUp.run();
      return reply.code(202).send({ status: "ok" });
    },
  );
}

async function planOf({ cleanUp }: RetentionRoutesParts, scope: Scope): Promise<{ readonly trees: readonly object[] }> {
  const planned = await cleanUp.plan();
  return { trees: planned.filter(({ facts }) => sees(scope, facts.tree)).map(shown) };
}

const IndexBody = Type.Object(
  {
    tree: Type.String({ description: "As default/2026-11." }),
    for: Type.Optional(Type.String({ description: "For how long, as 30 days; a week by default." })),
  },
  { additionalProperties: false },
);
const A_WEEK: Period = { count: 1, unit: "weeks" };

/** An epoch that left the index earlier than the log comes back for a time. */
function indexRoute(app: FastifyInstance, parts: RetentionRoutesParts): void {
  app.post(
    "/api/retention/index",
    {
      config: { access: "operate" },
      schema: {
        summary: "Bring an epoch back into the index for a time",
        description:
          "Answers at once; /api/status shows how far it has come. A record of the control log says who asked.",
        tags: TAGS,
        body: IndexBody,
        response: { 202: Type.Object({ tree: Type.String(), until: Time }), ...problems(400, 401, 403, 404, 503) },
      },
    },
    async (request, reply) => reply.code(202).send(await bringBack(parts, request)),
  );
}

async function bringBack(parts: RetentionRoutesParts, request: FastifyRequest): Promise<object> {
  const { tree, for: text } = request.body as Static<typeof IndexBody>;
  const period = text === undefined ? A_WEEK : parsePeriod(text);
  if (period === null) throw new TallystickError("bad_request", `${text} is no period; write it as 30 days.`);
  const planned = await parts.cleanUp.plan();
  if (!planned.some(({ facts }) => facts.tree === tree))
    throw new TallystickError("not_found", `There is no tree ${tree}.`, {
      hint: "`tallystick retain plan` lists them.",
    });
  const untilUs = afterPeriodUs(parts.clock.nowUs(), period);
  await parts.wantIndexed(principalOf(request).name, tree, untilUs);
  return { tree, until: formatTimestamp(untilUs) };
}

function deletionRoute(app: FastifyInstance, parts: RetentionRoutesParts): void {
  app.get(
    "/trees/:log/:epoch/deletion",
    {
      config: { access: "public" },
      schema: {
        summary: "What stays of a deleted tree: its final checkpoint, its chain leaves and the record of its deletion",
        description: "Proven, so that a stranger follows the chain of epochs across it; docs/formats/deletion.md.",
        tags: ["trees"],
        params: Type.Object({ log: Type.String(), epoch: Type.String() }),
        response: { 200: Type.Unknown(), ...problems(404) },
      },
    },
    async (request, reply) => {
      const { log, epoch } = request.params as { log: string; epoch: string };
      const bytes = await parts.deletion(`${log}/${epoch}`);
      if (bytes === null) throw new TallystickError("not_found", "No tree of this name was deleted.");
      return reply
        .header("access-control-allow-origin", "*")
        .header("cross-origin-resource-policy", "cross-origin")
        .header("cache-control", "public, max-age=31536000, immutable")
        .type("application/json")
        .send(Buffer.from(bytes));
    },
  );
}

function shown({ facts, retention, fate, isIndexed }: Planned): object {
  const holds = fate.kind === "held" ? fate.holds : [];
  return {
    tree: facts.tree,
    records: facts.size,
    bytes: facts.bytes,
    first_received_at: formatTimestamp(facts.firstReceivedUs),
    last_received_at: formatTimestamp(facts.lastReceivedUs),
    keep: periodText(retention.keep),
    asked_keep: retention.askedKeep === undefined ? null : periodText(retention.askedKeep),
    clause: retention.preset === null ? null : PRESETS[retention.preset].clause,
    due_at: fate.dueUs === null ? null : formatTimestamp(fate.dueUs),
    state: fate.kind,
    why: fate.kind === "waiting" ? fate.why : null,
    holds: holds.map(({ id, name, records }) => ({
      id,
      name,
      records,
      others: records === null ? null : facts.size - records,
    })),
    indexed: isIndexed,
  };
}
