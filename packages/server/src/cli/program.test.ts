import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { TallystickError } from "../errors.ts";
import { COMMAND_ACCESS } from "./command-access.ts";
import { FOLDER_WORK, runLine } from "./command-line.contract.ts";
import type { CliParts, RunningServer } from "./parts.ts";

/** By their words; `api/route-access.test.ts` sees that none is missing. */
const COMMANDS = Object.keys(COMMAND_ACCESS);

const RUNNING: RunningServer = {
  url: "http://127.0.0.1:1",
  folder: "/data",
  isFresh: false,
  adminToken: "",
  loginLink: () => "",
  close: async () => {},
  failed: new Promise(() => {}),
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tallystick-cli-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("every command", () => {
  it.each(COMMANDS)("%s explains itself, with --json", async (name) => {
    const { exitCode, out, err } = await runLine([...name.split(" "), "--help"]);
    expect([exitCode, err]).toEqual([0, ""]);
    expect(out).toMatch(new RegExp(`Usage: tallystick ${name}`));
    expect(out).toContain("--json");
  });

  it("is listed, with the exit codes", async () => {
    const { exitCode, out } = await runLine(["--help"]);
    expect(exitCode).toBe(0);
    for (const name of COMMANDS) expect(out).toContain(name.split(" ")[0]);
    expect(out).toContain("Exit codes");
  });

  it.each([
    ["an unknown command", ["serch"], "Did you mean search?"],
    ["an unknown option", ["search", "--limt", "3"], "Did you mean --limit?"],
    ["a missing argument", ["trace"], "missing required argument"],
    ["nothing to verify", ["verify"], "Name one data folder or URL"],
    ["a missing option", ["keys", "create"], "--name"],
    ["a value that is no choice", ["export", "--format", "yaml"], "Allowed choices"],
    ["a value that is no number", ["search", "--limit", "many"], "whole number"],
    ["nothing to prove", ["prove", "--url", "http://127.0.0.1:9"], "Name one record"],
  ])("ends with 2 for %s, and says so", async (_, words, says) => {
    const { exitCode, out, err } = await runLine(words);
    expect([exitCode, out]).toEqual([2, ""]);
    expect(err).toContain(says);
  });

  it("ends with 2 where no server is, and says how to name one", async () => {
    const { exitCode, err } = await runLine(["search", "--data", join(folder, "nothing")]);
    expect(exitCode).toBe(2);
    expect(err).toContain("tallystick serve");
    expect((await runLine(["search", "--url", "ftp://x"])).exitCode).toBe(2);
    expect((await runLine(["search", "--url", "http://127.0.0.1:9"])).err).toContain("does not answer");
  });

  it("says its errors as JSON when it is asked for JSON", async () => {
    const { exitCode, json } = await runLine(["search", "--json", "--data", join(folder, "nothing")]);
    expect(exitCode).toBe(2);
    expect(json<{ error: { code: string } }>().error.code).toBe("not_found");
  });
});

describe("version", () => {
  it("is printed for people and programs", async () => {
    expect((await runLine(["version"])).out).toContain("1.2.3");
    expect((await runLine(["--version"])).out).toBe("1.2.3\n");
    expect((await runLine(["version", "--json"])).json()).toMatchObject({ version: "1.2.3" });
  });
});

describe("config", () => {
  it("shows each value with where it came from, and no password", async () => {
    const file = join(folder, "ok.yaml");
    await writeFile(file, "index:\n  url: http://me:hidden@10.0.0.1:8123\n");
    const { exitCode, out } = await runLine(["config", "--config", file], {
      environment: { TALLYSTICK_LOG_LEVEL: "warn" },
    });
    expect(exitCode).toBe(0);
    expect(out).toMatch(/log\.level\s+warn\s+TALLYSTICK_LOG_LEVEL/);
    expect(out).toMatch(new RegExp(`index\\.url\\s+http://me:\\*\\*\\*@10\\.0\\.0\\.1:8123\\s+${file}:2:3`));
    expect(out).toMatch(/http\.listen\s+127\.0\.0\.1:7070\s+default/);
    expect(out).not.toContain("hidden");
  });

  it("ends with 2 at a fault, with its line and column", async () => {
    const file = join(folder, "bad.yaml");
    await writeFile(file, "log:\n  level: loud\n");
    for (const command of [["config"], ["serve", "--data", folder]]) {
      const { exitCode, err } = await runLine([...command, "--config", file]);
      expect(exitCode).toBe(2);
      expect(err).toContain(`${file}:2:3: log.level must be one of trace`);
    }
    expect((await runLine(["config", "--config", join(folder, "gone.yaml")])).exitCode).toBe(2);
  });
});

describe("serve", () => {
  const locked = new TallystickError("folder_locked", "the data folder is in use");
  const startServer = vi.fn<CliParts["startServer"]>();

  it("waits for a server that is leaving the folder", async () => {
    startServer.mockReset().mockRejectedValueOnce(locked).mockRejectedValueOnce(locked).mockResolvedValueOnce(RUNNING);
    const { exitCode, out } = await runLine(["serve", "--data", folder], { startServer, onStop: (stop) => stop() });
    expect([exitCode, startServer.mock.calls.length]).toEqual([0, 3]);
    expect(out).toContain("listening on http://127.0.0.1:1");
  });

  it("does not wait for one that stays", async () => {
    const used = join(folder, "used");
    await mkdir(used);
    await writeFile(join(used, "run.json"), '{"url":"http://127.0.0.1:1","pid":1}\n');
    startServer.mockReset().mockRejectedValue(locked);
    const { exitCode, err } = await runLine(["serve", "--data", used], { startServer });
    expect([exitCode, startServer.mock.calls.length]).toEqual([2, 1]);
    expect(err).toContain("the data folder is in use");
  });
});

describe("output", () => {
  it("has colours only on a terminal, and not where they are not wanted", async () => {
    const examine = { examine: async () => [{ name: "a", state: "good" as const, says: "b" }] };
    const work = { ...FOLDER_WORK, ...examine };
    const escape = "\u001b[";
    expect((await runLine(["doctor", "--data", folder], { folder: work })).out).not.toContain(escape);
    expect((await runLine(["doctor", "--data", folder], { folder: work, isTTY: true })).out).toContain(escape);
    const plain = await runLine(["doctor", "--data", folder], {
      folder: work,
      isTTY: true,
      environment: { NO_COLOR: "1" },
    });
    expect(plain.out).not.toContain(escape);
  });
});

describe("docs/reference/configuration.md", () => {
  it("is what the schema says", async () => {
    const { configurationReference } = await import("../config/reference.ts");
    expect(await readFile(new URL("../../../../docs/reference/configuration.md", import.meta.url), "utf8")).toBe(
      configurationReference(),
    );
  });
});
