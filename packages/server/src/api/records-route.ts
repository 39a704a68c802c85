import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { isTallystickError } from "../errors.ts";
import type { TallystickError } from "../errors.ts";
import type { LineNote } from "../intake/intake.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { asTallystickError, PROBLEM_TYPE, problemOf } from "./errors.ts";
import { ACCEPTED_ENCODINGS, formatOf, RECORD_FORMATS, wantsStrict } from "./intake-content.ts";
import { RECORDS_DESCRIBED } from "./intake-description.ts";
import { PUBLISHED_WAIT_MS } from "./limits.ts";
import { principalOf } from "./route-access.ts";
import { problems } from "./schemas.ts";
import { takeIn } from "./take-in.ts";
import type { StoredPart } from "./store-parts.ts";
import type { IntakeParts, Prepared } from "./take-in.ts";

const Notes = Type.Array(Type.Object({ line: Type.Integer(), code: Type.String(), message: Type.String() }));

export const IntakeAnswer = Type.Object(
  {
    tree: Type.Union([Type.String(), Type.Null()], {
      description: "The tree that the records went into; null when they went into several, which `trees` lists.",
    }),
    first_index: Type.Union([Type.Integer(), Type.Null()], {
      description:
        "Stored records have the indices first_index … first_index + count − 1, in the order of the request.",
    }),
    count: Type.Integer({ description: "Records stored." }),
    duplicates: Type.Integer({ description: "Records acknowledged and not stored again." }),
    rejected: Notes,
    notes: Notes,
    trees: Type.Optional(
      Type.Array(
        Type.Object({
          tree: Type.String(),
          first_index: Type.Union([Type.Integer(), Type.Null()]),
          count: Type.Integer(),
          duplicates: Type.Integer(),
          lines: Type.Array(Type.Array(Type.Integer(), { minItems: 2, maxItems: 2 }), {
            description: "First and last position in the request of each run of records that went there.",
          }),
        }),
        { description: "The same for each log, when the records went to more than one (`logs[].match`)." },
      ),
    ),
    proofs: Type.Optional(
      Type.Array(Type.Object({ tree: Type.String(), leaf_index: Type.Integer(), proof: Type.String() }), {
        description:
          "With wait=published: a c2sp.org/tlog-proof@v1 text for each record that was not rejected, in their order; " +
          "a duplicate's is that of the record stored before.",
      }),
    ),
  },
  { $id: "IntakeAnswer" },
);

interface Counts {
  readonly tree: string | null;
  readonly first_index: number | null;
  readonly count: number;
  readonly duplicates: number;
}

interface Answer extends Counts {
  rejected: readonly LineNote[];
  notes: readonly LineNote[];
  trees?: readonly (Counts & { readonly lines: readonly (readonly [number, number])[] })[];
  proofs?: readonly (Leaf & { readonly proof: string })[];
}

interface Leaf {
  readonly tree: string;
  readonly leaf_index: number;
}

export interface RecordsRouteParts {
  readonly intake: IntakeParts;
  readonly ledger: Ledger;
}

/** POST /v1/records. In a plugin scope of its own: it reads bodies itself. */
export function recordsRoute(app: FastifyInstance, parts: RecordsRouteParts): void {
  app.post(
    "/v1/records",
    {
      config: { access: "write", described: RECORDS_DESCRIBED },
      schema: {
        summary: "Store records",
        description:
          "Bodies: application/json (a record or an array), application/x-ndjson, application/xml; gzip, zstd or deflate. " +
          "An answer of 200 means that the stored records are on disk. `Idempotency-Key` makes a repeated request harmless when its records " +
          "have no ids; `Prefer: handling=strict` stores all or nothing. `Tallystick-Signature` carries the producer's signature " +
          "over the batch (docs/formats/batch-signature.md).",
        tags: ["intake"],
        querystring: Type.Object({
          wait: Type.Optional(
            Type.Enum(["published"], {
              description: "Answer once a signed checkpoint covers the records, with their proofs.",
            }),
          ),
        }),
        response: { 200: IntakeAnswer, 400: IntakeAnswer, ...problems(401, 403, 405, 408, 413, 415, 429, 503) },
      },
      serializerCompiler: () => JSON.stringify,
    },
    (request, reply) => handle(parts, request, reply),
  );
}

