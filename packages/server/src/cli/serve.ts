import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";

import type { ConfigOption } from "../config/config.ts";
import { isTallystickError } from "../errors.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { CliParts, FolderRequest, RunningServer } from "./parts.ts";
import { DEFAULT_DATA_FOLDER, runFileOf } from "./target.ts";
import type { Run } from "./outcome.ts";

const CLOSE_DEADLINE_MS = 9_500;
/** As long as a stop may take. */
const LEAVING_DEADLINE_MS = 10_000;
const LEAVING_CHECK_MS = 100;

export interface ServeOptions {
  readonly data: string;
  readonly listen?: string;
  readonly config?: string;
  readonly insecureNetwork?: boolean;
  readonly json?: boolean;
}

export function addServeOptions(command: Command): Command {
  return command
    .option("--data <folder>", "data folder; made when absent", DEFAULT_DATA_FOLDER)
    .option(
      "--listen <host:port>",
      "address to listen on; port 0 takes a free one (default: http.listen, 127.0.0.1:7070)",
    )
    .option("--config <file>", "configuration file (docs/reference/configuration.md)")
    .option("--insecure-network", "listen beyond loopback without TLS")
    .option("--json", "say where it listens as JSON");
}

export function serveCommand(parts: CliParts, run: Run): Command {
  return addServeOptions(new Command("serve").description("run the server")).action((options: ServeOptions) =>
    run(async () => {
      const started = await startFrom(parts, options).catch(unlessStopped);
      if (started === null) return EXIT.ok;
      const { server, stopped } = started;
      announce(parts, server, options.json === true);
      try {
        await Promise.race([stopped, server.failed]);
      } finally {
        await closeInTime(server);
      }
      return EXIT.ok;
    }),
  );
}

/** A server that waited for its KMS and was asked to stop did what it should. */
function unlessStopped(error: unknown): null {
  if (isTallystickError(error, "shutting_down")) return null;
  throw error;
}

export interface Started {
  readonly server: RunningServer;
  /** Resolves when the process was asked to stop. */
  readonly stopped: Promise<void>;
}

export async function startFrom(parts: CliParts, options: ServeOptions): Promise<Started> {
  // Asked for before the start, so that a signal which comes meanwhile ends in order what was just begun.
  const stopped = new Promise<void>((resolveStopped) => parts.onStop(resolveStopped));
  const { config, base } = await loadConfig(parts, options.config, configOptions(options));
  const server = await startWhenFree(parts, { folder: resolve(options.data), config, base }, stopped);
  return { server, stopped };
}

/** A server that has taken `run.json` away is about to leave the folder: a start soon after its signal waits for it. */
async function startWhenFree(parts: CliParts, request: FolderRequest, stopped: Promise<void>): Promise<RunningServer> {
  const giveUpMs = performance.now() + LEAVING_DEADLINE_MS;
  for (;;) {
    try {
      return await parts.startServer(request, stopped);
    } catch (error) {
      if (!isTallystickError(error, "folder_locked") || performance.now() >= giveUpMs) throw error;
      if ((await runFileOf(request.folder)) !== null) throw error;
    }
    await sleep(LEAVING_CHECK_MS);
  }
}

/**
 * A stop loses nothing however it ends; one that takes too long is ended by the process, and the next start recovers.
 */
export async function closeInTime(server: RunningServer): Promise<void> {
  const late = new AbortController();
  const deadline = sleep(CLOSE_DEADLINE_MS, undefined, { signal: late.signal }).then(() => {
    throw new CommandError("The server did not stop in time.", { code: "internal" });
  });
  try {
    await Promise.race([server.close(), deadline]);
  } finally {
    late.abort();
    deadline.catch(() => undefined);
  }
}

function configOptions({ listen, insecureNetwork }: ServeOptions): readonly ConfigOption[] {
  return [
    ...(listen === undefined ? [] : [{ key: "http.listen", option: "--listen", value: listen }]),
    ...(insecureNetwork === true ? [{ key: "http.insecure_network", option: "--insecure-network", value: true }] : []),
  ];
}

function announce({ terminal }: CliParts, server: RunningServer, asJson: boolean): void {
  const { url, folder, isFresh } = server;
  const link = isFresh ? server.loginLink() : null;
  if (asJson) return terminal.json({ url, data: folder, ...(link === null ? {} : { login_link: link }) });
  terminal.line(`tallystick listening on ${url}`);
  if (link === null) return;
  terminal.line(`dashboard, one-time login: ${link}`);
  terminal.line(`administrator's token: ${folder}/admin.token`);
}
