import { describe, expect, it } from "vitest";

import { claimedName, standingOf } from "./access.ts";
import type { Binding, Claimed } from "./access.ts";

const NOBODY: Binding = { service: null, services: [], relay: null };
const orders: Binding = { ...NOBODY, service: "orders" };
const several: Binding = { ...NOBODY, services: ["billing-*", "ship*ing"] };
const collector: Binding = { ...NOBODY, relay: ["orders", "edge-*"] };

const half = (side: string, service_id: string, target_id: string, recorder_id?: string) => ({
  side,
  service_id,
  target_id,
  recorder_id: recorder_id ?? (side === "caller" ? service_id : target_id),
  isSideSent: true,
});
/** As a record without a side is filled in, of a sender that is neither end. */
const unsided = (service_id: string, target_id: string) => ({
  ...half("observer", service_id, target_id, "key:me"),
  isSideSent: false,
});

describe("the standing of a record", () => {
  it.each<[Binding, Claimed, string, string | null]>([
    [orders, half("caller", "orders", "billing"), "authenticated", null],
    [orders, half("callee", "billing", "orders"), "authenticated", null],
    [orders, half("callee", "orders", "billing"), "claimed", "billing"],
    [orders, half("caller", "billing", "orders"), "claimed", "billing"],
    // The recorder alone does not make the half its own.
    [orders, half("caller", "billing", "x", "orders"), "claimed", "billing"],
    [orders, half("callee", "x", "billing", "orders"), "claimed", "billing"],
    [orders, half("caller", "orders", "x", "billing"), "claimed", "billing"],
    [orders, half("observer", "a", "b", "orders"), "authenticated", null],
    [orders, half("observer", "a", "b", "key:me"), "claimed", null],
    [orders, half("observer", "a", "b", "billing"), "claimed", "billing"],
    // Who names no side says that the initiator speaks.
    [orders, unsided("a", "b"), "claimed", "a"],
    [several, unsided("a", "none"), "claimed", "a"],
    [collector, unsided("a", "b"), "claimed", "a"],
    [collector, unsided("a", "edge-2"), "claimed", null],
    [orders, half("callee", "a", "none", "key:me"), "claimed", null],
    [several, half("caller", "billing-eu", "b"), "authenticated", null],
    [several, half("caller", "shipping", "b"), "authenticated", null],
    [several, half("caller", "billing", "b"), "claimed", "billing"],
    [several, half("caller", "shiping", "b"), "authenticated", null],
    [several, half("caller", "shiping2", "b"), "claimed", "shiping2"],
    [collector, half("caller", "orders", "b"), "relayed", null],
    [collector, half("caller", "edge-1", "b"), "relayed", null],
    [collector, half("caller", "billing", "b"), "claimed", "billing"],
    [collector, half("caller", "billing", "b", "orders"), "claimed", "billing"],
    [{ ...NOBODY, relay: "*" }, half("caller", "any", "b"), "relayed", null],
    [NOBODY, half("caller", "any", "b"), "claimed", "any"],
  ])("%j, %j: %s, of %s", (binding, spoken, standing, claimed) => {
    expect(standingOf(binding, spoken)).toBe(standing);
    if (standing === "claimed") expect(claimedName(binding, "key:me", spoken)).toBe(claimed);
  });
});
