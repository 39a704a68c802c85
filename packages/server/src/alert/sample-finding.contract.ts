import type { Finding } from "../detect/finding.ts";

/** A finding with what the test is about set. */
export function sampleFinding(fields: Partial<Finding> = {}): Finding {
  return {
    ruleId: "builtin/credential-shared",
    ruleVersion: 1,
    title: "Credential used by two services",
    kind: "detector",
    level: "high",
    tags: ["attack.t1078"],
    labels: { credential_id: "key:orders", service: "orders" },
    state: "firing",
    startsAtUs: 1_000_000,
    seenAtUs: 1_000_000,
    summary: "The credential of orders is used by billing too.",
    expected: "one service",
    seen: "2 services: orders, billing",
    check: "tallystick search 'credential_id:\"key:orders\"'",
    silence: "Declare the credential as one of a pool.",
    records: [{ tree: "default/2026-11", leafIndex: 7, callId: "a/b" }],
    count: 1,
    quiet: false,
    ...fields,
  };
}
