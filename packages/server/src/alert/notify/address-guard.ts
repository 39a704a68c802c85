/**
 * Which addresses a notification may go to. Whoever writes a channel's URL, or answers for its name, must not make the
 * server talk to what only it can reach: loopback, private and link-local networks, a cloud's metadata. What is meant
 * to be inside is allowed by `alerts.allow_private`.
 */
import { isIP } from "node:net";

import { cidrList } from "../../access/client-address.ts";

const CLOSED_V4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];
const CLOSED_V6 = [
  "::/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

export interface AddressGuard {
  /** True for a public address and one that is allowed. */
  admits(address: string): boolean;
}

/** `allowed`: CIDRs. */
export function addressGuard(allowed: readonly string[]): AddressGuard {
  const closed = cidrList([...CLOSED_V4, ...CLOSED_V6], "what is closed");
  const open = cidrList(allowed, "alerts.allow_private");
  return {
    admits(address) {
      const plain = embeddedV4(address.replace(/%.*$/, ""));
      const version = isIP(plain);
      if (version === 0) return false;
      const family = version === 4 ? "ipv4" : "ipv6";
      return open.check(plain, family) || !closed.check(plain, family);
    },
  };
}

/** An IPv4 address that is written as an IPv6 one is that IPv4 address: ::ffff:127.0.0.1, ::ffff:7f00:1. */
function embeddedV4(address: string): string {
  const dotted = /^(?:0*:)*(?:ffff:(?:0*:)?)?(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (dotted !== undefined) return dotted;
  const [, high, low] = /^(?:0*:)*ffff:(?:0*:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address) ?? [];
  if (high === undefined || low === undefined) return address;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}
