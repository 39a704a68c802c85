import { NOT_OF_THE_LOG } from "./recorded-reads.ts";
import { Type } from "typebox";
import type { FastifyInstance } from "fastify";

import { TallystickError } from "../errors.ts";
import type { LastFsck } from "../fsck/last-fsck.ts";
import type { IndexFollower } from "../index/index-seam.ts";
import type { Journal } from "../journal/journal.ts";
import type { CheckpointTrouble } from "../ledger/checkpoint-trouble.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { SpaceWatch } from "./disk-forecast.ts";
import { intakeState } from "./intake-state.ts";
import type { RefusingLog } from "./intake-state.ts";
import type { TallyReader } from "../tally/reader.ts";
import type { Metrics, TreeReading } from "./metrics.ts";
import { PUSHBACK } from "./store-parts.ts";
import { problems, query, textResponse } from "./schemas.ts";

export interface HealthParts {
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly index: IndexFollower;
  readonly metrics: Metrics;
  /** Null where it is switched off. */
  readonly tally: TallyReader | null;
  readonly space: SpaceWatch;
  readonly version: string;
  readonly startedAt: string;
  /** Set once the server stops taking requests. */
  readonly stopping: () => boolean;
  readonly nowMs: () => number;
  readonly lastFsck: () => Promise<LastFsck | null>;
  readonly rebuild: IndexRebuild;
  /** Why the index cannot be asked, for an operator; null where nothing is known. */
  readonly indexTrouble: () => string | null;
  readonly checkpointTrouble: () => readonly CheckpointTrouble[];
  /** The logs that take no records now. */
  readonly refusingLogs: () => readonly RefusingLog[];
}

/** Building the index anew while everything else goes on. */
export interface IndexRebuild {
  start(): void;
  isRunning(): boolean;
}

const Time = Type.String({ format: "date-time" });

const RefusalReason = Type.Enum(["full", "failed", "locked"], {
  description: "full: no space. failed: the disk does not write. locked: a new epoch's key waits for the KMS.",
});

const Ready = Type.Object({
  status: Type.Literal("ok"),
  intake: Type.Union(
    [
      Type.Object({ state: Type.Literal("open") }),
      Type.Object({ state: Type.Literal("refused"), reason: RefusalReason, says: Type.String() }),
    ],
    { description: "Whether producers' records are taken; `refused`: they are answered 503, in one log at least." },
  ),
});

const LastFsckSchema = Type.Object({
  at: Time,
  clean: Type.Boolean(),
  trees: Type.Integer(),
  leaves: Type.Integer(),
  faults: Type.Integer(),
  index_compared: Type.Boolean(),
  repaired: Type.Array(Type.String()),
});

const Status = Type.Object({
  version: Type.String(),
  started_at: Type.String({ format: "date-time" }),
  trees: Type.Array(
    Type.Object({
      tree: Type.String(),
      journaled: Type.Integer(),
      integrated: Type.Integer(),
      published: Type.Integer(),
      indexed: Type.Integer(),
      checkpoint_age_s: Type.Union([Type.Number(), Type.Null()], {
        description: "Since the newest checkpoint was signed; null before the first since the start.",
      }),
    }),
  ),
  index: Type.Object({
    state: Type.Enum(["starting", "ready", "rebuilding", "failed"]),
    trouble: Type.Union([Type.String(), Type.Null()], {
      description: "Why a ClickHouse server by URL cannot be used; null where nothing is known.",
    }),
  }),
  tally: Type.Union([Type.Object({ settled_through: Type.Union([Time, Type.Null()]) }), Type.Null()], {
    description: "Every call that came due before then is settled; null: the tally is switched off.",
  }),
  checkpoints: Type.Object({
    troubles: Type.Array(Type.Object({ step: Type.String(), since: Type.String(), reason: Type.String() }), {
      description: "What keeps checkpoints from being published (`publish`) or copied (the copy's name) now.",
    }),
  }),
  intake: Type.Object({
    refused: Type.Array(Type.Object({ log: Type.String(), reason: RefusalReason, says: Type.String() }), {
      description: "Logs whose records are answered 503 now, and why.",
    }),
  }),
  disk: Type.Object({ free_bytes: Type.Integer(), days_until_full: Type.Union([Type.Number(), Type.Null()]) }),
  fsck: Type.Union([LastFsckSchema, Type.Null()], {
    description: "What `tallystick fsck` noted last in the data folder; null: it was never run there.",
  }),
});

