/** Login by a real OpenID Connect provider. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Browser, openIdentityProvider } from "../access/identity-provider.contract.ts";
import type { IdentityProvider } from "../access/identity-provider.contract.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let provider: IdentityProvider;
let server: TestServer;
let callback: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  provider = await openIdentityProvider({
    ada: { email: "ada@example.com", groups: ["staff", "audit-admins"] },
    bob: { email: "bob@example.com", groups: ["orders-team"] },
    eve: { email: "eve@example.com", groups: ["staff"] },
    mallory: { email: "ada@example.com", email_verified: false, groups: ["audit-admins"] },
    sybil: { email: "ada@example.com", email_verified: undefined, groups: ["audit-admins"] },
  });
  const roles =
    "[{group: audit-admins, role: admin}, {group: orders-team, role: viewer, logs: [default], services: [orders]}]";
  const yaml = `oidc:
  issuer: ${provider.issuer}
  client_id: ${provider.clientId}
  client_secret_name: oidc
  roles: ${roles}
`;
  server = await startTestServer(`${folder.path}/data`, yaml);
  callback = `${server.url}/login/oidc/callback`;
});
afterAll(async () => {
  await server.close();
  await provider.close();
  await folder.remove();
});

async function logIn(login: string): Promise<{ readonly browser: Browser; readonly response: Response }> {
  const browser = new Browser();
  const back = await browser.logInAt(`${server.url}/login/oidc`, login, callback);
  return { browser, response: await browser.get(back) };
}

const whoIs = async (browser: Browser): Promise<unknown> => (await browser.get(`${server.url}/api/session`)).json();

describe("a client secret that is not stored yet", () => {
  it("keeps nobody from starting, is asked for by its name, and is told by nothing once it is stored", async () => {
    const response = await server.fetch("/login/oidc", { authorization: null });
    expect(await response.json()).toMatchObject({
      status: 503,
      hint: expect.stringContaining("tallystick secrets set oidc") as string,
    });
    const stored = await server.fetch("/api/secrets/oidc", {
      method: "PUT",
      body: JSON.stringify({ secret: `${provider.clientSecret}\n` }),
      headers: { "content-type": "application/json" },
    });
    expect(stored.status).toBe(200);
    for (const path of ["/api/secrets", "/api/config"])
      expect(await (await server.fetch(path)).text()).not.toContain(provider.clientSecret);
  });
});

describe("a provider that does not answer", () => {
  it("keeps nobody from starting, and is said", async () => {
    const response = await server.fetch("/login/oidc", { authorization: null });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "provider_unreachable" });
    await provider.serve(callback);
  });
});

describe("a login by the provider", () => {
  it("gives the role and scope of the first group that is named, for a browser session", async () => {
    const { browser, response } = await logIn("ada");
    expect([response.status, response.headers.get("location")]).toEqual([303, "/"]);
    expect(response.headers.getSetCookie().join("\n")).toMatch(/tallystick_session=tss_.*HttpOnly; SameSite=Strict/);
    expect(await whoIs(browser)).toMatchObject({ name: "oidc:ada@example.com", role: "admin", methods: ["oidc"] });
    const bob = await logIn("bob");
    expect(await whoIs(bob.browser)).toMatchObject({ name: "oidc:bob@example.com", role: "viewer" });
    expect((await bob.browser.get(`${server.url}/api/users`)).status).toBe(403);
    // Entries are whole leaves, of which he may see those of one service.
    const { tree } = ((await (await server.fetch("/api/trees")).json()) as readonly { readonly tree: string }[])[0]!;
    expect((await bob.browser.get(`${server.url}/trees/${tree}/tile/entries/000`)).status).toBe(403);
  });

  it("makes an administrator one of those who approve", async () => {
    const { approvers } = (await (await server.fetch("/api/approvals")).json()) as { readonly approvers: string[] };
    expect(approvers).toEqual(["oidc:ada@example.com"]);
  });

  it("is none for who is in no group that is named, nor for an address that is not verified", async () => {
    const eve = await logIn("eve");
    expect(eve.response.status).toBe(403);
    expect(await whoIs(eve.browser)).toMatchObject({ authenticated: false });
    const mallory = await logIn("mallory");
    expect(mallory.response.status).toBe(401);
    expect(await whoIs(mallory.browser)).toMatchObject({ authenticated: false });
    const sybil = await logIn("sybil");
    expect(await sybil.response.json()).toMatchObject({
      status: 401,
      hint: expect.stringContaining("oidc.require_verified_email: false") as string,
    });
    expect(await whoIs(sybil.browser)).toMatchObject({ authenticated: false });
  });

  it("ends for the browser that began it, once, and with what the provider said", async () => {
    const browser = new Browser();
    const back = await browser.logInAt(`${server.url}/login/oidc`, "ada", callback);
    const stranger = await new Browser().get(back);
    expect(stranger.status).toBe(401);
    expect(await stranger.json()).toMatchObject({ hint: "Begin the login again." });
    expect((await browser.get(back)).status).toBe(303);
    expect((await browser.get(back)).status).toBe(401);
    for (const change of [
      (url: URL) => url.searchParams.set("code", "forged"),
      (url: URL) => url.searchParams.set("state", "forged"),
      (url: URL) => url.searchParams.set("iss", "https://evil.example"),
      (url: URL) => url.searchParams.delete("code"),
    ]) {
      const victim = new Browser();
      const url = new URL(await victim.logInAt(`${server.url}/login/oidc`, "ada", callback));
      change(url);
      const response = await victim.get(url.href);
      expect(response.status).toBe(401);
      expect(await response.text()).not.toContain(provider.clientSecret);
      expect(await whoIs(victim)).toMatchObject({ authenticated: false });
    }
  });
});

describe("a configuration", () => {
  it.each([
    [
      "an issuer over http elsewhere",
      "issuer: http://idp.example.com\n  client_id: x\n  roles: [{group: g, role: admin}]",
    ],
    ["no client id", "issuer: https://idp.example.com\n  roles: [{group: g, role: admin}]"],
    ["no roles", "issuer: https://idp.example.com\n  client_id: x"],
    [
      "a secret that is missing",
      "issuer: https://idp.example.com\n  client_id: x\n  client_secret_file: none\n  roles: [{group: g, role: admin}]",
    ],
  ])("with %s is refused at start", async (_, yaml) => {
    await expect(startTestServer(`${folder.path}/wrong`, `oidc:\n  ${yaml}\n`)).rejects.toMatchObject({
      code: "config_invalid",
    });
  });
});
