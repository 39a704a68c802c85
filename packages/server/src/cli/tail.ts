import type { StoredRecord } from "@tallystick/record";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";

import { connectTo } from "./client.ts";
import type { Client, Query } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addQuestionOptions, questionOf } from "./question.ts";
import type { QuestionOptions } from "./question.ts";
import { recordLine } from "./record-text.ts";
import { serverEvents } from "./server-events.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";

const RECONNECT_MS = 1_000;

interface TailOptions extends TargetOptions, QuestionOptions {
  readonly after?: string;
  readonly local?: boolean;
  readonly json?: boolean;
}

export function tailCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(addQuestionOptions(new Command("tail").description("show records as they become searchable")))
    .option("--after <id>", "go on exactly after an event's id")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "a record a line, as JSON")
    .action((words: string[], options: TailOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const stopping = new AbortController();
        parts.onStop(() => stopping.abort());
        const show = (stored: StoredRecord) => {
          const { terminal } = parts;
          terminal.line(
            options.json === true ? JSON.stringify(stored) : recordLine(terminal, stored, options.local === true),
          );
        };
        await follow(parts, client, questionOf(words, options), options.after ?? null, show, stopping.signal);
        return EXIT.ok;
      }),
    );
}

/** A connection that breaks is made again and goes on exactly after the last record shown. */
async function follow(
  { terminal }: CliParts,
  client: Client,
  query: Query,
  after: string | null,
  show: (stored: StoredRecord) => void,
  signal: AbortSignal,
): Promise<void> {
  let lastId = after;
  let connected = false;
  while (!signal.aborted) {
    try {
      const headers: Record<string, string> = lastId === null ? {} : { "last-event-id": lastId };
      const response = await client.stream("/api/tail", query, headers, signal);
      connected = true;
      for await (const { id, event, data } of serverEvents(response.body as unknown as AsyncIterable<Uint8Array>)) {
        if (event === "record") show(JSON.parse(data) as StoredRecord);
        lastId = id ?? lastId;
      }
    } catch (error) {
      if (signal.aborted) return;
      // What a server says at the first try is final; later it may only be restarting.
      if (
        error instanceof CommandError &&
        (!connected || (error.code !== "unreachable" && error.code !== "shutting_down"))
      )
        throw error;
    }
    if (!signal.aborted) terminal.note("The connection ended; trying again …");
    await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
  }
}