const READY_SAYS =
  "200 also while producers are answered 503, so that a balancer leaves the readers here: `intake` says so, and " +
  "why. `GET /api/status` says in which logs, `tallystick_intake_refused` in /metrics raises the alarm.";

/** For machines that watch the server. */
export function healthRoutes(app: FastifyInstance, parts: HealthParts): void {
  const tags = ["health"];
  const answer = Type.Object({ status: Type.Literal("ok") });
  app.get(
    "/healthz",
    { config: { access: "public" }, schema: { summary: "The process lives", tags, response: { 200: answer } } },
    async () => ({ status: "ok" }),
  );
  app.get(
    "/readyz",
    {
      config: { access: "public" },
      schema: {
        summary: "Searches are answered",
        description: READY_SAYS,
        tags,
        response: { 200: Ready, ...problems(503) },
      },
    },
    async () => {
      if (parts.stopping()) throw new TallystickError("shutting_down", "The server is shutting down.");
      const state = parts.index.state();
      if (state === "starting" || state === "failed")
        throw new TallystickError("index_unavailable", `The index is ${state}; taking records does not hang on it.`);
      return { status: "ok", intake: intakeState(parts.refusingLogs()) };
    },
  );
  app.get(
    "/metrics",
    {
      config: { access: "metrics" },
      schema: {
        summary: "Figures for Prometheus",
        tags,
        response: { 200: textResponse("Prometheus text", "text/plain"), ...problems(401, 403) },
      },
    },
    async (_, reply) => reply.type(parts.metrics.contentType).send(await parts.metrics.text()),
  );
  app.get(
    "/api/status",
    {
      config: { access: "read", reads: NOT_OF_THE_LOG },
      schema: {
        summary: "How far everything has come",
        tags,
        querystring: query({}),
        response: { 200: Status, ...problems(401, 403) },
      },
    },
    async () => statusOf(parts),
  );
  app.post(
    "/api/reindex",
    {
      config: { access: "manage" },
      schema: {
        summary: "Drop the index and build it anew from the journal",
        description: "Answers at once; /api/status shows how far it has come. Intake goes on meanwhile.",
        tags,
        response: { 202: answer, ...problems(401, 403) },
      },
    },
    async (_, reply) => {
      parts.rebuild.start();
      return reply.code(202).send({ status: "ok" });
    },
  );
}

async function statusOf(parts: HealthParts): Promise<unknown> {
  const { freeBytes, daysUntilFull } = await parts.space.forecast();
  return {
    version: parts.version,
    started_at: parts.startedAt,
    trees: treeReadings(parts).map(({ checkpointAgeS, ...positions }) => ({
      ...positions,
      checkpoint_age_s: checkpointAgeS === null ? null : Math.round(checkpointAgeS),
    })),
    tally: parts.tally === null ? null : { settled_through: parts.tally.settledThrough() },
    index: {
      state: parts.rebuild.isRunning() ? "rebuilding" : parts.index.state(),
      trouble: parts.indexTrouble(),
    },
    checkpoints: {
      troubles: parts
        .checkpointTrouble()
        .map(({ step, sinceUs, reason }) => ({ step, since: new Date(sinceUs / 1_000).toISOString(), reason })),
    },
    intake: { refused: parts.refusingLogs().map(({ log, reason }) => ({ log, reason, says: PUSHBACK[reason][1] })) },
    disk: {
      free_bytes: freeBytes,
      days_until_full: Number.isFinite(daysUntilFull) ? Math.round(daysUntilFull * 10) / 10 : null,
    },
    fsck: await parts.lastFsck(),
  };
}

/** The positions of every tree, side by side. */
export function treeReadings({
  journal,
  ledger,
  index,
  nowMs,
}: Pick<HealthParts, "journal" | "ledger" | "index" | "nowMs">): readonly TreeReading[] {
  const positions = new Map(ledger.positions().map((position) => [position.tree, position]));
  const indexed = new Map(index.positions().map((position) => [position.tree, position.indexed]));
  return journal.trees().map(({ tree, size }) => {
    const { integrated = 0, published = 0, publishedAtMs = null } = positions.get(tree) ?? {};
    const checkpointAgeS = publishedAtMs === null ? null : Math.max(0, (nowMs() - publishedAtMs) / 1_000);
    return { tree, journaled: size, integrated, published, indexed: indexed.get(tree) ?? 0, checkpointAgeS };
  });
}
