import { describe, expect, it } from "vitest";

import { TallystickError } from "../errors.ts";
import { principalRules } from "./principal-rules.ts";
import type { PrincipalRule } from "./principal-rules.ts";

const NO_LIMITS = { records_per_second: 0, bytes_per_day: 0 };
const rule = (match: string, more: Partial<PrincipalRule> = {}): PrincipalRule => ({
  match,
  role: "producer",
  log: "default",
  ...NO_LIMITS,
  services: ["orders"],
  ...more,
});
const reader = (more: object = {}): PrincipalRule => ({
  match: "dns:*",
  role: "viewer",
  log: "default",
  ...NO_LIMITS,
  ...more,
});

function servicesOf(match: string, name: string, services: readonly string[] = ["orders"]): unknown {
  const principal = principalRules([rule(match, { services })]).principalOf(name);
  return principal === null ? null : (principal.service ?? principal.services);
}

describe("a rule", () => {
  it.each([
    ["spiffe://prod.test/ns/shop/sa/{service}", "spiffe://prod.test/ns/shop/sa/orders", ["{service}"], "orders"],
    ["spiffe://prod.test/ns/*/sa/{service}", "spiffe://prod.test/ns/a.b/sa/orders.v2", ["{service}"], "orders.v2"],
    ["spiffe://prod.test/ns/*/sa/{service}", "spiffe://prod.test/ns/a/b/sa/orders", ["{service}"], null],
    ["spiffe://prod.test/**", "spiffe://prod.test/any/thing", ["a", "b"], ["a", "b"]],
    ["spiffe://prod.test/*", "spiffe://prod_test/x", ["a"], null],
    ["dns:{service}.internal", "dns:orders.internal", ["{service}", "{service}-*"], ["orders", "orders-*"]],
    ["dns:{service}.internal", "dns:a.orders.internal", ["{service}"], null],
    ["jwt:k8s:system:serviceaccount:*:{sa}", "jwt:k8s:system:serviceaccount:shop:orders", ["{sa}"], "orders"],
    ["jwt:k8s:system:serviceaccount:*:{sa}", "jwt:k8s:system:serviceaccount:shop:orders:x", ["{sa}"], null],
    ["certificate:ab", "certificate:ab", ["a"], "a"],
    ["certificate:ab", "certificate:abc", ["a"], null],
    ["jwt:idp:orders", "jwt:idp:orders\n", ["a"], null],
  ])("%s meets %s for %j: %j", (match, name, services, expected) => {
    expect(servicesOf(match, name, services)).toEqual(expected);
  });

  it("that stands first counts, and nobody else is anybody", () => {
    const rules = principalRules([
      rule("dns:a", { services: ["one"] }),
      rule("dns:*", { services: ["two"] }),
      reader(),
    ]);
    expect(rules.principalOf("dns:a")?.service).toBe("one");
    expect(rules.principalOf("dns:b")?.service).toBe("two");
    expect(rules.principalOf("spiffe://a/b")).toBeNull();
  });

  it("gives a relay its services, and a reader its scope and nothing of who read what", () => {
    const relay: PrincipalRule = { match: "dns:*", role: "producer", log: "edge", ...NO_LIMITS, relay: ["a", "b-*"] };
    expect(principalRules([relay]).principalOf("dns:c")).toMatchObject({
      name: "dns:c",
      log: "edge",
      relay: ["a", "b-*"],
      service: null,
      services: [],
      scope: { logs: [] },
    });
    expect(principalRules([{ ...relay, relay: ["*"] }]).principalOf("dns:c")?.relay).toBe("*");
    const narrow = principalRules([reader({ scope: { services: ["orders"] } })]).principalOf("dns:c");
    expect(narrow?.scope).toEqual({ logs: { allBut: ["access"] }, services: ["orders"], dataClasses: "*" });
  });

  it.each<[PrincipalRule, string]>([
    [{ match: "dns:*", role: "producer", log: "default", ...NO_LIMITS }, "speaks for nobody"],
    [reader({ services: ["a"] }), "only a producer"],
    [rule("dns:*", { relay: ["b"] }), "not both"],
    [rule("dns:*", { log: "control" }), "own records only"],
    [rule("dns:*", { services: ["{sa}"] }), "{sa} is not in match"],
    [rule("dns:{a}.{a}", { services: ["{a}"] }), "twice"],
    [rule("dns:{a}-{b}.internal"), "more than one"],
    [rule("spiffe://**/a/**"), "more than one"],
    [rule("dns:*", { scope: { logs: ["a"] } }), "reads nothing"],
  ])("that means nothing is refused: %j", (wrong, says) => {
    expect(() => principalRules([reader(), wrong])).toThrow(TallystickError);
    expect(() => principalRules([reader(), wrong])).toThrow(says);
    expect(() => principalRules([reader(), wrong])).toThrow("access.principals.1");
  });

  it("looks at a stranger's name once, however long it is", () => {
    const rules = principalRules([rule("jwt:k8s:*:*:{a}:*:**", { services: ["{a}"] })]);
    expect(rules.principalOf(`jwt:k8s:${"a:".repeat(100_000)}\n`)).toBeNull();
  });
});
