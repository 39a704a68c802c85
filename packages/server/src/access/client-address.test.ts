import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { clientAddress, plainAddress, trustedProxies } from "./client-address.ts";

const none = { forwarded: undefined, xForwardedFor: undefined };
const proxies = trustedProxies(["10.0.0.0/8", "::1", "2001:db8::/32"]);
const nobody = trustedProxies([]);

describe("the client's address", () => {
  it.each([
    ["no header", "203.0.113.9", none, "203.0.113.9"],
    ["a header of a stranger is not read", "203.0.113.9", { ...none, xForwardedFor: "1.2.3.4" }, "203.0.113.9"],
    ["a trusted proxy's X-Forwarded-For", "10.1.1.1", { ...none, xForwardedFor: "198.51.100.7" }, "198.51.100.7"],
    ["mapped IPv4", "::ffff:10.1.1.1", { ...none, xForwardedFor: "198.51.100.7" }, "198.51.100.7"],
    [
      "only what the nearest trusted hop saw",
      "10.1.1.1",
      { ...none, xForwardedFor: "1.1.1.1, 198.51.100.7" },
      "198.51.100.7",
    ],
    ["through two trusted proxies", "10.1.1.1", { ...none, xForwardedFor: "198.51.100.7, 10.2.2.2" }, "198.51.100.7"],
    ["all trusted: the farthest", "10.1.1.1", { ...none, xForwardedFor: "10.3.3.3, 10.2.2.2" }, "10.3.3.3"],
    ["garbage hides what is before it", "10.1.1.1", { ...none, xForwardedFor: "198.51.100.7, nonsense" }, "10.1.1.1"],
    ["Forwarded", "::1", { ...none, forwarded: "for=198.51.100.7;proto=https;by=10.0.0.1" }, "198.51.100.7"],
    ["Forwarded with IPv6 and port", "10.1.1.1", { ...none, forwarded: 'For="[2a00:1450::8]:4711"' }, "2a00:1450::8"],
    ["an obfuscated hop", "10.1.1.1", { ...none, forwarded: "for=_hidden" }, "10.1.1.1"],
    ["both and they agree", "10.1.1.1", { forwarded: "for=9.9.9.9", xForwardedFor: "9.9.9.9" }, "9.9.9.9"],
    ["both and they differ: neither", "10.1.1.1", { forwarded: "for=9.9.9.9", xForwardedFor: "8.8.8.8" }, "10.1.1.1"],
  ])("%s", (_, peer, headers, expected) => {
    expect(clientAddress(peer, headers, proxies)).toBe(expected);
  });

  it("is the peer's whatever it sends, when no proxy is trusted", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.string(), fc.string(), (peer, forwarded, xForwardedFor) => {
        expect(clientAddress(peer, { forwarded, xForwardedFor }, nobody)).toBe(plainAddress(peer));
      }),
    );
  });

  it("is always an address, whatever a trusted proxy sends", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (forwarded, xForwardedFor) => {
        expect(clientAddress("10.1.1.1", { forwarded, xForwardedFor }, proxies)).toMatch(/^[0-9a-f.:]+$/i);
      }),
    );
  });
});

it.each(["10.0.0.0/33", "300.1.1.1", "::1/129", "1.2.3.4/8/8"])("refuses %s as a proxy", (cidr) => {
  expect(() => trustedProxies([cidr])).toThrow(/trusted_proxies/);
});
