/** What a reader who sees one service learns of the others: nothing, by any route that there is. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

/** In every name, id and text that is not the reader's. */
const FOREIGN = "zfcanary";
const CONFIG = `tally:\n  deadline: 1s\n  one_sided: [${FOREIGN}-bank]\n`;
const asJson = { "content-type": "application/json" };
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let routes: readonly string[];
let foreignIndex = -1;
let hold = "";

interface Proven {
  readonly records: readonly { readonly tree: string; readonly leaf_index: number }[];
}

function half(side: "caller" | "callee", name: string): object {
  return {
    timestamp: new Date(Date.now() - 1_000).toISOString(),
    event_type: "API_CALL",
    side,
    service_id: `${name}-a`,
    target_id: `${name}-b`,
    recorder_id: side === "caller" ? `${name}-a` : `${name}-b`,
    request_id: `${name}-1`,
    trace_id: Buffer.from(name.padEnd(16, "0")).toString("hex").slice(0, 32),
    span_id: "00f067aa0ba902b7",
    operation: `GET /${name}`,
    resource: `/${name}/7`,
    // A break of the tally, so that a verdict tells of it.
    status: side === "caller" ? "success" : "error",
    credential_id: `${name}-key`,
    producer_id: `${name}-${side}`,
    producer_epoch: "1",
    producer_seq: 2,
    subject_refs: [`${name}-person`],
    data_class: "restricted",
    attributes: { [`${name}.name`]: name },
  };
}

async function post(path: string, body: object): Promise<Response> {
  const response = await server.fetch(path, { method: "POST", body: JSON.stringify(body), headers: asJson });
  expect(response.status, `${path}: ${await response.clone().text()}`).toBeLessThan(300);
  return response;
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await check().catch(() => false))) {
    if (performance.now() > end) throw new Error("waited too long");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function found(q: string): Promise<Proven["records"]> {
  return ((await (await server.fetch(`/api/search?own=true&q=${encodeURIComponent(q)}`)).json()) as Proven).records;
}

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, CONFIG, withEngine());
  await post("/v1/records?wait=published", [half("caller", FOREIGN), half("callee", FOREIGN), half("caller", "mine")]);
  await post("/api/parties", { name: `${FOREIGN}-db`, reason: `the ${FOREIGN} database` });
  await post("/api/aliases", { name: "address:10.9.8.7", service: `${FOREIGN}-a` });
  const held = { name: `${FOREIGN}-case`, subject: `${FOREIGN}-nobody`, owner: FOREIGN, reason: FOREIGN };
  hold = ((await (await post("/api/holds", held)).json()) as { readonly id: string }).id;
  await post("/api/responses", { kind: "block_service", target: { service: `${FOREIGN}-a` }, reason: FOREIGN });
  const ends = new Date(Date.now() + 3_600_000).toISOString();
  await post("/api/silences", { matchers: [`service=${FOREIGN}-a`], ends_at: ends, comment: FOREIGN });
  await until(async () => (await found(`event_type:TALLY_VERDICT AND ${FOREIGN}`)).length > 0);
  const [one, other] = await found(`service_id:${FOREIGN}-a AND event_type:API_CALL`);
  foreignIndex = one!.leaf_index;
  const records = [`${other!.tree}:${other!.leaf_index}`];
  await post("/api/erasures", { records, leaf: true, reason: FOREIGN, dry_run: false });
  const api = (await (await server.fetch("/api/openapi.json")).json()) as { readonly paths: Record<string, object> };
  routes = Object.entries(api.paths).flatMap(([path, methods]) => ("get" in methods ? [path] : []));
}, 120_000);
afterAll(async () => {
  await server.close();
  await folder.remove();
});

/** Parameters that ask for all there is, or for what is foreign without naming it. */
function asked(route: string): string {
  const month = new Date().toISOString().slice(0, 7);
  const path = route
    .replace("{log}", "default")
    .replace("{epoch}", month)
    .replace("{index}", String(foreignIndex))
    .replace("{level}", "0")
    .replace("{id}", Buffer.from(FOREIGN.padEnd(16, "0")).toString("hex"))
    .replace("entries/{path}", `entries/000.p/${foreignIndex + 1}`)
    .replace("{path}", `000.p/${foreignIndex + 1}`);
  const parameters: Readonly<Record<string, string>> = {
    "/api/facets": "fields=service_id,target_id,resource,attributes,producer_id",
    "/api/timeline": "service=mine-a",
    "/api/timeline/export": "service=mine-a&format=ndjson",
    "/api/export": "format=ndjson&own=true",
    "/api/search": "own=true&limit=1000",
    "/api/histogram": "own=true",
    "/api/access-report": "data_class=restricted",
    "/api/records/{log}/{epoch}/{index}/payload": "part=request&reason=test",
  };
  const given = parameters[route];
  return given === undefined ? path : `${path}?${given}`;
}

const scope = { services: ["mine-a"] };

describe.each(["viewer", "auditor", "investigator"])("a %s of one service", (role) => {
  it("finds no foreign name by any route", async () => {
    const key = await post("/api/keys", { name: `reader-${role}`, role, scope });
    const { secret } = (await key.json()) as { readonly secret: string };
    const statuses: Record<string, number> = {};
    const wrong: string[] = [];
    // A tail has no end; what it shows is what searches show. Nobody is logged in here.
    for (const route of routes.filter((one) => one !== "/api/tail" && !one.startsWith("/login"))) {
      const authorization = `Bearer ${secret}`;
      // Through a proxy: a process on this machine that asks for figures is asked for no key.
      const response = await server.fetch(asked(route), { authorization, headers: { via: "1.1 proxy" } });
      const text = await response.text();
      statuses[route] = response.status;
      if (text.includes(FOREIGN) || response.status === 400 || response.status >= 500)
        wrong.push(`${route}: ${response.status} ${text.slice(0, 1_000)}`);
    }
    expect(wrong).toEqual([]);
    // Nor does he release what he may not know of.
    const release = await server.fetch(`/api/holds/${hold}/release`, {
      method: "POST",
      authorization: `Bearer ${secret}`,
      body: JSON.stringify({ reason: "it is over" }),
      headers: asJson,
    });
    expect(release.status).toBe(role === "investigator" ? 404 : 403);
    // The walk reached them, and not only refusals.
    for (const route of ["/api/search", "/api/parties", "/api/holds", "/api/graph", "/api/coverage", "/api/facets"])
      expect(statuses[route], route).toBe(200);
    expect([statuses["/metrics"], statuses["/metrics/edges"]]).toEqual([403, 403]);
  });
});

it("an investigator holds what he sees and nothing else", async () => {
  const key = await post("/api/keys", { name: "holder", role: "investigator", scope: { ...scope, logs: ["mine"] } });
  const { secret } = (await key.json()) as { readonly secret: string };
  const hold = { query: "*", owner: "legal", reason: "a lawsuit" };
  const place = (body: object) =>
    server.fetch("/api/holds", {
      method: "POST",
      authorization: `Bearer ${secret}`,
      body: JSON.stringify({ ...hold, ...body }),
      headers: asJson,
    });
  expect((await place({ name: "theirs", logs: ["default"] })).status).toBe(403);
  const placed = await place({ name: "ours" });
  expect(await placed.json()).toMatchObject({ logs: ["mine"], is_scoped: true });
});
