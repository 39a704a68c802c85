/**
 * GET /api/export: all records that match, as they are read, in constant memory. Streamed whole: its header
 * `Tallystick-Cursor` names the run, and with it and `after=<tree>:<leaf_index>` of the last whole record a stream that
 * broke goes on. Or page by page (`paged=true`): each page's text goes after the one before, and its header
 * `Tallystick-Next` is the cursor of what follows.
 */
import { readBy, STREAMED } from "./recorded-reads.ts";
import { Readable } from "node:stream";
import { Type } from "typebox";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { OpenReading, AccessRecorder } from "../access/access-recorder.ts";
import { isTallystickError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { EXPORT_FORMATS, exportContentType } from "../search/export/export.ts";
import type { ExportChunk, ExportFormatName, ExportRequest } from "../search/export/export.ts";
import type { Search } from "../search/search.ts";
import { principalOf, scopeOf } from "./route-access.ts";
import { problems, query, textResponse } from "./schemas.ts";
import { CURSOR, goneSignal, ORDER, orderOf, QUESTION } from "./search-query.ts";
import type { QuestionParameters } from "./search-query.ts";

export interface ExportRouteParts {
  readonly accesses: AccessRecorder;
  readonly search: Search;
  readonly ledger: Ledger;
}

const RUN_HEADER = "tallystick-cursor";
const NEXT_HEADER = "tallystick-next";
const PARTIAL_HEADER = "tallystick-partial";

/** Where an export goes on. */
export const AFTER = Type.Optional(
  Type.String({
    description:
      "<tree>:<leaf_index> of the last record that was received whole: the export goes on after it. " +
      "With the `cursor` that the header Tallystick-Cursor gave, nothing is missing or there twice.",
  }),
);

/** How an export is sent, whatever it is of. */
export const EXPORT_OPTIONS = {
  format: Type.Optional(Type.Enum([...EXPORT_FORMATS], { default: "ndjson" })),
  proofs: Type.Optional(Type.Boolean({ description: "Each record with its c2sp.org/tlog-proof@v1 text." })),
  paged: Type.Optional(Type.Boolean({ description: "One page, with the next one's cursor in Tallystick-Next." })),
};

export interface ExportOptions {
  readonly format?: ExportFormatName;
  readonly proofs?: boolean;
  readonly paged?: boolean;
}

export function exportAnswer(): Readonly<Record<number, unknown>> {
  return {
    200: textResponse("What `format` asks for", "application/x-ndjson", "text/csv", "application/xml"),
    ...problems(400, 401, 403, 410, 422, 503, 504),
  };
}

const ExportQuery = query({ ...QUESTION, order: ORDER, cursor: CURSOR, after: AFTER, ...EXPORT_OPTIONS });

interface ExportParameters extends QuestionParameters, ExportOptions {
  readonly order?: string;
  readonly cursor?: string;
  readonly after?: string;
}

export function exportRoute(app: FastifyInstance, parts: ExportRouteParts): void {
  app.get(
    "/api/export",
    {
      config: { access: "read", reads: STREAMED },
      exposeHeadRoute: false,
      schema: {
        summary: "All records that match, streamed",
        description:
          "Streamed whole: when the stream breaks, cut what was received after its last whole record and ask again with " +
          "`cursor` from the header Tallystick-Cursor and `after` of that record; without a whole record, with `cursor` alone. " +
          "Or with `paged=true` page by page: the texts of all pages, one after another, are the export. " +
          "Each page's header Tallystick-Next is the `cursor` of what follows, and is absent on the last; " +
          "Tallystick-Partial: true says that a limit cut the page.",
        tags: ["search"],
        querystring: ExportQuery,
        response: exportAnswer(),
      },
    },
    (request: FastifyRequest<{ Querystring: ExportParameters }>, reply) =>
      sendExport(parts, request, reply, ({ order, ...question }) =>
        parts.search.export(scopeOf(request), { ...question, order: orderOf(order) }, goneSignal(reply)),
      ),
  );
}

type ExportForm = Pick<ExportRequest, "format" | "proof">;

/** Sends the chunks of an export, all or only the first. */
export async function sendExport<Parameters extends ExportOptions>(
  { ledger, accesses }: ExportRouteParts,
  request: FastifyRequest<{ Querystring: Parameters }>,
  reply: FastifyReply,
  read: (request: Omit<Parameters, keyof ExportOptions> & ExportForm) => AsyncIterable<ExportChunk>,
): Promise<unknown> {
  const { format = "ndjson", proofs = false, paged = false, ...question } = request.query as Parameters;
  const proof = proofs ? (tree: string, index: number) => proofOrNull(ledger, tree, index) : undefined;
  const chunks = read({ ...question, format, proof })[Symbol.asyncIterator]();
  // The first one is read before the status goes out: what fails at once is a problem, not a broken stream.
  const first = await chunks.next();
  const asked = readBy(request, principalOf(request));
  const given = first.done === true ? 0 : first.value.records;
  const reading = paged || first.done === true ? null : await accesses.begin(asked);
  if (reading === null) await accesses.answered(asked, { records: given });
  reply
    .type(exportContentType(format))
    .header("content-disposition", `attachment; filename="tallystick-export.${format}"`);
  if (first.done === true) return reply.send("");
  reply.header(RUN_HEADER, first.value.run);
  if (reading !== null) return reply.send(Readable.from(whole(first.value, chunks, request, reply, reading)));
  await chunks.return?.();
  const { text, next, partial } = first.value;
  if (next !== null) reply.header(NEXT_HEADER, next);
  if (partial) reply.header(PARTIAL_HEADER, "true");
  return reply.send(text);
}

/** A stream cannot say at its head that it will be cut, so it says so behind its end, and by ending in error. */
async function* whole(
  first: ExportChunk,
  rest: AsyncIterator<ExportChunk>,
  request: FastifyRequest,
  reply: FastifyReply,
  reading: OpenReading,
): AsyncGenerator<Buffer> {
  let chunk = first;
  try {
    for (;;) {
      reading.add(chunk.records);
      yield Buffer.from(chunk.text);
      if (chunk.partial || !(await request.mayStill())) {
        reply.raw.destroy();
        return;
      }
      const following = await rest.next();
      if (following.done === true) return;
      chunk = following.value;
    }
  } finally {
    await reading.end();
  }
}

async function proofOrNull(ledger: Ledger, tree: string, index: number): Promise<string | null> {
  try {
    return await ledger.proof(tree, index);
  } catch (error) {
    if (isTallystickError(error, "not_published")) return null;
    throw error;
  }
}
