import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Command } from "commander";

import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts, RunningServer } from "./parts.ts";
import { addServeOptions, closeInTime, startFrom } from "./serve.ts";
import type { ServeOptions } from "./serve.ts";

const FLEET_END_MS = 3_000;
/** From src/cli and from dist/cli alike. */
const FLEET = fileURLToPath(new URL("../../../../examples/fleet/dist/main.js", import.meta.url));

/** The server together with the example fleet, whose services send it what they do to each other. */
export function demoCommand(parts: CliParts, run: Run): Command {
  return addServeOptions(
    new Command("demo").description("run the server with the example fleet and print a login link"),
  ).action((options: ServeOptions) =>
    run(async () => {
      await requireFleet();
      const { server, stopped } = await startFrom(parts, options);
      greet(parts, server, options.json === true);
      const fleet = startFleet(parts, server);
      try {
        await Promise.race([stopped, server.failed, fleetEnded(fleet)]);
      } finally {
        await endFleet(fleet);
        await closeInTime(server);
      }
      return EXIT.ok;
    }),
  );
}

async function requireFleet(): Promise<void> {
  await access(FLEET).catch(() => {
    throw new CommandError("The example fleet is not built.", {
      code: "not_found",
      hint: "Run `npm run build` in the project's root.",
    });
  });
}

function greet({ terminal }: CliParts, server: RunningServer, asJson: boolean): void {
  const link = server.loginLink();
  if (asJson) return terminal.json({ url: server.url, data: server.folder, login_link: link });
  terminal.line(`tallystick listening on ${server.url}`);
  terminal.line(`administrator's token: ${server.folder}/admin.token`);
  terminal.line("");
  terminal.line(`  Open the dashboard (the link works once): ${terminal.paint("cyan", link)}`);
  terminal.line("  Another link: tallystick login-link. Stop with Ctrl-C.");
  terminal.line("");
}

/** The fleet ends when its standard input closes, which the system does even when this process is killed. */
function startFleet({ environment }: CliParts, server: RunningServer): ChildProcess {
  const env = { ...environment, TALLYSTICK_URL: server.url, TALLYSTICK_TOKEN: server.adminToken };
  return spawn(process.execPath, [FLEET], { env, stdio: ["pipe", "inherit", "inherit"] });
}

function fleetEnded(fleet: ChildProcess): Promise<never> {
  return new Promise((_, reject) => {
    fleet.once("error", reject);
    fleet.once("exit", (code, signal) => {
      // A signal to the whole group ends the fleet beside us; the server's own end follows.
      if (code !== 0 && signal === null) reject(new CommandError(`The example fleet ended with ${code}.`));
    });
  });
}

/** First, so that its last records still find the server; one that hangs is not waited for. */
async function endFleet(fleet: ChildProcess): Promise<void> {
  if (fleet.exitCode !== null || fleet.signalCode !== null) return;
  const ended = once(fleet, "exit");
  fleet.stdin?.end();
  const late = new AbortController();
  await Promise.race([ended, sleep(FLEET_END_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
  if (fleet.exitCode === null && fleet.signalCode === null) fleet.kill("SIGKILL");
}
