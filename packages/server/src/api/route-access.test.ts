/** Who reaches which route: every route there is, with every kind of credentials. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { Permission } from "../access/permissions.ts";
import type { CliParts } from "../cli/parts.ts";
import { buildProgram } from "../cli/program.ts";
import { COMMAND_ACCESS } from "../cli/command-access.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { accessPage } from "../cli/access-page.ts";
import type { DescribedApi } from "../cli/access-page.ts";

type Need = "public" | "metrics" | Permission;

/** A new route stands here too, or the first test fails. */
const ROUTES: Readonly<Record<string, Need>> = {
  "POST /v1/records": "write",
  "POST /v1/traces": "write",
  "POST /v1/logs": "write",
  "GET /trees/{log}/{epoch}/chain": "public",
  "GET /trees/{log}/{epoch}/checkpoint": "public",
  "GET /trees/{log}/{epoch}/deletion": "public",
  "GET /api/retention/plan": "read",
  "POST /api/retention/run": "retain",
  "POST /api/retention/index": "operate",
  "GET /api/alerts": "read",
  "GET /api/rules": "read",
  "GET /api/rules/{id}": "read",
  "POST /api/rules": "manage",
  "POST /api/rules/check": "read",
  "POST /api/rules/test": "read",
  "PUT /api/rules/{id}/on": "manage",
  "DELETE /api/rules/{id}": "manage",
  "GET /api/alerts/{id}": "read",
  "POST /api/alerts/{id}/acknowledge": "alert",
  "POST /api/alerts/{id}/assign": "alert",
  "POST /api/alerts/{id}/comment": "alert",
  "POST /api/alerts/{id}/resolve": "alert",
  "POST /api/alerts/{id}/reopen": "alert",
  "GET /api/silences": "read",
  "POST /api/silences": "alert",
  "DELETE /api/silences/{id}": "alert",
  "GET /api/notifications": "alert",
  "POST /api/notifications/{id}/retry": "alert",
  "GET /api/channels": "alert",
  "POST /api/channels/{name}/test": "alert",
  "GET /api/responses": "read",
  "POST /api/responses": "respond",
  "POST /api/responses/{id}/undo": "respond",
  "GET /v1/blocks": "enforce",
  "GET /v1/decide": "enforce",
  "POST /v1/decide": "enforce",
  "PUT /v1/decide": "enforce",
  "PATCH /v1/decide": "enforce",
  "DELETE /v1/decide": "enforce",
  "OPTIONS /v1/decide": "enforce",
  "GET /api/holds": "read",
  "POST /api/holds": "hold",
  "POST /api/holds/{id}/release": "hold",
  "GET /trees/{log}/{epoch}/tile/{level}/{path}": "public",
  "GET /trees/{log}/{epoch}/tile/entries/{path}": "read",
  "GET /api/trees": "public",
  "GET /api/records/{log}/{epoch}/{index}": "read",
  "GET /api/records/{log}/{epoch}/{index}/payload": "payloads",
  "GET /api/access-report": "audit",
  "POST /api/erasures": "erase",
  "GET /api/erasures": "audit",
  "GET /api/search": "read",
  "GET /api/tally": "read",
  "GET /api/calls/{path}": "read",
  "GET /api/coverage": "read",
  "GET /api/aliases": "read",
  "POST /api/aliases": "manage",
  "DELETE /api/aliases/{name}": "manage",
  "GET /api/parties": "read",
  "POST /api/parties": "manage",
  "DELETE /api/parties/{name}": "manage",
  "GET /api/histogram": "read",
  "GET /api/searches": "read",
  "PUT /api/searches/{name}": "read",
  "DELETE /api/searches/{name}": "read",
  "GET /api/facets": "read",
  "GET /api/producers": "read",
  "GET /api/detectors": "read",
  "GET /api/detectors/{name}/facts": "audit",
  "POST /api/detectors/{name}/facts": "manage",
  "POST /api/credentials/revocations": "manage",
  "GET /api/fields": "read",
  "GET /api/tail": "read",
  "GET /api/traces/{id}": "read",
  "GET /api/bottlenecks": "read",
  "GET /api/timeline": "read",
  "GET /api/timeline/export": "read",
  "GET /api/records/{log}/{epoch}/{index}/neighbours": "read",
  "GET /api/export": "read",
  "GET /api/graph": "read",
  "GET /metrics/edges": "metrics",
  "GET /api/keys": "manage",
  "POST /api/keys": "manage",
  "DELETE /api/keys/{id}": "manage",
  "GET /api/batch-keys": "manage",
  "POST /api/batch-keys": "manage",
  "DELETE /api/batch-keys/{kid}": "manage",
  "GET /api/secrets": "manage",
  "PUT /api/secrets/{name}": "manage",
  "DELETE /api/secrets/{name}": "manage",
  "PUT /api/keys/{id}/quota": "manage",
  "GET /api/quotas": "manage",
  "POST /api/kms/rotate": "operate",
  "POST /api/signing-key/rotate": "operate",
  "POST /api/credentials/fingerprint": "read",
  "POST /api/credentials/revoke": "manage",
  "GET /api/credentials/revoked": "manage",
  "POST /api/login-link": "manage",
  "POST /api/reindex": "manage",
  "GET /api/users": "manage",
  "POST /api/users": "manage",
  "POST /api/users/{name}": "manage",
  "DELETE /api/users/{name}": "manage",
  "GET /api/sessions": "manage",
  "DELETE /api/sessions/{id}": "manage",
  "GET /api/approvals": "audit",
  "POST /api/approvals/{id}/approve": "approve",
  "POST /api/approvals/{id}/reject": "audit",
  "POST /api/device": "public",
  "POST /api/device/token": "public",
  "POST /api/device/decision": "public",
  "GET /login/oidc": "public",
  "GET /login/oidc/callback": "public",
  "POST /api/session": "public",
  "GET /api/session": "public",
  "DELETE /api/session": "public",
  "GET /login": "public",
  "GET /healthz": "public",
  "GET /readyz": "public",
  "GET /metrics": "metrics",
  "GET /api/status": "read",
  "GET /api/config": "operate",
  "GET /api/openapi.json": "public",
};

