/** Runs command lines in this process, as main.ts would, and keeps what they write. */
import { fileURLToPath } from "node:url";

import type { CliParts } from "./parts.ts";
import { runCommandLine } from "./program.ts";
import { terminal } from "./terminal.ts";

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  // eslint-disable-next-line typescript/no-unnecessary-type-parameters -- says what the test expects to read
  json<Result>(): Result;
}

export interface RunOptions extends Partial<Omit<CliParts, "terminal" | "environment">> {
  readonly environment?: Readonly<Record<string, string>>;
  readonly isTTY?: boolean;
}

const absent = () => Promise.reject(new Error("not in this test"));

/** Nothing that works on a folder is there; `doctor` finds nothing. */
export const FOLDER_WORK = {
  verify: absent,
  check: absent,
  reindex: absent,
  exportIntegrityKey: absent,
  rotate: absent,
  rotateSigning: absent,
  rewrap: absent,
  backup: absent,
  restore: absent,
  examine: async () => [],
};

export async function runLine(
  words: readonly string[],
  { environment = {}, isTTY = false, ...parts }: RunOptions = {},
): Promise<Ran> {
  let out = "";
  let err = "";
  const outStream = { isTTY, columns: 200, write: (text: string) => void (out += text) };
  const errStream = { isTTY, write: (text: string) => void (err += text) };
  const exitCode = await runCommandLine(
    {
      terminal: terminal(outStream, errStream, environment),
      environment,
      version: "1.2.3",
      fetch,
      http: { fetch, wait: () => Promise.resolve() },
      rawOut: async (bytes) => void (out += Buffer.from(bytes).toString()),
      readStdin: async () => "",
      pipelinesFolder: fileURLToPath(new URL("../detect/pipelines", import.meta.url)),
      onStop: () => {},
      startServer: absent,
      folder: FOLDER_WORK,
      ...parts,
    },
    words,
  );
  return { exitCode, out, err, json: () => JSON.parse(out) as never };
}
