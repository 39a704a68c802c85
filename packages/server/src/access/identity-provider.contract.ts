/** A real OpenID Connect provider for tests, and a browser that logs in at it. */
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";

import { learnSecret } from "../secret-watch.contract.ts";

export interface Person {
  readonly email: string;
  /** Undefined: the provider says nothing of it. */
  readonly email_verified?: boolean | undefined;
  readonly groups?: readonly string[];
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The provider is there from now on, for a client that is redirected to this address. */
  serve(redirectUri: string): Promise<void>;
  close(): Promise<void>;
}

/** People by what they type as their login at the provider. */
export async function openIdentityProvider(people: Readonly<Record<string, Person>>): Promise<IdentityProvider> {
  let answer: RequestListener = (_request, response) => response.writeHead(503).end();
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [clientId, clientSecret] = ["tallystick", "a-client-secret-of-the-tests-9f2c"];
  learnSecret(clientSecret);
  return {
    issuer,
    clientId,
    clientSecret,
    async serve(redirectUri) {
      const provider = new Provider(issuer, {
        clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
        cookies: { keys: ["a-cookie-key-of-the-tests"] },
        claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
        scopes: ["openid", "email", "groups"],
        // Claims in the ID token, as many providers are set up.
        conformIdTokenClaims: false,
        pkce: { required: () => true },
        findAccount: (_context: unknown, id: string) => ({
          accountId: id,
          claims: () => ({ sub: id, email_verified: true, ...people[id] }),
        }),
      });
      answer = provider.callback();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Cookies by host, as a browser keeps them; follows redirects by hand so that each step can be looked at. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  async get(url: string, init: RequestInit = {}): Promise<Response> {
    const { host } = new URL(url);
    const jar = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, jar);
    const headers = new Headers(init.headers);
    headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  /** Follows redirects until a page of another kind, or the address `until`, which is not asked for. */
  async follow(url: string, until: string): Promise<{ readonly url: string; readonly response: Response | null }> {
    let at = url;
    for (let step = 0; step < 20; step++) {
      if (at.startsWith(until)) return { url: at, response: null };
      const response = await this.get(at);
      const location = response.headers.get("location");
      if (location === null) return { url: at, response };
      at = new URL(location, at).href;
    }
    throw new Error("too many redirects");
  }

  /** Logs in at the provider and agrees; the address with which it sends the browser back. */
  async logInAt(start: string, login: string, callback: string): Promise<string> {
    let { url, response } = await this.follow(start, callback);
    for (let form = 0; form < 4 && response !== null; form++) {
      const page = await response.text();
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (prompt === undefined) throw new Error(`no form of the provider's at ${new URL(url).pathname}`);
      const action = /action="([^"]+)"/.exec(page)?.[1] ?? url;
      const posted = await this.get(new URL(action, url).href, {
        method: "POST",
        body: new URLSearchParams({ prompt, login, password: "any" }),
      });
      const next = new URL(posted.headers.get("location")!, url).href;
      ({ url, response } = await this.follow(next, callback));
    }
    return url;
  }
}
