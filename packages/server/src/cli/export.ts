import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, Option } from "commander";

import { connectTo } from "./client.ts";
import type { Client, Query } from "./client.ts";
import { asCommandError, CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addQuestionOptions, addRangeOptions, questionOf } from "./question.ts";
import type { QuestionOptions } from "./question.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { grouped } from "./terminal.ts";

const MAX_ATTEMPTS = 5;
const RETRY_MS = 500;
/**
 * What may pass while a server or its index starts again; `internal` is a connection that broke in the middle of a
 * page.
 */
const PASSING: ReadonlySet<string> = new Set([
  "unreachable",
  "index_unavailable",
  "shutting_down",
  "query_timeout",
  "internal",
]);

interface ExportOptions extends TargetOptions, QuestionOptions {
  readonly format: string;
  readonly proofs?: boolean;
  readonly cursor?: string;
  readonly after?: string;
  readonly out?: string;
}

/** All records that match, streamed: the answer is as long as it is, memory stays the same. */
export function exportCommand(parts: CliParts, run: Run): Command {
  const command = addRangeOptions(
    addQuestionOptions(new Command("export").description("write all records that match")),
  );
  return addTargetOptions(command)
    .addOption(new Option("--format <format>", "how").choices(["ndjson", "csv", "xml"]).default("ndjson"))
    .option("--proofs", "each record with its proof")
    .option("--cursor <cursor>", "go on where an export ended early")
    .option("--after <place>", "go on after a record, named as <tree>:<leaf_index>")
    .option("--out <file>", "write to a file instead of standard output")
    .option("--json", "the same as --format ndjson")
    .action((words: string[], options: ExportOptions & { json?: boolean }) =>
      run(async () => {
        const { proofs, cursor, after, out } = options;
        const format = options.json === true ? "ndjson" : options.format;
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const query = { ...questionOf(words, options), format, proofs };
        await copyPages(parts, client, { path: "/api/export", query, cursor, after, out });
        return EXIT.ok;
      }),
    );
}

export interface PagedExport {
  readonly path: string;
  readonly query: Query;
  readonly cursor: string | undefined;
  /** `tree:leaf_index` of the last record that is there already. */
  readonly after?: string | undefined;
  /** A file's name; absent: standard output. */
  readonly out: string | undefined;
}

/** Page by page, so that a break costs one page; what cannot be gone on with says where it stopped. */
export async function copyPages(
  parts: CliParts,
  client: Client,
  { path, query, cursor, after: begin, out }: PagedExport,
): Promise<void> {
  const isNew = cursor === undefined && begin === undefined;
  const file = out === undefined ? null : await open(out, isNew ? "w" : "a", 0o600);
  let bytes = 0;
  let next: string | null = cursor ?? null;
  let after = begin;
  try {
    do {
      const page = await pageWithRetries(client, path, { ...query, paged: true, cursor: next ?? undefined, after });
      after = undefined;
      if (file === null) await parts.rawOut(page.bytes);
      else await file.appendFile(page.bytes);
      bytes += page.bytes.length;
      next = page.next;
      if (page.partial && next === null)
        throw new CommandError("The server cut the export; records are missing.", { code: "query_limit" });
      if (file !== null) parts.terminal.progress(`${grouped(bytes)} bytes`);
    } while (next !== null);
  } catch (error) {
    throw unfinished(asCommandError(error), next);
  } finally {
    parts.terminal.progressDone();
    await file?.close();
  }
  if (out !== undefined) parts.terminal.note(`wrote ${grouped(bytes)} bytes to ${out}`);
}

interface ExportPage {
  readonly bytes: Uint8Array;
  readonly next: string | null;
  readonly partial: boolean;
}

async function pageWithRetries(client: Client, path: string, query: Query): Promise<ExportPage> {
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await client.stream(path, query);
      const { headers } = response;
      const bytes = new Uint8Array(await response.arrayBuffer());
      return { bytes, next: headers.get("tallystick-next"), partial: headers.get("tallystick-partial") === "true" };
    } catch (error) {
      const { code } = asCommandError(error);
      if (!PASSING.has(code) || attempt === MAX_ATTEMPTS) throw error;
      await sleep(RETRY_MS * attempt);
    }
  }
}

function unfinished(error: CommandError, next: string | null): CommandError {
  if (next === null) return error;
  return new CommandError(error.message, { code: error.code, hint: `Go on with --cursor ${next}`, cause: error });
}
