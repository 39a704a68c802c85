/** What people do by command line about themselves and each other, against a real server. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { runLine } from "./command-line.contract.ts";
import type { Ran, RunOptions } from "./command-line.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
let server: TestServer;
const PASSWORD = "correct horse battery staple";

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  server = await startTestServer(data, "retention: {keep: 30 days}\ncontrol: {approvals: always}\n");
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const line = (words: readonly string[], options?: RunOptions): Promise<Ran> =>
  runLine([...words, "--data", data], options);
const post = (path: string, body: object, headers: Readonly<Record<string, string>>) =>
  server.fetch(path, {
    method: "POST",
    authorization: null,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

describe("users", () => {
  it("are made, changed, given passwords and links, and disabled; no password stands in any output", async () => {
    const typed = { readStdin: async () => `${PASSWORD}\n` };
    const made = await line(
      ["users", "add", "ada", "--role", "auditor", "--password-stdin", "--see-logs", "default"],
      typed,
    );
    expect([made.exitCode, made.out]).toEqual([0, "made ada, auditor, who sees logs default\n"]);
    const set = await line(["users", "set", "ada", "--role", "investigator", "--see-services", "orders, payments"]);
    expect(set.out).toContain("investigator and sees services orders, payments");
    expect((await line(["users", "password", "ada"])).exitCode).toBe(2);
    expect((await line(["users", "password", "ada", "--password-stdin"])).err).toContain(
      "no password on standard input",
    );
    expect((await line(["users", "password", "ada", "--none"])).out).toBe("ada has no password\n");
    const link = await line(["users", "link", "ada"]);
    expect(link.out).toMatch(/\/login\?token=/);
    const listed = await line(["users", "list"]);
    expect(listed.out).toMatch(/ada +investigator +services orders, payments +no .* active/);
    expect((await line(["users", "disable", "ada"])).out).toBe("ada is disabled\n");
    expect((await line(["users", "link", "ada"])).exitCode).not.toBe(0);
    const outputs = [made, set, listed].map(({ out, err }) => out + err).join("");
    expect(outputs).not.toContain(PASSWORD);
  });

  it("a key for a reader has a scope too", async () => {
    const key = await line([
      "keys",
      "create",
      "--name",
      "grafana",
      "--role",
      "viewer",
      "--see-classes",
      "public",
      "--json",
    ]);
    expect(key.json<{ scope: unknown }>().scope).toEqual({ logs: "*", services: "*", data_classes: ["public"] });
  });
});

describe("login", () => {
  it("fetches a token of one's own that only its owner reads; logout ends it", async () => {
    await line(["users", "add", "grace", "--role", "admin", "--password-stdin"], { readStdin: async () => PASSWORD });
    const session = await post("/api/session", { name: "grace", password: PASSWORD }, {});
    const cookie = session.headers.get("set-cookie")!.split(";")[0]!;
    const environment = { XDG_CONFIG_HOME: join(folder.path, "config"), TALLYSTICK_URL: server.url };
    let asked = 0;
    const http = {
      fetch,
      async wait() {
        asked += 1;
        const shown = /code is ([A-Z]{4}-[A-Z]{4})/.exec(told.join("\n"))![1]!;
        await post("/api/device/decision", { user_code: shown, allow: true }, { cookie });
      },
    };
    // What is told to the person who waits, while the command goes on.
    const told: string[] = [];
    const watching: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (response.url.endsWith("/api/device")) {
        const { user_code: code } = (await response.clone().json()) as { readonly user_code: string };
        told.push(`code is ${code}`);
      }
      return response;
    };
    const login = await runLine(["login"], { environment, http, fetch: watching });
    expect([login.exitCode, asked]).toEqual([0, 1]);
    expect(login.err).toContain("/device?code=");
    const kept = join(folder.path, "config/tallystick/tokens.json");
    expect((await stat(kept)).mode & 0o777).toBe(0o600);
    const token = (JSON.parse(await readFile(kept, "utf8")) as Record<string, string>)[server.url]!;
    expect(login.out + login.err).not.toContain(token);
    expect((await runLine(["users", "list"], { environment })).exitCode).toBe(0);
    expect((await runLine(["logout"], { environment })).exitCode).toBe(0);
    expect((await runLine(["users", "list"], { environment })).err).toContain("needs credentials");
    expect((await runLine(["logout"], { environment })).err).toContain("Nobody is logged in");
  });
});

describe("a shorter time to keep that nobody has approved", () => {
  it("is said by the plan, with the time that holds meanwhile", async () => {
    const { out } = await line(["retain", "plan"]);
    expect(out.match(/The configuration says .*/g)).toContain(
      "The configuration says 30 days for log control: 13 months holds until it is approved (`tallystick approvals list`).",
    );
  });
});

describe("approvals", () => {
  it("are listed with who may approve, and say when there is none of an id", async () => {
    const listed = await line(["approvals", "list", "--pending"]);
    expect([listed.exitCode, listed.err]).toEqual([0, "Approved by: user:grace\n"]);
    const missing = await line(["approvals", "approve", "approval_0"]);
    expect([missing.exitCode, missing.err]).toEqual([2, expect.stringContaining("no proposal with this id")]);
    expect((await line(["approvals", "reject", "approval_0"])).exitCode).toBe(2);
  });
});
