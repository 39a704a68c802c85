/** Aliases, one-sided parties and coverage over a real engine, by the API and by the command line. */
import { afterAll, beforeAll, expect, it } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import type { Ran } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const CONFIG = "tally:\n  deadline: 1s\n  one_sided: [postgres]\n";

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, CONFIG, withEngine());
  const record = (side: string, service: string, target: string) => ({
    timestamp: new Date().toISOString(),
    event_type: "API_CALL",
    side,
    service_id: service,
    target_id: target,
    request_id: `${service}-${target}`,
    status: "success",
  });
  const response = await server.fetch("/v1/records", {
    method: "POST",
    body: JSON.stringify([
      record("caller", "orders", "bank"),
      record("caller", "orders", "postgres"),
      record("callee", "address:10.1.2.3", "payments"),
    ]),
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(200);
  await until(async () => (await coverage()).edges.length === 2);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function until(check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await check().catch(() => false))) {
    if (performance.now() > end) throw new Error("waited too long");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const line = (...words: readonly string[]): Promise<Ran> => runLine([...words, "--data", `${folder.path}/data`]);

interface Coverage {
  readonly edges: readonly {
    readonly callee: string;
    readonly declared: object | null;
    readonly advice: string | null;
  }[];
  readonly unknown_callers: readonly object[];
  readonly one_sided: readonly object[];
}

async function coverage(): Promise<Coverage> {
  const response = await server.fetch("/api/coverage");
  return (await response.json()) as Coverage;
}

it("coverage names what is missing and what closes it", async () => {
  const found = await coverage();
  expect(found.edges.map(({ callee, advice }) => [callee, advice])).toEqual([
    ["bank", "bank records nothing: switch on its server instrumentation, or declare it one-sided"],
    ["postgres", null],
  ]);
  expect(found.unknown_callers).toMatchObject([{ callee: "payments", network: "10.1.2.0/24", calls: 1 }]);
  const shown = await line("coverage");
  expect([shown.exitCode, shown.out]).toEqual([0, expect.stringContaining("orders > bank")]);
  expect((await line("coverage", "--json")).json<Coverage>()).toEqual(found);
  expect((await server.fetch("/api/coverage?from=soon")).status).toBe(400);
});

it("a party is declared, listed with who did it, and taken back", async () => {
  expect((await line("parties", "set", "bank", "--reason", "a third party")).out).toBe(
    "bank is one-sided: a third party\n",
  );
  const { parties } = (await line("parties", "list", "--json")).json<{ readonly parties: readonly object[] }>();
  expect(parties).toMatchObject([
    { name: "bank", reason: "a third party", source: "declared", declared_by: "admin" },
    { name: "postgres", reason: null, source: "configured", declared_by: null },
  ]);
  expect((await coverage()).edges[0]).toMatchObject({ callee: "bank", declared: parties[0], advice: null });
  expect((await line("parties", "list")).out).toContain("declared by admin");
  expect((await line("parties", "remove", "bank")).exitCode).toBe(0);
  expect((await line("parties", "remove", "bank")).err).toContain("declares parties of this name");
  expect((await coverage()).edges[0]).toMatchObject({ callee: "bank", declared: null });
});

it("an alias is in force at once, in search too, and survives a restart", async () => {
  const calls = async (q: string) => {
    const response = await server.fetch(`/api/search?q=${encodeURIComponent(q)}`);
    expect(response.status).toBe(200);
    return ((await response.json()) as { readonly records: readonly object[] }).records.length;
  };
  expect(await calls('caller:"unknown callers of payments"')).toBe(1);
  expect(await calls("caller:batch")).toBe(0);
  const name = "address:10.1.2.3";
  expect((await line("aliases", "set", name, "batch", "--from", "now-1h")).out).toBe(`${name} is batch\n`);
  const late = { side: "callee", service_id: name, target_id: "payments", request_id: "second", status: "success" };
  await server.fetch("/v1/records", {
    method: "POST",
    body: JSON.stringify({ ...late, timestamp: new Date().toISOString(), event_type: "API_CALL" }),
    headers: { "content-type": "application/json" },
  });
  await until(async () => (await calls("caller:batch")) === 1);
  const { aliases } = (await line("aliases", "list", "--json")).json<{ readonly aliases: readonly object[] }>();
  expect(aliases).toMatchObject([{ name, service: "batch", source: "declared", to: null, declared_by: "admin" }]);
  server = await server.restart();
  await until(async () => (await line("aliases", "list")).out.includes("batch"));
  expect((await line("aliases", "remove", name)).exitCode).toBe(0);
  expect((await line("aliases", "remove", name)).exitCode).not.toBe(0);
  expect((await line("aliases", "set", "batch", "batch")).err).toContain("another name");
});

it("only who manages may declare", async () => {
  const made = await line("keys", "create", "--name", "reader", "--role", "viewer");
  const authorization = `Bearer ${made.out.trim()}`;
  for (const path of ["/api/aliases", "/api/parties", "/api/coverage"])
    expect((await server.fetch(path, { authorization })).status).toBe(200);
  const body = JSON.stringify({ name: "payments", reason: "hide me", service: "x" });
  for (const path of ["/api/aliases", "/api/parties"]) {
    const headers = { "content-type": "application/json" };
    expect((await server.fetch(path, { method: "POST", body, headers, authorization })).status).toBe(403);
    expect((await server.fetch(`${path}/payments`, { method: "DELETE", authorization })).status).toBe(403);
  }
});
