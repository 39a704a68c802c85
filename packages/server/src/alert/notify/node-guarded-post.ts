/**
 * HTTP POST to addresses that the guard admits, over undici. The name is resolved once, each of its addresses looked
 * at, and the connection goes to the address that was looked at: a name that answers otherwise the second time gains
 * nothing. Redirects are not followed. Errors name the host only: a URL may be a secret.
 */
import { lookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import { isIP } from "node:net";
import { Agent, request } from "undici";

import type { AddressGuard } from "./address-guard.ts";
import { adviceOnCode, withAdvice } from "./advice.ts";
import type { Post } from "./channel.ts";

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 65_536;

type Done = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** The returned function closes its connections. */
export function guardedPost(guard: AddressGuard): { readonly post: Post; readonly close: () => Promise<void> } {
  const agent = new Agent({
    connect: { lookup: guardedLookup(guard), timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    connections: 4,
    keepAliveTimeout: 10_000,
  });
  const post: Post = async ({ url, headers, body }) => {
    const target = targetOf(url, guard);
    try {
      const answer = await request(target, { method: "POST", headers: { ...headers }, body, dispatcher: agent });
      await answer.body.dump({ limit: MAX_ANSWER_BYTES });
      return { status: answer.statusCode, retryAfterS: retryAfterS(answer.headers) };
    } catch (error) {
      throw new Error(`${target.hostname}: ${reasonOf(error)}`, { cause: error });
    }
  };
  return { post, close: () => agent.close() };
}

/** A date counts from the answer's own date, so that two clocks that differ change nothing (RFC 9110, 10.2.3). */
function retryAfterS(headers: Readonly<Record<string, string | string[] | undefined>>): number | null {
  const [retryAfter, date] = [headers["retry-after"], headers["date"]];
  if (typeof retryAfter !== "string") return null;
  if (/^\d{1,9}$/.test(retryAfter.trim())) return Number(retryAfter);
  const [untilMs, answeredMs] = [Date.parse(retryAfter), typeof date === "string" ? Date.parse(date) : Number.NaN];
  if (Number.isNaN(untilMs)) return null;
  return Math.max(0, Math.ceil((untilMs - (Number.isNaN(answeredMs) ? Date.now() : answeredMs)) / 1_000));
}

function targetOf(url: string, guard: AddressGuard): URL {
  if (!URL.canParse(url)) throw new Error("The channel's URL is none.");
  const target = new URL(url);
  if (target.protocol !== "https:" && target.protocol !== "http:") throw new Error("The channel's URL is not HTTP.");
  const host = target.hostname.replace(/^\[(.*)\]$/, "$1");
  // A name is looked at when it is resolved; an address is resolved by nobody.
  if (isIP(host) !== 0 && !guard.admits(host)) throw refused(host);
  return target;
}

/** As `dns.lookup`, of admitted addresses only. */
export function guardedLookup(
  guard: AddressGuard,
  resolve: typeof lookup = lookup,
): (host: string, options: LookupOptions, done: Done) => void {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, []);
      // One address that may not be asked is enough to refuse the name: which one is used must not be luck.
      const closed = addresses.find(({ address }) => !guard.admits(address));
      const [first] = addresses;
      if (closed !== undefined || first === undefined) return done(refused(host), []);
      if (options.all === true) return done(null, addresses);
      return done(null, first.address, first.family);
    });
  };
}

function refused(host: string): Error {
  return new Error(
    `${host} is a private, loopback or link-local address, or its name leads there; alerts.allow_private can allow it.`,
  );
}

function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  const text = typeof message === "string" ? message : "unknown";
  const said = typeof code === "string" && !text.includes(code) ? `${text} (${code})` : text;
  const advice = adviceOnCode(code);
  return advice === "" ? said : withAdvice(`${said}.`, advice);
}
