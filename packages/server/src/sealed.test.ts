import { createServer } from "node:net";
import { once } from "node:events";
import { afterAll, describe, expect, test } from "vitest";

import { startServer } from "./compose.ts";
import { folderWork } from "./folder-work.ts";
import { softHsm } from "./kms/softhsm.contract.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine } from "./machine.contract.ts";
import type { TestServer } from "./machine.contract.ts";

const hsm = softHsm();
afterAll(() => hsm.remove());

const yaml = (more = "") => `kms:
  provider: pkcs11
  pkcs11:
    module: ${hsm.module}
    token: ${hsm.token}
    pin_file: ${hsm.pinFile}
${more}`;

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}

const record = (id: string) => ({
  id,
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: "a",
  request_id: id,
  status: "success",
});

function send(server: TestServer, id: string, init: { query?: string; authorization?: string } = {}) {
  const { query = "", ...others } = init;
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify(record(id));
  return server.fetch(`/v1/records${query}`, { method: "POST", body, headers, ...others });
}

function listeningOn(port: number, folder: string) {
  const request = folderRequest(folder, yaml());
  const { config } = request.config;
  const http = { ...config.http, listen: `127.0.0.1:${port}` };
  return { ...request, config: { ...request.config, config: { ...config, http } } };
}

const ID = "01a2168e-0000-7000-8000-00000000000";

describe("a folder whose KMS is an HSM", () => {
  test("it holds no wrapping key, and starts again only with the token", async () => {
    const folder = await temporaryFolder();
    const server = await startTestServer(folder.path, yaml());
    expect((await send(server, `${ID}1`)).status).toBe(200);
    const tree = `default/${new Date().toISOString().slice(0, 7)}`;
    expect((await send(server, `${ID}2`, { query: "?wait=published" })).status).toBe(200);
    await server.close();

    hsm.unplug();
    const port = await freePort();
    const starting = startServer(testMachine(), listeningOn(port, folder.path));
    const url = `http://127.0.0.1:${port}`;
    const answered = async (path: string): Promise<Response> => {
      for (;;) {
        const response = await fetch(url + path).catch(() => null);
        if (response !== null) return response;
      }
    };
    expect(await (await answered("/healthz")).json()).toEqual({ status: "sealed" });
    const refused = await answered("/api/search");
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    expect(await refused.json()).toMatchObject({ code: "kms_unreachable" });
    expect((await answered("/readyz")).status).toBe(503);
    expect(await (await answered(`/trees/${tree}/checkpoint`)).text()).toContain(`/${tree}\n`);
    expect((await answered(`/trees/${tree}/chain`)).status).toBe(200);
    for (const path of ["/trees/default/../../server.json", "/trees/%2e%2e/admin.token", `/trees/${tree}/../../x`])
      expect((await answered(path)).status, path).toBe(503);

    hsm.plug();
    const server2 = await starting;
    expect((await fetch(`${server2.url}/healthz`)).status).toBe(200);
    await server2.close();
    await folder.remove();
  });

  test("a sealed server stops when it is asked to", async () => {
    const folder = await temporaryFolder();
    await (await startTestServer(folder.path, yaml())).close();
    hsm.unplug();
    const stopped = Promise.resolve();
    await expect(startServer(testMachine(), folderRequest(folder.path, yaml()), stopped)).rejects.toMatchObject({
      code: "shutting_down",
    });
    hsm.plug();
    await folder.remove();
  });

  test("cut off while it runs, it takes records, and refuses only what needs a new key", async () => {
    const folder = await temporaryFolder();
    const server = await startTestServer(folder.path, yaml("ledger:\n  epochs: {short: 10s}\n"));
    const made = await server.fetch("/api/keys", {
      method: "POST",
      body: JSON.stringify({ name: "other", service: "a", log: "other" }),
      headers: { "content-type": "application/json" },
    });
    const { secret } = (await made.json()) as { secret: string };
    expect((await send(server, `${ID}1`)).status).toBe(200);
    hsm.unplug();
    expect((await send(server, `${ID}2`)).status).toBe(200);
    const toNewLog = () => send(server, `${ID}4`, { authorization: `Bearer ${secret}` });
    const locked = await toNewLog();
    expect(locked.status).toBe(503);
    expect(await locked.json()).toMatchObject({ code: "kms_unreachable" });
    const refusing = async () =>
      ((await (await server.fetch("/api/status")).json()) as { intake: { refused: readonly object[] } }).intake.refused;
    expect(await refusing()).toContainEqual(expect.objectContaining({ log: "other", reason: "locked" }));
    // The first read of all, so the log of reads is a new one as well.
    const read = () => server.fetch(`/api/records/default/${new Date().toISOString().slice(0, 7)}/1`);
    expect(await (await read()).json()).toMatchObject({
      code: "kms_unreachable",
      detail:
        "This read could not be recorded, so it was not answered. A new epoch has begun, and its key waits for the KMS.",
    });
    const checks = await folderWork(testMachine()).examine(folderRequest(folder.path, yaml()));
    expect(checks.find(({ name }) => name === "kms key")).toMatchObject({
      state: "bad",
      says: expect.stringContaining("does not answer") as string,
    });
    expect(checks.map(({ name }) => name)).toContain("space");
    expect((await send(server, `${ID}3`)).status).toBe(200);
    hsm.plug();
    expect((await toNewLog()).status).toBe(200);
    expect((await read()).status).toBe(200);
    expect(await refusing()).toEqual([]);
    await server.close();
    await folder.remove();
  });
});
