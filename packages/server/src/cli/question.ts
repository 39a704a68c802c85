import { Option } from "commander";
import type { Command } from "commander";

import type { Query } from "./client.ts";
import { CommandError } from "./command-error.ts";

/** What search, tail and export ask with. */
export interface QuestionOptions {
  readonly query?: string;
  readonly from?: string;
  readonly to?: string;
  readonly time?: string;
  readonly own?: boolean;
}

export function addQuestionOptions(command: Command): Command {
  return command
    .argument("[query...]", "as 'service_id:payments AND status:(error OR denied)'; empty means all")
    .option("-q, --query <query>", "the query, instead of the argument")
    .option("--own", "with Tallystick's own records");
}

export function addRangeOptions(command: Command): Command {
  return command
    .option("--from <time>", "from this time on: RFC 3339, a date, or now-15m")
    .option("--to <time>", "before this time")
    .addOption(
      new Option("--time <which>", "which time --from, --to and the order mean").choices(["timestamp", "received_at"]),
    );
}

export function questionOf(words: readonly string[], options: QuestionOptions): Query {
  if (words.length > 0 && options.query !== undefined) {
    throw new CommandError("The query was given twice.", {
      code: "bad_request",
      hint: "Give it as the argument or with -q.",
    });
  }
  const { from, to, time, own } = options;
  return { q: options.query ?? words.join(" "), from, to, time, own };
}
