import { decodeLeaf, timestampUs } from "@tallystick/record";
import type { AuditRecord, Observed } from "@tallystick/record";
import { Type } from "typebox";
import type { FastifyInstance, FastifyRequest } from "fastify";

import type { AccessRecorder } from "../access/access-recorder.ts";
import { TallystickError } from "../errors.ts";
import { leafAt } from "../journal/entries.ts";
import type { Journal } from "../journal/journal.ts";
import { keptCommitment } from "../payload/kept-bodies.ts";
import { PARTS } from "../payload/payload-meta.ts";
import type { Part } from "../payload/payload-meta.ts";
import type { FoundBody } from "../payload/payload-log.ts";
import type { PayloadStore } from "../payload/payload-store.ts";
import type { Eraser } from "../retain/eraser.ts";
import { logOf, seesRecord } from "../search/scope.ts";
import { MAX_REASON_LENGTH } from "./limits.ts";
import { readBy, STREAMED } from "./recorded-reads.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query } from "./schemas.ts";

export interface PayloadRouteParts {
  readonly journal: Journal;
  readonly payloads: Pick<PayloadStore, "find">;
  readonly eraser: Eraser;
  readonly accesses: AccessRecorder;
}

const Body = Type.Object({
  tree: Type.String(),
  leaf_index: Type.Integer(),
  part: Type.Enum([...PARTS]),
  content_type: Type.String(),
  kept: Type.Enum(["body", "digest"], { description: "digest: the bytes were not kept; commitment and salt were." }),
  size: Type.Integer({ description: "Bytes that the commitment covers." }),
  redacted: Type.Optional(Type.Integer({ description: "Places that were taken out." })),
  cut_from: Type.Optional(Type.Integer({ description: "Bytes before the rest was cut off." })),
  reason: Type.Optional(Type.Enum(["binary", "unreadable"], { description: "Why only a digest was kept." })),
  commitment: Type.String({ description: "sha256: and SHA-256(salt ‖ bytes); the same as in the record." }),
  salt: Type.String({ description: "64 hex digits." }),
  text: Type.Optional(Type.String({ description: "The body, where it is kept." })),
});

interface BodyRoute {
  Params: { log: string; epoch: string; index: string };
  Querystring: { readonly part: Part; readonly reason: string };
}
type BodyRequest = FastifyRequest<BodyRoute>;

interface PlacedRecord {
  readonly tree: string;
  readonly index: number;
  readonly record: AuditRecord;
  readonly observed: Observed;
}

/** Opens a sealed body. Who did, when and why is in the log before the answer goes out. */
export function payloadRoute(app: FastifyInstance, parts: PayloadRouteParts): void {
  app.get<BodyRoute>(
    "/api/records/:log/:epoch/:index/payload",
    {
      // Recorded here, before the body is opened.
      config: { access: "payloads", reads: STREAMED },
      schema: {
        summary: "One sealed body of a record",
        description: "Who asks says why; both are an ACCESS record before the body is sent.",
        tags: ["trees"],
        params: Type.Object({
          log: Type.String(),
          epoch: Type.String(),
          index: Type.String({ pattern: "^(0|[1-9][0-9]{0,15})$" }),
        }),
        querystring: query({
          part: Type.Enum([...PARTS]),
          reason: Type.String({ minLength: 1, maxLength: MAX_REASON_LENGTH, pattern: "\\S" }),
        }),
        response: { 200: Body, ...problems(400, 401, 403, 404, 410, 500, 503) },
      },
    },
    (request) => openBody(parts, request),
  );
}

async function openBody(parts: PayloadRouteParts, request: BodyRequest): Promise<unknown> {
  const { log, epoch, index } = request.params;
  const placed = await placedRecord(parts.journal, `${log}/${epoch}`, Number(index));
  if (placed === null || !seesRecord(scopeOf(request), placed.tree, placed))
    throw new TallystickError("not_found", "There is no such record that you may see.");
  const { part } = request.query;
  const commitment = keptCommitment(placed.record, part);
  if (commitment === null) throw notKept(placed, part);
  const erasure = parts.eraser.eraserOf(placed.tree, placed.index, part);
  if (erasure !== null)
    throw new TallystickError("payload_erased", `The ${part} body was erased (${erasure}).`, { at: { erasure } });
  const opened = [`${placed.tree}:${placed.index}/${part}`];
  await parts.accesses.answered(readBy(request, principalOf(request)), { records: 1, payloads: opened });
  const receivedUs = timestampUs(placed.observed.received_at);
  const found = await parts.payloads.find(logOf(placed.tree), { commitment, receivedUs });
  if (found === null) throw lost(placed, part);
  return shown(placed, found);
}

async function placedRecord(journal: Journal, tree: string, index: number): Promise<PlacedRecord | null> {
  const position = journal.trees().find((candidate) => candidate.tree === tree);
  const range = position !== undefined && index < position.size ? await journal.read(tree, index, 1) : null;
  return range === null ? null : { tree, index, ...decodeLeaf(leafAt(range.entries, 0)) };
}

function shown({ tree, index }: PlacedRecord, { meta, bytes }: FoundBody): unknown {
  const { identity: _identity, content: _content, commitment, part, salt, ...facts } = meta;
  return {
    tree,
    leaf_index: index,
    part,
    ...facts,
    commitment: `sha256:${commitment}`,
    salt,
    ...(meta.kept === "body" ? { text: Buffer.from(bytes).toString("utf8") } : {}),
  };
}

function notKept({ tree, index, record }: PlacedRecord, part: Part): TallystickError {
  const elsewhere = record[`${part}_payload`] !== undefined;
  return new TallystickError("not_found", `No ${part} body of ${tree}/${index} is kept here.`, {
    at: { tree, index },
    hint: elsewhere ? "The record's commitment is its producer's own." : "The record's `tallystick.*` attributes say.",
  });
}

function lost({ tree, index }: PlacedRecord, part: Part): TallystickError {
  return new TallystickError("payload_damaged", `The ${part} body of ${tree}/${index} should be kept and is not.`, {
    at: { tree, index },
  });
}
