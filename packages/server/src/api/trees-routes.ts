import { STREAMED, recordsIn, readBy } from "./recorded-reads.ts";
import { callId, decodeLeaf } from "@tallystick/record";
import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { AccessRecorder } from "../access/access-recorder.ts";
import { isTallystickError, TallystickError } from "../errors.ts";
import { entryLength, leafAt, LENGTH_BYTES } from "../journal/entries.ts";
import type { Journal, TreePosition } from "../journal/journal.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { PROOF_WAIT_MS } from "./limits.ts";
import { seesRecord, seesWhole } from "../search/scope.ts";
import type { Scope } from "../search/scope.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query, StoredRecordSchema, textResponse } from "./schemas.ts";

export interface TreesRoutesParts {
  readonly journal: Journal;
  readonly ledger: Ledger;
  readonly accesses: Pick<AccessRecorder, "answered">;
}

/** A tile of a given path and width never changes. */
const IMMUTABLE = "public, max-age=31536000, immutable";
/** Entries are records, and one may have to be erased: no cache keeps them. */
const NOT_KEPT = "private, no-store";

const TreeParams = Type.Object({ log: Type.String(), epoch: Type.String() });
type TreeRequest = FastifyRequest<{ Params: { log: string; epoch: string; "*"?: string; level?: string } }>;

/** The trees as C2SP tlog-tiles (https://c2sp.org/tlog-tiles), and what people ask about them. */
export function treesRoutes(app: FastifyInstance, parts: TreesRoutesParts): void {
  tileRoutes(app, parts);
  chainRoute(app, parts);
  treeListRoute(app, parts);
  recordRoute(app, parts);
}

function tileRoutes(app: FastifyInstance, parts: TreesRoutesParts): void {
  const tags = ["trees"];
  app.get(
    "/trees/:log/:epoch/checkpoint",
    {
      config: { access: "public" },
      schema: {
        summary: "The newest signed checkpoint",
        tags,
        params: TreeParams,
        response: { 200: textResponse("A C2SP checkpoint", "text/plain"), ...problems(404) },
      },
    },
    async (request: TreeRequest, reply) => {
      const note = await parts.ledger.checkpoint(treeOf(parts, request));
      if (note === null)
        throw new TallystickError("not_found", "This tree has no checkpoint yet.", {
          hint: "Its first one follows within a second or two.",
        });
      return open(reply).type("text/plain; charset=utf-8").header("cache-control", "no-cache").send(Buffer.from(note));
    },
  );
  app.get(
    "/trees/:log/:epoch/tile/entries/*",
    {
      config: { access: "read", reads: STREAMED },
      schema: {
        summary: "An entry bundle: 256 leaves, or fewer in a partial one",
        tags,
        params: TreeParams,
        response: {
          200: textResponse("Length-prefixed leaves", "application/octet-stream"),
          ...problems(401, 403, 404),
        },
      },
    },
    async (request: TreeRequest, reply) => {
      const tree = treeOf(parts, request);
      if (!seesWhole(scopeOf(request), tree))
        throw new TallystickError("forbidden", `Entries are whole leaves, and you do not see all of ${tree}.`, {
          hint: "GET /api/records gives the records that you see, each with its proof.",
        });
      const bundle = await parts.ledger.entries(tree, `tile/entries/${request.params["*"]}`);
      // A verifier reads bundle after bundle: one reading of the tree.
      const records = bundle === null ? 0 : leavesIn(bundle);
      await parts.accesses.answered(readBy(request, principalOf(request), tree), { records });
      return sendTile(reply, bundle, NOT_KEPT);
    },
  );
  app.get(
    "/trees/:log/:epoch/tile/:level/*",
    {
      config: { access: "public" },
      schema: {
        summary: "A hash tile",
        tags,
        params: Type.Object({ log: Type.String(), epoch: Type.String(), level: Type.String() }),
        response: { 200: textResponse("Hashes of 32 bytes", "application/octet-stream"), ...problems(404) },
      },
    },
    async (request: TreeRequest, reply) => {
      const { level, "*": rest } = request.params;
      return sendTile(open(reply), await parts.ledger.tile(treeOf(parts, request), `tile/${level}/${rest}`), IMMUTABLE);
    },
  );
}

function chainRoute(app: FastifyInstance, parts: TreesRoutesParts): void {
  app.get(
    "/trees/:log/:epoch/chain",
    {
      config: { access: "public" },
      schema: {
        summary: "The leaves of the epoch chain: leaf 0 and links to closed trees",
        description: "One line a leaf, by index: the index, a space, the leaf's exact text. They are the log's own.",
        tags: ["trees"],
        params: TreeParams,
        response: { 200: textResponse("Chain leaves", "text/plain"), ...problems(404) },
      },
    },
    async (request: TreeRequest, reply) => {
      const leaves = await parts.ledger.chain(treeOf(parts, request));
      if (leaves === null)
        throw new TallystickError("not_found", "This tree has no checkpoint yet.", {
          hint: "Its first one follows within a second or two.",
        });
      return open(reply)
        .type("text/plain; charset=utf-8")
        .header("cache-control", "no-cache")
        .send(Buffer.from(leaves));
    },
  );
}

