import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

import { startServer } from "./compose.ts";
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

async function send(server: TestServer, id: string): Promise<Response> {
  const body = JSON.stringify({
    id,
    timestamp: "2026-11-26T08:00:00Z",
    event_type: "API_CALL",
    service_id: "a",
    request_id: id,
    status: "success",
  });
  return server.fetch("/v1/records", { method: "POST", body, headers: { "content-type": "application/json" } });
}

const ID = "01a2168e-0000-7000-8000-00000000000";

describe("a folder whose KMS is an HSM", () => {
  test("it holds no wrapping key, and starts again only with the token", async () => {
    const folder = await temporaryFolder();
    const server = await startTestServer(folder.path, yaml());
    expect((await send(server, `${ID}1`)).status).toBe(200);
    const tree = `default/${new Date().toISOString().slice(0, 7)}`;
    const published = await server.fetch(`/v1/records?wait=published`, {
      method: "POST",
      body: JSON.stringify({
        ...(JSON.parse('{"event_type":"API_CALL"}') as object),
        timestamp: "2026-11-26T08:00:00Z",
        service_id: "a",
        request_id: "x",
        status: "success",
      }),
      headers: { "content-type": "application/json" },
    });
    expect(published.status).toBe(200);
    await server.close();

    hsm.unplug();
    const port = await freePort();
    let stop = () => {};
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const request = folderRequest(folder.path, yaml());
    const sealed = {
      ...request,
      config: {
        ...request.config,
        config: { ...request.config.config, http: { ...request.config.config.http, listen: `127.0.0.1:${port}` } },
      },
    };
    const starting = startServer(testMachine(), sealed, stopped);
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
    stop();
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
    const body = JSON.stringify({
      timestamp: "2026-11-26T08:00:00Z",
      event_type: "API_CALL",
      service_id: "a",
      request_id: "y",
      status: "success",
    });
    const toNewLog = () =>
      server.fetch("/v1/records", {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
        authorization: `Bearer ${secret}`,
      });
    const locked = await toNewLog();
    expect(locked.status).toBe(503);
    expect(await locked.json()).toMatchObject({ code: "kms_unreachable" });
    expect((await send(server, `${ID}3`)).status).toBe(200);
    hsm.plug();
    expect((await toNewLog()).status).toBe(200);
    await server.close();
    await folder.remove();
  });
});
