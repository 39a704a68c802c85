/** Commands that talk to a server, against a real one. What needs the index is in integration tests of the whole. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { verifyProof } from "@tallystick/verify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { folderWork } from "../folder-work.ts";
import { startTestServer, temporaryFolder, testMachine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { runLine } from "./command-line.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
let server: TestServer;
const TREE = `default/${new Date().toISOString().slice(0, 7)}`;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  server = await startTestServer(data);
  const record = {
    timestamp: "2023-10-05T08:20:43Z",
    event_type: "API_CALL",
    service_id: "a",
    status: "success",
    request_id: "xyz",
  };
  await server.fetch("/v1/records?wait=published", {
    method: "POST",
    body: JSON.stringify(record),
    headers: { "content-type": "application/json" },
  });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

describe("a command finds its server", () => {
  it("by the data folder, by options and by the environment", async () => {
    expect((await runLine(["keys", "list", "--data", data])).exitCode).toBe(0);
    expect((await runLine(["keys", "list", "--url", server.url, "--token", server.adminToken])).exitCode).toBe(0);
    const environment = { TALLYSTICK_URL: `${server.url}/`, TALLYSTICK_TOKEN: server.adminToken };
    expect((await runLine(["keys", "list"], { environment })).exitCode).toBe(0);
    const wrong = { TALLYSTICK_URL: "http://127.0.0.1:9", TALLYSTICK_TOKEN: "x" };
    expect((await runLine(["keys", "list", "--data", data], { environment: wrong })).exitCode).toBe(0);
    expect((await runLine(["keys", "list", "--url", server.url])).err).toContain("needs credentials");
  });
});

describe("keys", () => {
  it("are made, listed and revoked; the secret works and is shown once", async () => {
    const made = await runLine(["keys", "create", "--name", "orders", "--service", "orders", "--json", "--data", data]);
    const { id, name, secret } = made.json<{ id: string; name: string; secret: string }>();
    expect([made.exitCode, name]).toEqual([0, "orders"]);
    expect(
      (
        await server.fetch("/v1/records", {
          method: "POST",
          body: "[]",
          headers: { "content-type": "application/json" },
          authorization: `Bearer ${secret}`,
        })
      ).status,
    ).toBe(200);
    const listed = await runLine(["keys", "list", "--data", data]);
    expect(listed.out).toMatch(new RegExp(`${id}\\s+orders\\s+producer\\s+orders\\s+default\\s+\\S+Z\\s+active`));
    expect(listed.out).not.toContain(secret);
    expect((await runLine(["keys", "create", "--name", "orders", "--service", "x", "--data", data])).exitCode).toBe(2);
    expect((await runLine(["keys", "revoke", "orders", "--data", data])).exitCode).toBe(0);
    expect(
      (await server.fetch("/v1/records", { method: "POST", body: "[]", authorization: `Bearer ${secret}` })).status,
    ).toBe(401);
    expect((await runLine(["keys", "revoke", "orders", "--data", data])).exitCode).toBe(2);
    expect((await runLine(["keys", "list", "--data", data])).out).toContain("revoked 20");
  });

  it("of relays name the services they carry", async () => {
    const made = await runLine([
      "keys",
      "create",
      "--name",
      "collector",
      "--relay",
      "--services",
      "a,b",
      "--json",
      "--data",
      data,
    ]);
    expect(made.json()).toMatchObject({ relay: ["a", "b"], service: null });
    const all = await runLine([
      "keys",
      "create",
      "--name",
      "all",
      "--relay",
      "--services",
      "*",
      "--json",
      "--data",
      data,
    ]);
    expect(all.json()).toMatchObject({ relay: "*" });
    const none = await runLine(["keys", "create", "--name", "none", "--relay", "--data", data]);
    expect([none.exitCode, none.err]).toEqual([2, expect.stringContaining("--services")]);
    const bad = await runLine(["keys", "create", "--name", "a b", "--service", "a", "--data", data]);
    expect([bad.exitCode, bad.err]).toEqual([2, expect.stringMatching(/--name(?!.*openapi)/)]);
  });
});

describe("prove", () => {
  it("writes what a stranger needs to check a record", async () => {
    const out = join(folder.path, "proof");
    const { exitCode, out: text } = await runLine(["prove", `${TREE}:1`, "--out", out, "--data", data]);
    expect([exitCode, text.split("\n")[0]]).toEqual([0, expect.stringMatching(/^proven: leaf 1 of default/)]);
    const [leaf, proof, vkey] = await Promise.all(
      ["record.json", "record.tlog-proof", "log.vkey"].map((name) => readFile(join(out, name))),
    );
    const result = await verifyProof({ proof: proof!, leaf: leaf!, vkeys: [vkey!.toString().trim()] });
    expect(result.clean).toBe(true);
    expect(JSON.parse(leaf!.toString())).toMatchObject({ record: { request_id: "xyz" } });
    await rm(out, { recursive: true });
  });

  it("ends with 1 for a place beyond the tree, and with 2 for what is no place", async () => {
    const beyond = await runLine(["prove", `${TREE}/999`, "--data", data]);
    expect([beyond.exitCode, beyond.err]).toEqual([1, expect.stringContaining("numbered 0 to 1")]);
    expect((await runLine(["prove", "nonsense", "--data", data])).exitCode).toBe(2);
  });
});

describe("verify", () => {
  const machine = testMachine();
  const parts = { folder: folderWork(machine) };

  it("checks a running server by its URL and by its folder", async () => {
    const byUrl = await runLine(["verify", server.url, "--token", server.adminToken, "--json"], parts);
    expect([byUrl.exitCode, byUrl.json<{ clean: boolean; contents: string }>()]).toEqual([
      0,
      expect.objectContaining({ clean: true, contents: "checked", anchored: false }),
    ]);
    const stranger = await runLine(["verify", server.url, "--json"], parts);
    expect([stranger.exitCode, stranger.json<{ clean: boolean; contents: string }>()]).toEqual([
      0,
      expect.objectContaining({ clean: true, contents: "not checked" }),
    ]);
    const byFolder = await runLine(["verify", data], parts);
    expect([byFolder.exitCode, byFolder.out]).toEqual([0, expect.stringContaining("not anchored")]);
  });

  it("ends with 2 where there is nothing to verify", async () => {
    expect((await runLine(["verify", join(folder.path, "nothing")], parts)).exitCode).toBe(2);
    expect((await runLine(["verify", "http://127.0.0.1:9"], parts)).exitCode).toBe(2);
    expect((await runLine(["verify", data, "--vkey", join(folder.path, "gone")], parts)).exitCode).toBe(2);
  });
});

describe("fsck", () => {
  it("says why it did not compare the index", async () => {
    const { out } = await runLine(["fsck", "--data", data], { folder: folderWork(testMachine()) });
    expect(out).toContain("index not compared: there is none here");
  });
});

describe("a fault in a query", () => {
  it("is said with its column once", async () => {
    const { exitCode, err } = await runLine(["search", "status:(", "--data", data]);
    expect(exitCode).toBe(2);
    expect(err.match(/column/gi)).toHaveLength(1);
  });
});

describe("login-link", () => {
  it("prints a link that works", async () => {
    const { exitCode, out } = await runLine(["login-link", "--data", data]);
    expect(exitCode).toBe(0);
    expect((await fetch(out.trim(), { redirect: "manual" })).status).toBe(303);
  });
});

describe("doctor", () => {
  it("flags a key beside the data and checkpoints that go nowhere, and is content with the rest", async () => {
    const { exitCode, json } = await runLine(["doctor", "--data", data, "--json"], {
      folder: folderWork(testMachine()),
    });
    const { healthy, checks } = json<{ healthy: boolean; checks: readonly { name: string; state: string }[] }>();
    expect([exitCode, healthy]).toEqual([0, true]);
    const warnings = checks.filter(({ state }) => state === "warning").map(({ name }) => name);
    expect(warnings).toEqual(expect.arrayContaining(["kms key", "witness", "people", "tls", "backup"]));
    expect(checks.find(({ name }) => name === "permissions")?.state).toBe("good");
  });

  it("names the place that takes no checkpoint, while the log goes on", async () => {
    const copied = join(folder.path, "copied");
    const yaml = "ledger: {copies: [{kind: webhook, to: 'http://127.0.0.1:1/hook?token=sesame', every: checkpoint}]}";
    const witnessed = await startTestServer(copied, yaml);
    const headers = { "content-type": "application/json" };
    const record = { timestamp: "2023-10-05T08:20:43Z", event_type: "AUTH", service_id: "a", status: "success" };
    const init = { method: "POST", headers, body: JSON.stringify(record) };
    expect((await witnessed.fetch("/v1/records?wait=published", init)).status).toBe(200);
    let found: readonly { name: string; state: string; says: string }[] = [];
    while (found.length === 0) {
      const words = ["doctor", "--data", copied, "--json"];
      const { out, json } = await runLine(words, { folder: folderWork(testMachine()) });
      const { checks } = json<{ checks: typeof found }>();
      found = checks.filter(({ name, state }) => name === "witness" && state === "bad");
      expect(out).not.toContain("sesame");
    }
    expect(found[0]!.says).toContain("no checkpoint reaches webhook http://127.0.0.1:1/hook since");
    expect((await witnessed.fetch("/v1/records?wait=published", init)).status).toBe(200);
    await witnessed.close();
  });
});