/** Public bytes may be read by any page, so that strangers can verify from a browser. */
function open(reply: FastifyReply): FastifyReply {
  return reply.header("access-control-allow-origin", "*").header("cross-origin-resource-policy", "cross-origin");
}

function sendTile(reply: FastifyReply, bytes: Uint8Array | null, cacheControl: string): FastifyReply {
  if (bytes === null) throw new TallystickError("not_found", "There is no such tile at the published size.");
  return reply.type("application/octet-stream").header("cache-control", cacheControl).send(Buffer.from(bytes));
}

/** Each with two bytes of length before it. */
function leavesIn(bundle: Uint8Array): number {
  let leaves = 0;
  for (let at = 0; at < bundle.length; at += LENGTH_BYTES + entryLength(bundle, at)) leaves += 1;
  return leaves;
}

function treeOf(parts: TreesRoutesParts, request: TreeRequest): string {
  return positionOf(parts, request.params.log, request.params.epoch).tree;
}

function positionOf({ journal }: TreesRoutesParts, log: string, epoch: string): TreePosition {
  const position = journal.trees().find((candidate) => candidate.log === log && candidate.epoch === epoch);
  if (position === undefined)
    throw new TallystickError("not_found", "There is no such tree.", { hint: "GET /api/trees lists them." });
  return position;
}

const Tree = Type.Object({
  tree: Type.String(),
  origin: Type.String({ description: "The checkpoint's origin and the key's name." }),
  size: Type.Integer({ description: "Leaves under the newest checkpoint." }),
  vkey: Type.String({ description: "C2SP verifier key." }),
});

function treeListRoute(app: FastifyInstance, { journal, ledger }: TreesRoutesParts): void {
  app.get(
    "/api/trees",
    {
      config: { access: "public" },
      schema: {
        summary: "The trees there are",
        description: "As public as the checkpoints, so that a stranger with the URL alone can verify.",
        tags: ["trees"],
        response: { 200: Type.Array(Tree) },
      },
    },
    async (_, reply) => {
      open(reply);
      const published = new Map(ledger.positions().map((position) => [position.tree, position.published]));
      return journal.trees().map(({ tree }) => ({
        tree,
        origin: ledger.origin(tree),
        size: published.get(tree) ?? 0,
        vkey: ledger.verifierKey(tree),
      }));
    },
  );
}

const Proven = Type.Intersect([
  Type.Object({ ...StoredRecordSchema.properties }),
  Type.Object({
    leaf: Type.String({ description: "The leaf's exact text; its UTF-8 bytes are what the tree holds." }),
    proof: Type.Union([Type.String(), Type.Null()], {
      description: "c2sp.org/tlog-proof@v1; null until a checkpoint covers the leaf.",
    }),
  }),
]);

function recordRoute(app: FastifyInstance, parts: TreesRoutesParts): void {
  app.get(
    "/api/records/:log/:epoch/:index",
    {
      config: { access: "read", reads: recordsIn(() => 1) },
      schema: {
        summary: "One record with its proof",
        description: "Waits a moment for the checkpoint that covers a record which has just been stored.",
        tags: ["trees"],
        params: Type.Object({
          log: Type.String(),
          epoch: Type.String(),
          index: Type.String({ pattern: "^(0|[1-9][0-9]{0,15})$" }),
        }),
        querystring: query({}),
        response: { 200: Proven, ...problems(400, 401, 403, 404) },
      },
    },
    (request: FastifyRequest) => {
      const { log, epoch, index } = request.params as { log: string; epoch: string; index: string };
      return provenRecord(parts, positionOf(parts, log, epoch), Number(index), scopeOf(request));
    },
  );
}

async function provenRecord(
  parts: TreesRoutesParts,
  { tree, size }: TreePosition,
  index: number,
  scope: Scope,
): Promise<unknown> {
  const range = index < size ? await parts.journal.read(tree, index, 1) : null;
  if (range === null)
    throw new TallystickError("not_found", `${tree} has ${size} leaves; there is no leaf ${index}.`, {
      hint: size === 0 ? "It is empty." : `They are numbered 0 to ${size - 1}.`,
      at: { tree, index },
    });
  const leaf = leafAt(range.entries, 0);
  const { record, observed } = decodeLeaf(leaf);
  if (!seesRecord(scope, tree, { record, observed }))
    throw new TallystickError("not_found", `${tree} has no leaf ${index} that you may see.`, { at: { tree, index } });
  return {
    tree,
    leaf_index: index,
    call_id: callId(record),
    record,
    observed,
    leaf: Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8"),
    proof: await proofOrNull(parts.ledger, tree, index),
  };
}

async function proofOrNull(ledger: Ledger, tree: string, index: number): Promise<string | null> {
  try {
    await ledger.published(tree, index + 1, PROOF_WAIT_MS);
    return await ledger.proof(tree, index);
  } catch (error) {
    if (isTallystickError(error) && ["not_published", "query_timeout", "shutting_down"].includes(error.code))
      return null;
    throw error;
  }
}
