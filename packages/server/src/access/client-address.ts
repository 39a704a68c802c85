import { BlockList, isIP } from "node:net";

import { TallystickError } from "../errors.ts";
import { MAX_FORWARDED_HOPS } from "./limits.ts";

/** Addresses whose word about the original client is believed. */
export interface TrustedProxies {
  has(address: string): boolean;
}

/** From CIDRs or single addresses; `config_invalid` for anything else. */
export function trustedProxies(cidrs: readonly string[]): TrustedProxies {
  const list = cidrList(cidrs, "http.trusted_proxies");
  return {
    has(address) {
      const plain = plainAddress(address);
      const version = isIP(plain);
      return version !== 0 && list.check(plain, version === 4 ? "ipv4" : "ipv6");
    },
  };
}

export function isCidr(text: string): boolean {
  return partsOf(text) !== null;
}

interface Cidr {
  readonly address: string;
  readonly bits: number;
  readonly version: number;
}

function partsOf(cidr: string): Cidr | null {
  const [address = "", prefix, ...rest] = cidr.split("/");
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : NaN;
  return version !== 0 && rest.length === 0 && bits <= most ? { address, bits, version } : null;
}

/** From CIDRs or single addresses; `config_invalid` for anything else, with the setting's name. */
export function cidrList(cidrs: readonly string[], setting: string): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const parts = partsOf(cidr);
    if (parts === null) {
      throw new TallystickError("config_invalid", `${setting}: ${cidr} is no address or CIDR.`, {
        hint: "Write 10.0.0.0/8 or ::1.",
      });
    }
    list.addSubnet(parts.address, parts.bits, parts.version === 4 ? "ipv4" : "ipv6");
  }
  return list;
}

/** `::ffff:10.0.0.1` and `10.0.0.1` are one address. */
export function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address.replace(/%.*$/, "");
}

export interface ForwardingHeaders {
  readonly forwarded: string | undefined;
  readonly xForwardedFor: string | undefined;
}

/**
 * The client's address. Headers are read only from a trusted peer, and from the right: each hop vouches for the one
 * before it, so the first address that is no trusted proxy is the client; what stands left of it was written by
 * nobody we trust. When both headers are there and disagree, a proxy passed one of them through unread, so neither is
 * believed.
 */
export function clientAddress(peer: string, headers: ForwardingHeaders, proxies: TrustedProxies): string {
  const direct = plainAddress(peer);
  if (!proxies.has(direct)) return direct;
  const { forwarded, xForwardedFor } = headers;
  if (forwarded === undefined && xForwardedFor === undefined) return direct;
  const byForwarded = forwarded === undefined ? null : clientOf(direct, forwardedHops(forwarded), proxies);
  const byXForwardedFor = xForwardedFor === undefined ? null : clientOf(direct, plainHops(xForwardedFor), proxies);
  if (byForwarded !== null && byXForwardedFor !== null) return byForwarded === byXForwardedFor ? byForwarded : direct;
  return byForwarded ?? byXForwardedFor ?? direct;
}

function clientOf(direct: string, hops: readonly (string | null)[], proxies: TrustedProxies): string {
  let client = direct;
  for (const hop of hops.slice(-MAX_FORWARDED_HOPS).toReversed()) {
    // An obfuscated or broken hop hides everything before it.
    if (hop === null) return client;
    client = hop;
    if (!proxies.has(hop)) return client;
  }
  return client;
}

function plainHops(header: string): readonly (string | null)[] {
  return header.split(",").map((hop) => addressOf(hop.trim()));
}

function forwardedHops(header: string): readonly (string | null)[] {
  return header.split(",").map((element) => {
    const pair = element
      .split(";")
      .map((part) => part.trim())
      .find((part) => /^for=/i.test(part));
    return pair === undefined ? null : addressOf(pair.slice(4).replace(/^"(.*)"$/, "$1"));
  });
}

/** `10.0.0.1`, `10.0.0.1:443`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`. */
function addressOf(text: string): string | null {
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1];
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1];
  const address = plainAddress(bracketed ?? withPort ?? text);
  return isIP(address) === 0 ? null : address;
}
