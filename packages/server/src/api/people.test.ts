/** People: users and their passwords, sessions, devices, and proposals that a second person approves. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { MAX_ACCOUNT_FAILURES } from "../access/limits.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, "  failed_logins_per_minute: 1000\n");
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

type Headers = Readonly<Record<string, string>>;
const send = (method: string, path: string, body: object | null, headers: Headers | null = null) =>
  server.fetch(path, {
    method,
    ...(headers === null ? {} : { authorization: null }),
    headers: { ...headers, ...(body === null ? {} : { "content-type": "application/json" }) },
    ...(body === null ? {} : { body: JSON.stringify(body) }),
  });
const PASSWORD = "correct horse battery staple";

async function logIn(name: string, password = PASSWORD): Promise<Headers> {
  const response = await send("POST", "/api/session", { name, password }, {});
  expect(response.status).toBe(204);
  return { cookie: response.headers.get("set-cookie")!.split(";")[0]! };
}

async function whoIs(headers: Headers): Promise<unknown> {
  return (await send("GET", "/api/session", null, headers)).json();
}

describe("a user", () => {
  it("logs in by name and password, with the role and scope that were given, until they are taken", async () => {
    const scope = { logs: ["default"], services: ["orders"], data_classes: "*" };
    const made = await send("POST", "/api/users", { name: "ada", role: "viewer", scope, password: PASSWORD });
    expect(made.status).toBe(201);
    const user: unknown = await made.json();
    expect(user).toMatchObject({ name: "ada", role: "viewer", scope, has_password: true, disabled_at: null });
    expect(JSON.stringify(user)).not.toContain("scrypt");
    const ada = await logIn("ada");
    expect(await whoIs(ada)).toMatchObject({ authenticated: true, name: "user:ada", role: "viewer" });
    expect((await send("GET", "/api/users", null, ada)).status).toBe(403);
    expect((await send("POST", "/api/users/ada", { role: "admin" })).status).toBe(200);
    expect((await send("GET", "/api/users", null, ada)).status).toBe(200);
    expect((await send("POST", "/api/users/ada", { password: `${PASSWORD} 2` })).status).toBe(200);
    expect(await whoIs(ada)).toMatchObject({ authenticated: false });
    const again = await logIn("ada", `${PASSWORD} 2`);
    expect((await send("DELETE", "/api/users/ada", null)).status).toBe(200);
    expect(await whoIs(again)).toMatchObject({ authenticated: false });
    expect((await send("POST", "/api/session", { name: "ada", password: `${PASSWORD} 2` }, {})).status).toBe(401);
    expect((await send("POST", "/api/users", { name: "ada", role: "viewer" })).status).toBe(409);
  });

  it("without a password comes in by a one-time link of his own", async () => {
    await send("POST", "/api/users", { name: "grace", role: "auditor" });
    const link = (await (await send("POST", "/api/login-link?user=grace", null)).json()) as { readonly url: string };
    const { pathname, search } = new URL(link.url);
    const response = await send("GET", pathname + search, null, {});
    const grace = { cookie: response.headers.get("set-cookie")!.split(";")[0]! };
    expect(await whoIs(grace)).toMatchObject({ name: "user:grace", role: "auditor" });
    expect((await send("POST", "/api/session", { name: "grace", password: PASSWORD }, {})).status).toBe(401);
    expect((await send("POST", "/api/login-link?user=nobody", null)).status).toBe(404);
  });

  it.each([
    ["a producer", { name: "p", role: "producer" }],
    ["a short password", { name: "p", role: "viewer", password: "short" }],
    ["a name with a line feed", { name: "p\nq", role: "viewer" }],
    ["a scope that sees nothing", { name: "p", role: "viewer", scope: { services: [] } }],
    ["a scope of no such class", { name: "p", role: "viewer", scope: { data_classes: ["cosmic"] } }],
    ["more than there is", { name: "p", role: "viewer", __proto__: null, is_admin: true }],
  ])("is refused as %s", async (_, body) => {
    expect((await send("POST", "/api/users", body)).status).toBe(400);
  });

  it("survives a restart, and his sessions do not", async () => {
    await send("POST", "/api/users", { name: "mary", role: "investigator", password: PASSWORD });
    const mary = await logIn("mary");
    server = await server.restart();
    expect(await whoIs(mary)).toMatchObject({ authenticated: false });
    expect(await whoIs(await logIn("mary"))).toMatchObject({ name: "user:mary", role: "investigator" });
  });

  it("is asked to wait after wrong passwords, right ones too; whether there is such a user shows nowhere", async () => {
    await send("POST", "/api/users", { name: "victim", role: "viewer", password: PASSWORD });
    const answers: string[][] = [];
    for (const name of ["victim", "nobody"]) {
      const seen: string[] = [];
      for (let attempt = 0; attempt <= MAX_ACCOUNT_FAILURES; attempt++) {
        const response = await send("POST", "/api/session", { name, password: `${attempt} is wrong` }, {});
        const { code, detail } = (await response.json()) as { readonly code: string; readonly detail: string };
        seen.push(`${response.status} ${code} ${detail}`);
      }
      answers.push(seen);
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]!.at(-1)).toMatch(/^429/);
    const right = await send("POST", "/api/session", { name: "victim", password: PASSWORD }, {});
    expect(right.status).toBe(429);
    expect(Number(right.headers.get("retry-after"))).toBeGreaterThan(60);
  });

  it("is not logged in by another site's form", async () => {
    const body = { name: "mary", password: PASSWORD };
    for (const foreign of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }])
      expect((await send("POST", "/api/session", body, foreign)).status).toBe(403);
    const form = new URLSearchParams(body);
    const sent = await server.fetch("/api/session", { method: "POST", authorization: null, body: form });
    expect(sent.status).toBe(415);
  });
});

describe("a session", () => {
  it("is shown to the administrator and ended by him, at once", async () => {
    const mary = await logIn("mary");
    const { sessions } = (await (await send("GET", "/api/sessions", null)).json()) as {
      readonly sessions: readonly { readonly id: string; readonly name: string; readonly method: string }[];
    };
    const mine = sessions.findLast(({ name }) => name === "user:mary")!;
    expect(mine.method).toBe("password");
    expect((await send("DELETE", `/api/sessions/${mine.id}`, null, mary)).status).toBe(403);
    expect((await send("DELETE", `/api/sessions/${mine.id}`, null)).status).toBe(204);
    expect(await whoIs(mary)).toMatchObject({ authenticated: false });
    expect((await send("DELETE", `/api/sessions/${mine.id}`, null)).status).toBe(404);
  });
});

describe("a device", () => {
  const begin = async () =>
    (await (await send("POST", "/api/device", null, {})).json()) as { device_code: string; user_code: string };
  const fetchToken = (deviceCode: string) => send("POST", "/api/device/token", { device_code: deviceCode }, {});

  it("gets a token of whoever lets it in, once, and can do no more than he", async () => {
    const mary = await logIn("mary");
    const { device_code: deviceCode, user_code: code } = await begin();
    expect(await (await fetchToken(deviceCode)).json()).toMatchObject({ state: "pending", token: null });
    const decision = { user_code: code.toLowerCase().replace("-", " "), allow: true };
    expect((await send("POST", "/api/device/decision", decision, {})).status).toBe(401);
    expect((await send("POST", "/api/device/decision", decision, { ...mary, origin: "https://evil" })).status).toBe(
      403,
    );
    expect((await send("POST", "/api/device/decision", decision, mary)).status).toBe(200);
    expect((await send("POST", "/api/device/decision", decision, mary)).status).toBe(401);
    const { token } = (await (await fetchToken(deviceCode)).json()) as { readonly token: string };
    const bearer = { authorization: `Bearer ${token}` };
    expect(await whoIs(bearer)).toMatchObject({ name: "user:mary", role: "investigator" });
    expect((await send("GET", "/api/users", null, bearer)).status).toBe(403);
    expect((await fetchToken(deviceCode)).status).toBe(401);
    expect((await send("DELETE", "/api/session", null, bearer)).status).toBe(204);
    expect((await send("GET", "/api/search", null, bearer)).status).toBe(401);
  });

  it("that was refused gets nothing", async () => {
    const mary = await logIn("mary");
    const { device_code: deviceCode, user_code: code } = await begin();
    await send("POST", "/api/device/decision", { user_code: code, allow: false }, mary);
    expect(await (await fetchToken(deviceCode)).json()).toEqual({ state: "denied", token: null, expires_at: null });
    expect((await fetchToken("guessed")).status).toBe(401);
  });
});

describe("a proposal", () => {
  it("is listed for those who may know, and nobody else", async () => {
    await send("POST", "/api/users", { name: "vera", role: "viewer", password: PASSWORD });
    const listed = await send("GET", "/api/approvals", null);
    expect(await listed.json()).toEqual({ approvals: [], approvers: ["admin"] });
    expect((await send("GET", "/api/approvals", null, await logIn("vera"))).status).toBe(403);
    expect((await send("POST", "/api/approvals/approval_0/approve", null)).status).toBe(404);
    expect((await send("POST", "/api/approvals/approval_0/approve", null, await logIn("mary"))).status).toBe(403);
    expect((await send("POST", "/api/approvals/approval_0/reject", null)).status).toBe(404);
  });
});