const LOGINS = new Set(["GET /login", "POST /api/device/decision"]);

type Kind =
  | "nobody"
  | "garbage"
  | "revoked"
  | "producer"
  | "viewer"
  | "auditor"
  | "investigator"
  | "admin"
  | "session"
  | "user";
const EVERYTHING: readonly Need[] = [
  "public",
  "metrics",
  "write",
  "read",
  "payloads",
  "audit",
  "alert",
  "respond",
  "enforce",
  "hold",
  "erase",
  "retain",
  "approve",
  "operate",
  "manage",
];
const MAY: Readonly<Record<Kind, readonly Need[]>> = {
  nobody: ["public"],
  garbage: ["public"],
  revoked: ["public"],
  producer: ["public", "write", "enforce"],
  viewer: ["public", "read", "metrics"],
  auditor: ["public", "read", "audit", "metrics"],
  investigator: ["public", "read", "payloads", "audit", "alert", "respond", "enforce", "hold", "metrics"],
  admin: EVERYTHING,
  session: EVERYTHING,
  /** A session by password, of the role investigator. */
  user: ["public", "read", "payloads", "audit", "alert", "respond", "enforce", "hold", "metrics"],
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const headers = new Map<Kind, Readonly<Record<string, string>>>();

beforeAll(async () => {
  folder = await temporaryFolder();
  // Behind a proxy nobody is on this machine, so /metrics asks for a reader's credentials.
  server = await startTestServer(
    `${folder.path}/data`,
    "  trusted_proxies: [127.0.0.1]\n  failed_logins_per_minute: 100000\n",
  );
  const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });
  headers.set("nobody", {}).set("garbage", bearer("tsk_nothing")).set("admin", bearer(server.adminToken));
  for (const [name, body] of [
    ["producer", { service: "orders" }],
    ["viewer", { role: "viewer" }],
    ["auditor", { role: "auditor" }],
    ["investigator", { role: "investigator" }],
    ["revoked", { role: "viewer" }],
  ] as const) {
    const made = await makeKey({ name, ...body });
    headers.set(name, bearer(made.secret));
    if (name === "revoked") await server.fetch(`/api/keys/${made.id}`, { method: "DELETE" });
  }
  const login = await server.fetch(new URL(server.loginLink()).pathname + new URL(server.loginLink()).search, {
    authorization: null,
  });
  headers.set("session", { cookie: login.headers.get("set-cookie")!.split(";")[0]! });
  const ada = { name: "ada", password: "correct horse battery staple" };
  const send = (path: string, body: object, init: object = {}) =>
    server.fetch(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
      ...init,
    });
  await send("/api/users", { ...ada, role: "investigator" });
  const byPassword = await send("/api/session", ada, { authorization: null });
  headers.set("user", { cookie: byPassword.headers.get("set-cookie")!.split(";")[0]! });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function makeKey(body: object): Promise<{ readonly id: string; readonly secret: string }> {
  const response = await server.fetch("/api/keys", {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(201);
  return (await response.json()) as { readonly id: string; readonly secret: string };
}

async function ask(route: string, kind: Kind): Promise<Response> {
  const [method = "", pattern = ""] = route.split(" ");
  const path = pattern
    .replace("{log}", "default")
    .replace("{epoch}", "2026-11")
    .replace("{index}", "0")
    .replace("{level}", "0")
    .replace(/\{.*\}/, "000");
  const credentials = { ...headers.get(kind), "x-forwarded-for": "203.0.113.7", "content-type": "application/json" };
  const signal = AbortSignal.timeout(5_000);
  const controller = new AbortController();
  const response = await server.fetch(path, {
    method,
    authorization: null,
    headers: credentials,
    signal: AbortSignal.any([signal, controller.signal]),
    ...(method === "POST" ? { body: "{}" } : {}),
  });
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) controller.abort();
  return response;
}

describe("every command", () => {
  it("is in the table of commands, which cli/command-access.test.ts tries", () => {
    const leavesOf = (command: Command, before: readonly string[]): readonly string[] =>
      command.commands.length === 0
        ? [before.join(" ")]
        : command.commands.flatMap((one) => leavesOf(one, [...before, one.name()]));
    const program = buildProgram({ version: "0" } as CliParts, () => Promise.resolve());
    expect([...leavesOf(program, [])].sort()).toEqual(Object.keys(COMMAND_ACCESS).sort());
  });
});

describe("every route", () => {
  it("is in this table, and in docs/access.md as it is here", async () => {
    const api = (await (await server.fetch("/api/openapi.json")).json()) as DescribedApi;
    const described = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(described.filter((route) => !route.startsWith("HEAD ")).sort()).toEqual(Object.keys(ROUTES).sort());
    const page = await readFile(new URL("../../../../docs/access.md", import.meta.url), "utf8");
    // `npm run reference` writes it.
    expect(page).toBe(accessPage(api, COMMAND_ACCESS));
    const rows = [...page.matchAll(/^\| `([A-Z]+ \/[^`]*)` +\| (\w+) +\|(.*)\|$/gm)];
    expect(rows.length).toBe(Object.keys(ROUTES).length);
    for (const [, route = "", need, cells = ""] of rows) {
      expect([route, need]).toEqual([route, ROUTES[route]]);
      const roles = ["nobody", "admin", "investigator", "auditor", "viewer", "producer"] as const;
      const told = cells.split("|").map((cell) => cell.trim() === "yes");
      expect([route, told]).toEqual([route, roles.map((role) => MAY[role].includes(ROUTES[route]!))]);
    }
  });

  it.each(Object.keys(ROUTES))("%s lets in whom it should, and nobody else", async (route) => {
    const need = ROUTES[route]!;
    const seen: Record<string, string> = {};
    const wanted: Record<string, string> = {};
    for (const kind of Object.keys(MAY) as Kind[]) {
      const { status } = await ask(route, kind);
      seen[kind] = status === 401 || status === 403 ? String(status) : "let in";
      const isKnown = !["nobody", "garbage", "revoked"].includes(kind);
      wanted[kind] = MAY[kind].includes(need) ? "let in" : isKnown ? "403" : "401";
      // Logins refuse what opens nothing as such.
      if (LOGINS.has(route)) wanted[kind] = seen[kind] === "401" ? "401" : "let in";
    }
    expect(seen).toEqual(wanted);
  });

  it("says how to authenticate, and tells absent from wrong credentials", async () => {
    const absent = await ask("GET /api/search", "nobody");
    expect(absent.headers.get("www-authenticate")).toBe('Bearer realm="tallystick"');
    const wrong = await ask("GET /api/search", "garbage");
    expect(wrong.headers.get("www-authenticate")).toContain("invalid_token");
  });

  it("refuses a session's changes from other sites", async () => {
    const send = (extra: Readonly<Record<string, string>>) =>
      server.fetch("/api/login-link", {
        method: "POST",
        authorization: null,
        headers: { ...headers.get("session"), ...extra },
      });
    expect((await send({})).status).toBe(201);
    expect((await send({ "sec-fetch-site": "same-origin", origin: server.url })).status).toBe(201);
    expect((await send({ "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await send({ origin: "https://evil.example" })).status).toBe(403);
  });
});

describe("a public URL", () => {
  it("is the base of links, and the only origin that a browser's changes come from", async () => {
    const yaml = "  public_url: https://audit.example.com\n";
    const named = await startTestServer(`${folder.path}/named`, yaml);
    try {
      const link = new URL(named.loginLink());
      expect(link.origin).toBe("https://audit.example.com");
      const login = await named.fetch(link.pathname + link.search, { authorization: null });
      const cookie = login.headers.get("set-cookie")!;
      expect(cookie).toContain("Secure");
      const send = async (origin: string) => {
        const sent = { cookie: cookie.split(";")[0]!, origin };
        return (await named.fetch("/api/login-link", { method: "POST", authorization: null, headers: sent })).status;
      };
      expect(await send("https://audit.example.com")).toBe(201);
      for (const origin of [named.url, "http://audit.example.com", "https://audit.example.com:444", "null"])
        expect(await send(origin), origin).toBe(403);
    } finally {
      await named.close();
    }
  });
});

describe("figures", () => {
  it("are given without credentials only to who asks directly on this machine", async () => {
    const direct = await startTestServer(`${folder.path}/direct`);
    try {
      expect((await direct.fetch("/metrics", { authorization: null })).status).toBe(200);
      expect(
        (await direct.fetch("/metrics", { authorization: null, headers: { "x-forwarded-for": "203.0.113.7" } })).status,
      ).toBe(401);
      expect((await direct.fetch("/api/status", { authorization: null })).status).toBe(401);
    } finally {
      await direct.close();
    }
  });
});

describe("an address that fails too often", () => {
  it("gets 429 with the time to wait, while right credentials still open", async () => {
    const strict = await startTestServer(`${folder.path}/strict`, "  failed_logins_per_minute: 3\n");
    try {
      const wrong = () => strict.fetch("/api/search", { authorization: "Bearer tsk_wrong" });
      for (let failure = 0; failure < 3; failure++) expect((await wrong()).status).toBe(401);
      const response = await wrong();
      expect(response.status).toBe(429);
      expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await strict.fetch("/api/keys")).status).toBe(200);
    } finally {
      await strict.close();
    }
  });
});
