import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock } from "../../real-clock.ts";
import { until } from "../sample.contract.ts";
import { superviseEngine } from "./supervisor.ts";
import type { EngineAddress, Supervisor } from "./supervisor.ts";

let folder: string;
let supervisor: Supervisor | null;

function start(): Supervisor {
  supervisor = superviseEngine({
    folder,
    database: "tallystick",
    memoryBytes: 1_000_000_000,
    diskKey: new Uint8Array(32).fill(1),
    clock: realClock(),
    environment: process.env,
    onTrouble: () => {},
  });
  return supervisor;
}

const up = async (running: Supervisor): Promise<EngineAddress> => {
  await until(() => running.address() !== null);
  return running.address()!;
};

/** A process that ended and that nobody waited for is no longer alive. */
function isAlive(pid: number): boolean {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z /.test(readFileSync(path, "utf8"));
}

async function ask(
  address: EngineAddress,
  sql: string,
  password = address.password,
): Promise<{ readonly status: number; readonly text: string }> {
  const authorization = `Basic ${Buffer.from(`${address.user}:${password}`).toString("base64")}`;
  const response = await fetch(address.url, { method: "POST", body: sql, headers: { authorization } });
  return { status: response.status, text: await response.text() };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-engine-"));
  supervisor = null;
});
afterEach(async () => {
  await supervisor?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the engine", () => {
  test("answers only who knows the password, and only its verbs", async () => {
    const address = await up(start());
    expect(await ask(address, "SELECT 1")).toEqual({ status: 200, text: "1\n" });
    expect((await ask(address, "SELECT 1", "wrong")).status).toBe(403);
    expect((await fetch(`${address.url}/ping`)).status).toBe(403);
    for (const sql of ["SYSTEM SHUTDOWN", "SET readonly = 0", "ATTACH DATABASE x", "nonsense", "SELECT 1; SELECT 2"]) {
      expect((await ask(address, sql)).status, sql).toBe(400);
    }
    expect(address.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  test("leaves SIGTERM and SIGINT to the server and ends when the server closes", async () => {
    const running = start();
    const address = await up(running);
    const pid = running.pid()!;
    process.kill(pid, "SIGTERM");
    process.kill(pid, "SIGINT");
    expect((await ask(address, "SELECT 2")).text).toBe("2\n");
    await running.close();
    expect(isAlive(pid)).toBe(false);
  });

  test("is started again when it dies, at another address", async () => {
    const running = start();
    const before = await up(running);
    process.kill(running.pid()!, "SIGKILL");
    await until(() => running.address() !== null && running.address()!.password !== before.password);
    expect((await ask(running.address()!, "SELECT 3")).text).toBe("3\n");
  });

  test("ends with a server that is killed, and the next one opens the folder at once", async () => {
    const script = `
      import { superviseEngine } from ${JSON.stringify(fileURLToPath(new URL("supervisor.ts", import.meta.url)))};
      import { realClock } from ${JSON.stringify(fileURLToPath(new URL("../../real-clock.ts", import.meta.url)))};
      const supervisor = superviseEngine({ folder: ${JSON.stringify(folder)}, database: "tallystick", memoryBytes: 1e9,
        diskKey: new Uint8Array(32).fill(1), clock: realClock(), environment: process.env, onTrouble: () => {} });
      supervisor.onChange((address) => { if (address !== null) console.log(supervisor.pid()); });
      setInterval(() => {}, 1000);`;
    const server = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const engine = Number(line.toString());
    expect(isAlive(engine)).toBe(true);
    server.kill("SIGKILL");
    const address = await up(start());
    expect((await ask(address, "SELECT 4")).text).toBe("4\n");
    expect(isAlive(engine)).toBe(false);
  });
});
