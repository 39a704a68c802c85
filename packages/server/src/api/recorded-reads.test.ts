/** Reads through a whole server: recorded before they are answered, and found by who looks for them. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let viewer: string;

interface Found {
  readonly records: readonly { readonly record: { readonly operation: string; readonly [name: string]: unknown } }[];
}

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, "", withEngine());
  await vi.waitUntil(async () => (await server.fetch("/readyz")).status === 200, { timeout: 20_000 });
  const made = await post("/api/keys", { name: "grafana", role: "viewer" });
  viewer = `Bearer ${((await made.json()) as { secret: string }).secret}`;
  const call = { event_type: "API_CALL", service_id: "orders", target_id: "payments", request_id: "r-1" };
  await post("/v1/records", { ...call, timestamp: new Date().toISOString(), status: "success" });
  await vi.waitUntil(async () => (await search("request_id:r-1")).records.length === 1, { timeout: 20_000 });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const post = (path: string, body: object) =>
  server.fetch(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });

async function search(q: string, more = "", authorization = `Bearer ${server.adminToken}`): Promise<Found> {
  const response = await server.fetch(`/api/search?q=${encodeURIComponent(q)}${more}`, { authorization });
  expect(response.status).toBe(200);
  return (await response.json()) as Found;
}

describe("a read", () => {
  it("is found by its type, by the query's own name, and by no bare word of the query", async () => {
    await search("zanzibar OR pemba", "", viewer);
    const mine = "event_type:ACCESS AND auth_subject:key\\:grafana AND access.query:*zanzibar*";
    await expect.poll(async () => (await search(mine)).records.length, { timeout: 20_000 }).toBe(1);
    const [{ record }] = (await search(mine)).records as [Found["records"][number]];
    expect(record).toMatchObject({ operation: "GET /api/search", attributes: { "access.query": "zanzibar OR pemba" } });
    for (const q of ["zanzibar", "zanzi*", '"zanzibar OR pemba"']) {
      expect((await search(q)).records).toEqual([]);
      expect((await search(q, "&own=true")).records).toEqual([]);
    }
  });

  it("by a rule that is tried on the past is recorded with the rule's text", async () => {
    const text = [
      "title: pemba crossing",
      "id: 11111111-1111-4111-8111-111111111111",
      "logsource: {product: tallystick}",
      "detection: {a: {service_id: orders}, condition: a}",
      "level: low",
    ].join("\n");
    expect((await post("/api/rules/test", { text, from: "now-2d" })).status).toBe(200);
    const mine = "event_type:ACCESS AND resource:/api/rules/test AND access.query:*pemba*";
    await expect.poll(async () => (await search(mine)).records.length, { timeout: 20_000 }).toBe(1);
    const [{ record }] = (await search(mine)).records as [Found["records"][number]];
    expect(JSON.stringify(record)).toContain("now-2d");
  });

  it("is told to nobody whose role may not know it", async () => {
    expect((await search("event_type:ACCESS", "", viewer)).records).toEqual([]);
    expect((await search("*", "&own=true", viewer)).records.map(({ record }) => record["event_type"])).not.toContain(
      "ACCESS",
    );
    for (const path of ["/api/records/access/2026-11/1", "/trees/access/2026-11/tile/entries/000"]) {
      const tree = (await (await server.fetch("/api/trees")).json()) as { readonly tree: string }[];
      const epoch = tree.find(({ tree: name }) => name.startsWith("access/"))!.tree.split("/")[1]!;
      const seen = path.replace("2026-11", epoch);
      expect([403, 404]).toContain((await server.fetch(seen, { authorization: viewer })).status);
    }
  });

  it("that was refused for the role is recorded as denied", async () => {
    const { status } = await server.fetch("/api/keys", { authorization: viewer });
    expect(status).toBe(403);
    const denied = "event_type:ACCESS AND status:denied AND resource:/api/keys";
    await expect.poll(async () => (await search(denied)).records.length, { timeout: 20_000 }).toBe(1);
  });

  it("as a stream is a record at its beginning and one at its end", async () => {
    const controller = new AbortController();
    const tail = await server.fetch("/api/tail?q=service_id:orders", { signal: controller.signal });
    expect(tail.status).toBe(200);
    controller.abort();
    await (await server.fetch("/api/export?q=request_id:r-1")).text();
    const of = async (name: string) => {
      const { records } = await search(`event_type:ACCESS AND operation:"GET /api/${name}"`, "&order=oldest");
      return records.map(({ record }) => (record["attributes"] as Record<string, string>)["access.state"]);
    };
    for (const name of ["tail", "export"])
      await expect.poll(() => of(name), { timeout: 20_000 }).toEqual(["begun", "ended"]);
  });

  it("that goes on ends when the reader's key is revoked, within a second of events", async () => {
    const { keys } = (await (await server.fetch("/api/keys")).json()) as { keys: { id: string; name: string }[] };
    const { id } = keys.find(({ name }) => name === "grafana")!;
    const tail = await server.fetch("/api/tail", { authorization: viewer });
    let isOver = false;
    const reading = (async () => {
      for await (const _ of tail.body as unknown as AsyncIterable<Uint8Array>);
      isOver = true;
    })();
    expect((await server.fetch(`/api/keys/${id}`, { method: "DELETE" })).status).toBe(200);
    const call = { event_type: "API_CALL", service_id: "orders", status: "success" };
    await vi.waitUntil(
      async () => {
        await post("/v1/records", { ...call, timestamp: new Date().toISOString() });
        return isOver;
      },
      { timeout: 30_000, interval: 100 },
    );
    await reading;
    expect((await server.fetch("/api/tail", { authorization: viewer })).status).toBe(401);
  });
});