async function handle(parts: RecordsRouteParts, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  reply.header("accept-post", Object.keys(RECORD_FORMATS).join(", "));
  reply.header("accept-encoding", ACCEPTED_ENCODINGS);
  const format = formatOf(request.headers["content-type"], RECORD_FORMATS);
  const strict = wantsStrict(request.headers.prefer);
  const wait = (request.query as { wait?: string }).wait === "published";
  if (strict) reply.header("preference-applied", "handling=strict");
  try {
    return await takeIn(parts.intake, request, principalOf(request), format, (prepared) =>
      answer(parts, reply, prepared, strict, wait),
    );
  } catch (error) {
    if (!isTallystickError(error, "malformed_body")) throw error;
    return reply.code(400).type(PROBLEM_TYPE).send(malformed(error));
  }
}

/** A problem that also has the shape of an intake's result, so that a producer reads one shape from every 400. */
function malformed(error: TallystickError): Answer & object {
  const { code, message } = asTallystickError(error);
  return { ...problemOf(error), ...NOTHING, rejected: [{ line: 1, code, message }] };
}

const NOTHING: Answer = { tree: null, first_index: null, count: 0, duplicates: 0, rejected: [], notes: [] };

async function answer(
  parts: RecordsRouteParts,
  reply: FastifyReply,
  prepared: Prepared,
  strict: boolean,
  wait: boolean,
): Promise<Answer> {
  const { rejected, notes } = prepared.result;
  const refusedWhole = rejected.length > 0 && (strict || prepared.isSigned || prepared.count === 0);
  if (refusedWhole) {
    reply.code(400);
    return { ...NOTHING, rejected, notes };
  }
  if (prepared.count === 0) return { ...NOTHING, notes };
  const stored = await prepared.store();
  const result: Answer = { ...summaryOf(stored), rejected, notes };
  return wait ? withProofs(parts.ledger, result, stored) : result;
}

function summaryOf(stored: readonly StoredPart[]): Counts & Pick<Answer, "trees"> {
  const [only, another] = stored;
  if (only !== undefined && another === undefined) return countsOf(only);
  const sum = (field: "count" | "duplicates") => stored.reduce((total, part) => total + part[field], 0);
  const trees = stored.map((part) => ({ ...countsOf(part), lines: rangesOf(part.lines) }));
  return { tree: null, first_index: null, count: sum("count"), duplicates: sum("duplicates"), trees };
}

function countsOf({ tree, firstIndex, count, duplicates }: StoredPart): Counts {
  return { tree, first_index: firstIndex, count, duplicates };
}

function rangesOf(lines: Uint32Array): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  for (const line of lines) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === line - 1) last[1] = line;
    else ranges.push([line, line]);
  }
  return ranges;
}

async function withProofs(ledger: Ledger, result: Answer, stored: readonly StoredPart[]): Promise<Answer> {
  const leaves = stored
    .flatMap((part) => leavesOf(part).map((leaf, at) => ({ leaf, line: part.lines[at]! })))
    .toSorted((one, other) => one.line - other.line)
    .map(({ leaf }) => leaf);
  try {
    const sizes = new Map<string, number>();
    for (const { tree, leaf_index } of leaves) sizes.set(tree, Math.max(sizes.get(tree) ?? 0, leaf_index + 1));
    for (const [tree, size] of sizes) await ledger.published(tree, size, PUBLISHED_WAIT_MS);
    const proofs = [];
    for (const leaf of leaves) proofs.push({ ...leaf, proof: await ledger.proof(leaf.tree, leaf.leaf_index) });
    return { ...result, proofs };
  } catch (error) {
    if (!isTallystickError(error)) throw error;
    // The records are stored, and only that is what the status tells.
    const note = {
      line: 0,
      code: "not_published",
      message: "The records are stored; no checkpoint covered them in time.",
    };
    return { ...result, notes: [...result.notes, note] };
  }
}

/** Where each record of one log lies, copies where their originals do. */
function leavesOf({ tree, firstIndex, count, duplicates, copies }: StoredPart): readonly Leaf[] {
  const leaves: Leaf[] = [];
  let next = firstIndex ?? 0;
  const addStored = (until: number) => {
    while (leaves.length < until) leaves.push({ tree, leaf_index: next++ });
  };
  for (const run of copies) {
    addStored(run.at);
    for (let i = 0; i < run.count; i++) leaves.push({ tree: run.tree, leaf_index: run.firstIndex + i });
  }
  addStored(count + duplicates);
  return leaves;
}
