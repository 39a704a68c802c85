import type { StoredRecord } from "@tallystick/record";
import { Command, InvalidArgumentError, Option } from "commander";

import { connectTo } from "./client.ts";
import type { Client, Query } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addQuestionOptions, addRangeOptions, questionOf } from "./question.ts";
import type { QuestionOptions } from "./question.ts";
import { recordTable } from "./record-text.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { counted } from "./terminal.ts";

interface SearchOptions extends TargetOptions, QuestionOptions {
  readonly limit: number;
  readonly order?: string;
  readonly cursor?: string;
  readonly credentialStdin?: boolean;
  readonly local?: boolean;
  readonly json?: boolean;
}

interface SearchAnswer {
  readonly records: readonly StoredRecord[];
  readonly next: string | null;
  readonly elapsed_ms: number;
  readonly partial: boolean;
  readonly notes?: readonly { readonly message?: string }[];
}

export function searchCommand(parts: CliParts, run: Run): Command {
  const command = addRangeOptions(addQuestionOptions(new Command("search").description("find records")));
  return addTargetOptions(command)
    .option("--limit <count>", "records at most, 1 to 1,000", count, 50)
    .addOption(new Option("--order <order>", "newest or oldest first").choices(["newest", "oldest"]).default("newest"))
    .option("--cursor <cursor>", "go on after an earlier answer's `next`")
    .option("--credential-stdin", "only records of the key, token or certificate on standard input; it is kept nowhere")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "the server's answer as JSON")
    .action((words: string[], options: SearchOptions) =>
      run(async () => {
        const { limit, order, cursor } = options;
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const question = questionOf(words, options);
        const asked = options.credentialStdin === true ? await withCredential(parts, client, question) : question;
        const answer = await client.get<SearchAnswer>("/api/search", {
          ...asked,
          limit,
          order,
          cursor,
        });
        if (options.json === true) parts.terminal.json(answer);
        else show(parts, answer, options.local === true);
        return EXIT.ok;
      }),
    );
}

/** The question, of one credential's records; only its id goes into the URL. */
async function withCredential(parts: CliParts, client: Client, question: Query): Promise<Query> {
  const credential = (await parts.readStdin()).trim();
  if (credential === "")
    throw new CommandError("There is no credential on standard input.", {
      code: "bad_request",
      hint: "Pipe it in, as in `tallystick search --credential-stdin < key.txt`; typed as an argument it would stay in the shell's history.",
    });
  const { credential_id: id } = await client.send<{ readonly credential_id: string }>(
    "POST",
    "/api/credentials/fingerprint",
    { credential },
  );
  const given = typeof question["q"] === "string" ? question["q"].trim() : "";
  const own = `credential_id:${JSON.stringify(id)}`;
  return { ...question, q: given === "" ? own : `(${given}) AND ${own}` };
}

function show({ terminal }: CliParts, answer: SearchAnswer, local: boolean): void {
  const { records, next, partial } = answer;
  if (records.length > 0) for (const line of recordTable(terminal, records, local)) terminal.line(line);
  for (const note of answer.notes ?? []) if (note.message !== undefined) terminal.note(note.message);
  const more = next === null ? "" : `; more with --cursor ${next}`;
  const cut = partial ? "; the answer was cut by a limit" : "";
  terminal.note(`${counted(records.length, "record")} in ${Math.round(answer.elapsed_ms)} ms${cut}${more}`);
}

export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("Give a whole number from 1 on.");
  return value;
}
