/**
 * The description of the interface is whole: what it refers to is there, and every parameter of a path is described.
 */
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, unknown>>;
  readonly security: readonly object[];
}
interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let api: Description;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`);
  api = (await (await server.fetch("/api/openapi.json", { authorization: null })).json()) as Description;
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const operations = () =>
  Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

it("is OpenAPI 3.1 and refers to nothing that is not there", () => {
  expect(api.openapi).toMatch(/^3\.1\./);
  const references = [...JSON.stringify(api).matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target!);
  expect(references.length).toBeGreaterThan(10);
  for (const target of new Set(references)) {
    expect(target).toMatch(/^#\//);
    const parts = target.slice(2).split("/");
    const found = parts.reduce<unknown>((tree, part) => (tree as Record<string, unknown> | undefined)?.[part], api);
    expect(found, target).toBeDefined();
  }
});

it("describes every parameter of every path", () => {
  for (const { path, method, operation } of operations()) {
    const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
    const described = (operation.parameters ?? [])
      .filter((parameter) => parameter.in === "path")
      .map(({ name }) => name);
    expect(described.sort(), `${method} ${path}`).toEqual(inPath.sort());
  }
});

it("gives every operation a name of its own, a sentence, answers and what it takes to be let in", () => {
  const names = operations().map(({ operation }) => operation.operationId);
  expect(new Set(names).size).toBe(names.length);
  for (const { path, operation } of operations()) {
    expect(operation.summary, path).not.toBe("");
    expect(Object.keys(operation.responses).length, path).toBeGreaterThan(0);
    expect(Array.isArray(operation.security), path).toBe(true);
  }
});

it("describes what intake takes and answers", () => {
  const intake = (path: string) => api.paths[path]!["post"]!;
  expect(Object.keys(intake("/v1/records").requestBody!.content)).toEqual(
    expect.arrayContaining(["application/json", "application/x-ndjson", "application/xml"]),
  );
  const names = (operation: Operation) => operation.parameters!.map(({ name }) => name);
  expect(names(intake("/v1/records"))).toEqual(expect.arrayContaining(["wait", "Idempotency-Key", "Prefer"]));
  expect(names(api.paths["/api/tail"]!["get"]!)).toContain("Last-Event-ID");
  for (const path of ["/v1/traces", "/v1/logs"]) {
    const content = Object.keys(intake(path).requestBody!.content);
    expect(content).toEqual(["application/x-protobuf", "application/json"]);
  }
  for (const path of ["/v1/records", "/v1/traces", "/v1/logs"]) {
    const statuses = ["200", "400", "401", "403", "405", "408", "413", "415", "429", "503"];
    expect(Object.keys(intake(path).responses)).toEqual(expect.arrayContaining(statuses));
  }
  expect(api.paths["/login"]!["get"]!.responses).toHaveProperty("303");
});
