import { mkdir, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  const dashboardFolder = `${folder.path}/dashboard`;
  await mkdir(`${dashboardFolder}/assets`, { recursive: true });
  await writeFile(`${dashboardFolder}/index.html`, "<!doctype html><title>Tallystick</title>");
  await writeFile(`${dashboardFolder}/assets/app-1a2b.js`, "export {};");
  server = await startTestServer(`${folder.path}/data`, "", { dashboardFolder });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const anonymous = (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET") =>
  server.fetch(path, { method, authorization: null, headers });
const pathOf = (url: string) => url.slice(server.url.length);

describe("a login link", () => {
  it("becomes a session once, in a cookie that scripts and other sites cannot use", async () => {
    const path = pathOf(server.loginLink());
    const first = await anonymous(path);
    expect([first.status, first.headers.get("location")]).toEqual([303, "/"]);
    const cookie = first.headers.get("set-cookie")!;
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    expect(first.headers.get("cache-control")).toBe("no-store");
    expect((await anonymous(path)).status).toBe(401);
    const page = await anonymous(path, { accept: "text/html" });
    expect([page.status, page.headers.get("location")]).toEqual([303, "/?login=expired"]);
    const session = { cookie: cookie.split(";")[0]! };
    expect(await (await anonymous("/api/session", session)).json()).toEqual({
      authenticated: true,
      name: "admin",
      role: "admin",
      permissions: expect.arrayContaining(["read", "manage"]) as string[],
      methods: [],
    });
    expect((await anonymous("/api/status", session)).status).toBe(200);
    expect((await anonymous("/api/session", session, "DELETE")).status).toBe(204);
    expect(await (await anonymous("/api/session", session)).json()).toMatchObject({ authenticated: false });
    expect((await anonymous("/api/status", session)).status).toBe(401);
  });

  it("is not used up by a program that only looks ahead", async () => {
    const path = pathOf(server.loginLink());
    expect((await anonymous(path, {}, "HEAD")).status).toBe(405);
    expect((await anonymous(path)).status).toBe(303);
  });

  it("is made for the administrator alone, by the API", async () => {
    const made = await server.fetch("/api/login-link", { method: "POST" });
    expect(made.status).toBe(201);
    const { url } = (await made.json()) as { url: string };
    expect((await anonymous(pathOf(url))).status).toBe(303);
  });
});

describe("the dashboard", () => {
  it("runs only scripts of its own files", async () => {
    const page = await anonymous("/");
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(page.headers.get("content-security-policy")).toMatch(/script-src 'self';/);
    expect(page.headers.get("content-security-policy")).toMatch(/frame-ancestors 'none'/);
    expect(page.headers.get("cache-control")).toBe("no-cache");
  });

  it("has its files at their places and its entry page at the address for people", async () => {
    const script = await anonymous("/assets/app-1a2b.js");
    expect([script.status, script.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    expect(script.headers.get("cache-control")).toContain("immutable");
    expect(await (await anonymous("/?q=1", { accept: "text/html" })).text()).toContain("<title>Tallystick</title>");
    expect((await anonymous("/", { accept: "application/json" })).status).toBe(404);
    const again = await anonymous("/", { "if-none-match": (await anonymous("/")).headers.get("etag")! });
    expect(again.status).toBe(304);
  });

  it.each([
    "/api/nothing",
    "/v1/nothing",
    "/trees/nothing",
    "/assets/gone.js",
    "/nope",
    "/foo/bar",
    "/index.html",
    `/${"long".repeat(500)}`,
    "/..%2f..%2fkms.key",
    "/assets/../../data/kms.key",
  ])("does not answer at %s", async (path) => {
    const response = await anonymous(path, { accept: "text/html" });
    expect([response.status, response.headers.get("content-type")]).toEqual([
      404,
      "application/problem+json; charset=utf-8",
    ]);
  });
});
