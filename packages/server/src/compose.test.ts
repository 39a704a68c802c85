/** A server's life: first start, restart, refusals. */
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { verifyFolder } from "./fsck/verify-folder.ts";
import { openFileKms } from "./kms/file-kms.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine } from "./machine.contract.ts";
import type { TestServer } from "./machine.contract.ts";
import { startServer } from "./compose.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
const open: TestServer[] = [];

beforeEach(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
});
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
  await folder.remove();
});

async function start(yaml = "", at = data): Promise<TestServer> {
  const server = await startTestServer(at, yaml);
  open.push(server);
  return server;
}

async function post(server: TestServer, body: object): Promise<Response> {
  return server.fetch("/v1/records", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
}

const RECORD = { timestamp: "2023-10-05T08:20:43Z", event_type: "API_CALL", service_id: "a", status: "success" };

async function verify(): Promise<Awaited<ReturnType<typeof verifyFolder>>> {
  const { disk, clock, random } = testMachine();
  const kms = await openFileKms(disk, join(data, "kms.key"), random);
  return verifyFolder({ dataFolder: data, disk, clock, kms, integrityKey: null });
}

describe("a first start", () => {
  it("makes the folder for its owner alone, and says where it listens", async () => {
    const server = await start();
    expect(server.isFresh).toBe(true);
    expect((await stat(data)).mode & 0o777).toBe(0o700);
    for (const name of ["server.json", "admin.token", "kms.key", "run.json", "lock"]) {
      expect((await stat(join(data, name))).mode & 0o777).toBe(0o600);
    }
    expect(JSON.parse(await readFile(join(data, "run.json"), "utf8"))).toEqual({ url: server.url, pid: process.pid });
    expect((await readFile(join(data, "admin.token"), "utf8")).trim()).toBe(server.adminToken);
  });

  it("makes no folder where the configuration cannot be kept", async () => {
    const refused = expect.objectContaining({ code: "config_invalid" }) as Error;
    await expect(start("retention: {keep: 13 months, maximum: 12 months}")).rejects.toEqual(refused);
    await expect(start("logs: [{name: cards, preset: pci-dss, keep: 3 months}]")).rejects.toEqual(refused);
    await expect(stat(data)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("takes the origin that is configured, and no other one later", async () => {
    const server = await start("ledger:\n  origin: audit.example.com\n");
    await post(server, RECORD);
    await server.close();
    await expect(start("ledger:\n  origin: other.example.com\n")).rejects.toMatchObject({ code: "config_invalid" });
    expect((await start()).isFresh).toBe(false);
  });
});

describe("a stop", () => {
  it("publishes and seals everything, and leaves no lock behind", async () => {
    const server = await start();
    for (let batch = 0; batch < 5; batch++) await post(server, RECORD);
    await server.close();
    await expect(stat(join(data, "lock"))).rejects.toThrow();
    await expect(stat(join(data, "run.json"))).rejects.toThrow();
    const result = await verify();
    expect([result.faults, result.clean, result.macs]).toEqual([[], true, "checked"]);
    expect(result.trees.find(({ tree }) => tree.startsWith("default/"))?.size).toBe(6);
  });

  it("lets what was begun end: every record acknowledged meanwhile is there", async () => {
    const server = await start();
    const sends = Array.from({ length: 40 }, () =>
      post(server, RECORD).then(
        ({ status }) => status,
        () => 0,
      ),
    );
    await Promise.race(sends);
    await server.close();
    const acknowledged = (await Promise.all(sends)).filter((status) => status === 200).length;
    expect(acknowledged).toBeGreaterThan(0);
    const again = await start();
    const status = (await (await again.fetch("/api/status")).json()) as {
      trees: readonly { tree: string; journaled: number }[];
    };
    expect(status.trees.find(({ tree }) => tree.startsWith("default/"))!.journaled).toBeGreaterThanOrEqual(
      acknowledged + 1,
    );
  });
});

describe("a restart", () => {
  it("knows the same keys, the same token and the same trees", async () => {
    const before = await start();
    const make = async (name: string) => {
      const made = await before.fetch("/api/keys", {
        method: "POST",
        body: JSON.stringify({ name, service: name }),
        headers: { "content-type": "application/json" },
      });
      return (await made.json()) as { id: string; secret: string };
    };
    const kept = await make("kept");
    const gone = await make("gone");
    await before.fetch(`/api/keys/${gone.id}`, { method: "DELETE" });
    await post(before, RECORD);
    await before.close();
    const trees = async (server: TestServer) => (await server.fetch("/api/trees")).json();
    const after = await start();
    expect(after.adminToken).toBe(before.adminToken);
    const send = (secret: string) =>
      after.fetch("/v1/records", {
        method: "POST",
        body: JSON.stringify(RECORD),
        headers: { "content-type": "application/json" },
        authorization: `Bearer ${secret}`,
      });
    expect((await send(kept.secret)).status).toBe(200);
    expect(await trees(after)).toMatchObject([
      { tree: expect.stringMatching(/^control\//) },
      { tree: expect.stringMatching(/^default\//) },
    ]);
    // Its use is recorded, in a log of its own.
    expect((await send(gone.secret)).status).toBe(401);
  });

  it("makes another token when the old one was deleted", async () => {
    const before = await start();
    await before.close();
    await rm(join(data, "admin.token"));
    const after = await start();
    expect(after.adminToken).not.toBe(before.adminToken);
    expect((await after.fetch("/api/keys", { authorization: `Bearer ${before.adminToken}` })).status).toBe(401);
  });
});

describe("a start is refused", () => {
  it("while another server has the folder", async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: "folder_locked" });
  });

  it("on a folder of a newer format, by name, leaving it as it is", async () => {
    await mkdir(data);
    await writeFile(join(data, "server.json"), '{"format":2,"origin":"x","created_at":"y","check":"z"}\n');
    await expect(start()).rejects.toMatchObject({ code: "folder_format", message: expect.stringMatching(/format 2/) });
    await expect(stat(join(data, "lock"))).rejects.toThrow();
  });

  it.each([
    ["its name plate", "server.json", "folder_format"],
    ["its KMS key", "kms.key", "key_unavailable"],
  ])("on a folder that lost %s", async (_, name, code) => {
    const server = await start();
    await post(server, RECORD);
    await server.close();
    await rm(join(data, name));
    await expect(start()).rejects.toMatchObject({ code });
    await expect(stat(join(data, name))).rejects.toThrow();
  });

  it("on an address that others reach without TLS, saying what to do", async () => {
    const request = folderRequest(data);
    const open = { ...request.config.config, http: { ...request.config.config.http, listen: "0.0.0.0:0" } };
    const refused = startServer(testMachine(), { ...request, config: { ...request.config, config: open } });
    await expect(refused).rejects.toMatchObject({
      code: "config_invalid",
      hint: expect.stringContaining("--insecure-network"),
    });
    await expect(stat(data)).rejects.toThrow();
  });

  it("on a port that is taken, and the folder is free again", async () => {
    const server = await start();
    const { port } = new URL(server.url);
    const other = join(folder.path, "other");
    const config = folderRequest(other);
    const taken = { ...config.config.config, http: { ...config.config.config.http, listen: `127.0.0.1:${port}` } };
    await expect(
      startServer(testMachine(), { ...config, config: { ...config.config, config: taken } }),
    ).rejects.toMatchObject({ code: "config_invalid" });
    expect((await start("", other)).url).toMatch(/^http/);
  });
});
