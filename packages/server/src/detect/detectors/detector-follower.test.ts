/** The detectors over a real engine: each attack is found, and what is usual is not. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AuditRecord, Observed } from "@tallystick/record";

import { openTemporaryIndex } from "../../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../../index/engine/temporary-index.ts";
import { SAMPLE_START_US } from "../../index/sample.contract.ts";
import type { ErasedRecord } from "../../tally/purge.ts";
import type { Finding } from "../finding.ts";
import { STEP_LIMITS } from "./detector-limits.ts";
import { DAY_US, entry, follow } from "./followed.contract.ts";
import { purgeFacts } from "./purge-facts.ts";

let temporary: TemporaryIndex;
beforeAll(async () => {
  temporary = await openTemporaryIndex();
});
afterAll(() => temporary.close());

/** A usual call of orders to payments, as the callee saw it. */
const usual = (day: number, fields: Partial<AuditRecord> = {}) =>
  entry(day, {
    side: "callee",
    recorder_id: "payments",
    credential_id: "cert-orders",
    peer_address: "10.0.0.7",
    auth_token_id: `token-${day}`,
    auth_key_thumbprint: "key-orders",
    auth_scopes: ["payments:write"],
    ...fields,
  });

const names = (found: readonly Finding[]) => [...new Set(found.map(({ ruleId }) => ruleId.slice(8)))].toSorted();

test("attacks are found once a log's first days are over, what is usual never, nothing twice", async () => {
  const log = "default/2026-11";
  const followed = follow(temporary);
  const known = [
    entry(0, {}),
    usual(0),
    entry(0, { service_id: "web", target_id: "orders", recorder_id: "web", operation: "GET /orders" }),
    usual(0, { operation: "DELETE /payments", credential_id: "cert-orders" }),
    usual(0, { service_id: "billing", credential_id: "cert-old", auth_token_id: "token-billing" }),
  ];
  await temporary.add(log, known);
  await followed.whole();
  // Within the first days everything is new, and nobody is told.
  await temporary.add(log, [entry(3, { service_id: "web", target_id: "stock", recorder_id: "web" })]);
  await followed.whole();
  expect(followed.found).toEqual([]);

  await temporary.add(log, [usual(8), usual(9), entry(9, {})]);
  await followed.whole();
  expect(followed.found).toEqual([]);

  await temporary.add(log, [
    usual(10, { service_id: "web", target_id: "payments", operation: "GET /payments", credential_id: "cert-web" }),
    usual(10.1, { peer_address: "203.0.113.9", auth_token_id: "token-10" }),
    usual(10.2, {
      service_id: "stock",
      credential_id: "cert-orders",
      operation: "DELETE /payments",
      auth_token_id: "token-stock",
    }),
    usual(10.3, { auth_token_id: "token-9", auth_key_thumbprint: "key-thief" }),
    usual(10.4, { auth_scopes: ["payments:write", "payments:admin"], auth_token_id: "token-10" }),
    usual(10.5, { auth_expires_at: "2026-11-20T00:00:00Z", auth_token_id: "token-10" }),
    usual(10.6, { auth_nonce_digest: `sha256:${"ab".repeat(32)}`, auth_token_id: "token-10", request_id: "first" }),
    usual(10.7, { auth_nonce_digest: `sha256:${"ab".repeat(32)}`, auth_token_id: "token-10", request_id: "second" }),
    entry(10.8, {
      event_type: "AUTH",
      action: "revoke",
      credential_id: "cert-web",
      service_id: "idp",
      target_id: "none",
      recorder_id: "idp",
    }),
    usual(11, { service_id: "web", operation: "GET /payments", credential_id: "cert-web", auth_token_id: "token-web" }),
    usual(45, { service_id: "billing", credential_id: "cert-old", auth_token_id: "token-45" }),
    entry(45.1, { service_id: "crawler", target_id: "payments", recorder_id: "crawler" }),
    entry(45.2, { service_id: "crawler", target_id: "orders", recorder_id: "crawler" }),
  ]);
  await followed.whole();
  expect(followed.troubles).toEqual([]);
  expect(names(followed.found)).toEqual([
    "credential-moved",
    "credential-shared",
    "dormant-credential",
    "first-seen-caller",
    "first-seen-edge",
    "first-seen-service",
    "replay",
    "scope-growth",
    "token-other-key",
    "token-replayed",
    "use-after-expiry",
    "use-after-revocation",
  ]);
  const of = (name: string) => followed.found.filter(({ ruleId }) => ruleId === `builtin/${name}`);
  expect(of("first-seen-edge").map(({ labels }) => `${labels["caller"]} ${labels["callee"]}`)).toEqual([
    "web payments",
  ]);
  // It is sensitive too, so that the one finding of it says both.
  expect(of("first-seen-caller")).toMatchObject([
    {
      labels: { caller: "stock", callee: "payments", operation: "DELETE /payments" },
      seen: "called by stock, which never called payments before at all",
    },
  ]);
  expect(of("first-seen-service")).toMatchObject([{ labels: { service: "crawler" }, count: 2 }]);
  expect(of("replay")).toMatchObject([
    {
      count: 1,
      labels: { caller: "orders", callee: "payments", credential_id: "cert-orders" },
      seen: expect.stringContaining(`auth_nonce_digest:"sha256:${"ab".repeat(32)}"`),
      records: [{ callId: expect.stringContaining("second") }],
    },
  ]);
  // Told by the credential that showed the token, which is what can be blocked.
  expect(of("token-other-key")).toMatchObject([
    { labels: { auth_token_id: "token-9", credential_id: "cert-orders" }, seen: "the key key-thief", count: 1 },
  ]);
  expect(of("use-after-revocation")).toMatchObject([{ level: "critical", labels: { caller: "web" }, count: 1 }]);
  for (const { expected, seen, check, silence, records } of followed.found) {
    expect([expected, seen, check, silence].filter((text) => text === "")).toEqual([]);
    expect(records.length).toBeGreaterThan(0);
  }
  await followed.close();

  const again = follow(temporary);
  await temporary.add(log, [usual(12, { auth_token_id: "token-10" })]);
  await again.whole();
  expect(again.found).toEqual([]);
  await again.close();
});

test("a token in other hands is told by each credential that showed it, without one where calls name none", async () => {
  const log = "tokens/2026-11";
  const followed = follow(temporary);
  const token = { auth_token_id: "jti-7" };
  await temporary.add(log, [usual(0, token), usual(0, { auth_token_id: "jti-8" })]);
  await followed.whole();
  expect(followed.found).toEqual([]);
  await temporary.add(log, [
    usual(1, { ...token, auth_key_thumbprint: "key-thief", credential_id: "fp:thief" }),
    usual(1, { ...token, auth_key_thumbprint: "key-thief", credential_id: "fp:other-thief" }),
    usual(1, { ...token, auth_key_thumbprint: "key-thief", credential_id: "fp:thief", peer_address: "203.0.113.9" }),
    entry(1, { side: "callee", recorder_id: "payments", auth_token_id: "jti-8", peer_address: "203.0.113.9" }),
  ]);
  await followed.whole();
  const told = followed.found
    .filter(({ ruleId }) => ruleId.startsWith("builtin/token-"))
    .map(({ ruleId, labels, count }) => [ruleId.slice(8), labels["auth_token_id"], labels["credential_id"], count]);
  expect(told.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))).toEqual([
    ["token-other-key", "jti-7", "fp:other-thief", 1],
    ["token-other-key", "jti-7", "fp:thief", 2],
    ["token-replayed", "jti-7", "fp:thief", 1],
    ["token-replayed", "jti-8", undefined, 1],
  ]);
  await followed.close();
});

test("what an erased leaf alone named is in none of the tables any more, and nothing else is seen as new for it", async () => {
  const log = "slips/2026-11";
  const slip: Partial<AuditRecord> = {
    service_id: "slip-service",
    operation: "DELETE /slip",
    credential_id: "slip-credential",
    auth_token_id: "slip-token",
    auth_key_thumbprint: "slip-key",
    auth_scopes: ["payments:write", "slip:scope"],
    auth_nonce_digest: `sha256:${"cd".repeat(32)}`,
  };
  await temporary.add(log, [usual(0), usual(0.1, slip), usual(0.2, { credential_id: "cert-other" })]);
  const followed = follow(temporary);
  await followed.whole();
  const { deriver } = temporary.index;
  const counts = async () => {
    const rows = await deriver.select<{ slips: number; others: number; nonces: number }>(
      {
        sql: `SELECT countIf(position(concat(subject, value), 'slip') > 0) AS slips, count() - slips AS others,
          (SELECT count() FROM detector_nonces WHERE lower(hex(digest)) LIKE 'cdcd%') AS nonces
          FROM detector_facts WHERE log = 'slips' AND kind != 'log'`,
        params: {},
      },
      STEP_LIMITS,
    );
    return rows[0]!;
  };
  const before = await counts();
  expect(before).toMatchObject({ slips: expect.toSatisfy((count) => Number(count) > 8), nonces: 1 });
  const erased: ErasedRecord = {
    tree: log,
    leaf_index: 1,
    service_id: "slip-service",
    target_id: "payments",
    recorder_id: "payments",
    operation: "DELETE /slip",
    credential_id: "slip-credential",
    auth_token_id: "slip-token",
    auth_key_thumbprint: "slip-key",
    auth_scopes: ["payments:write", "slip:scope"],
    digests: [`sha256:${"cd".repeat(32)}`],
    producer_id: "",
  };
  await purgeFacts(deriver, [erased], STEP_LIMITS);
  const after = await counts();
  expect(after).toMatchObject({ slips: 0, nonces: 0 });
  expect(after.others).toBe(before.others);
  await temporary.add(log, [usual(9), usual(9.1, { credential_id: "cert-other", auth_token_id: "token-9" })]);
  await followed.whole();
  expect(names(followed.found.filter(({ labels }) => labels["service"] !== "slip-service"))).toEqual([]);
  await followed.close();
});

/** A record of Tallystick's own. */
const own = (fields: Partial<AuditRecord>) =>
  entry(
    1,
    { side: "observer", service_id: "tallystick", target_id: "none", recorder_id: "tallystick", ...fields },
    OWN,
  );
const OWN: Partial<Observed> = { principal: "tallystick", intake: "tallystick" };

test("verdicts of the tally, names taken and denied reads are told from the first day on", async () => {
  const followed = follow(temporary);
  const verdict = (operation: string, attributes: Readonly<Record<string, string>>) =>
    own({
      event_type: "TALLY_VERDICT",
      operation,
      status: "error",
      attributes: { "tally.caller": "web", "tally.callee": "stock", "tally.call_id": "web/stock/r/0", ...attributes },
    });
  await temporary.add("other/2026-11", [
    verdict("discrepancy_size", {
      "tally.field": "response_size",
      "tally.caller_value": "1",
      "tally.callee_value": "2",
    }),
    verdict("unpaired_callee", {}),
    // One whose callee saw no credential, and one that ran twice with one.
    verdict("replay", { "tally.call_id": "web/stock/gone/0" }),
    verdict("replay", { "tally.call_id": "web/stock/twice/0", "tally.credential_id": "cert-web" }),
    verdict("summary", {}),
  ]);
  const taken = { "tallystick.count": "5", "tallystick.answer": "accepted" };
  await temporary.add("control/2026-11", [
    own({ event_type: "ALERT", operation: "impersonation", resource: "service/orders", attributes: taken }),
    own({ event_type: "ALERT", operation: "revoked_use", resource: "credential/key_1", attributes: taken }),
  ]);
  const denied = {
    event_type: "ACCESS",
    operation: "search (denied)",
    status: "denied",
    auth_subject: "key:x",
  } as const;
  await temporary.add(
    "access/2026-11",
    Array.from({ length: 4 }, () => own({ ...denied, client_address: "10.1.2.3" })),
  );
  await followed.whole();
  await temporary.add("access/2026-11", [own({ ...denied, client_address: "10.1.2.3" })]);
  await followed.whole();
  expect(followed.troubles).toEqual([]);
  const replayed = followed.found.filter(({ ruleId }) => ruleId === "builtin/replay");
  expect(new Set(replayed.map(({ labels }) => labels["credential_id"]))).toEqual(new Set([undefined, "cert-web"]));
  const rest = followed.found.filter((one) => !replayed.includes(one));
  const found = rest.map(({ ruleId, labels }) => [ruleId.slice(8), labels] as const);
  expect(new Map(found)).toEqual(
    new Map<string, object>([
      ["discrepancy", { caller: "web", callee: "stock", kind: "discrepancy_size", field: "response_size" }],
      ["callee-only", { caller: "web", callee: "stock" }],
      ["claim-against-principal", { principal: "", service: "orders" }],
      ["use-after-revocation", { principal: "", credential_id: "key_1" }],
      ["log-access-denied", { reader: "key:x" }],
    ]),
  );
  // Trees are looked at in no certain order.
  const discrepancy = rest.find(({ ruleId }) => ruleId === "builtin/discrepancy");
  expect(discrepancy?.records[0]?.callId).toBe("web/stock/r/0");
  expect(discrepancy?.silence).toContain("Raise the tolerance");
  // A nonce that comes again is another thing than a call that ran twice.
  expect(replayed.map(({ check }) => check)).toEqual(
    replayed.map(() => expect.stringContaining("caller sent it once")),
  );
  await followed.close();
});

test("a reader of the log from a network that is not his is found, by the networks that have names", async () => {
  const followed = follow(temporary);
  const read = (day: number, address: string) =>
    entry(
      day,
      {
        event_type: "ACCESS",
        operation: "search",
        side: "observer",
        service_id: "tallystick",
        target_id: "none",
        recorder_id: "tallystick",
        auth_subject: "user:ada",
        client_address: address,
      },
      OWN,
    );
  const addresses = ["198.51.100.7", "198.51.100.200", "2001:db8:1:2::5", "2001:DB8:1:ffff::7", "::ffff:198.51.100.9"];
  await temporary.add("access/2026-12", [
    read(2, "10.1.2.3"),
    read(20, "10.1.9.9"),
    ...addresses.map((address) => read(21, address)),
  ]);
  await followed.whole();
  const found = followed.found.filter(({ ruleId }) => ruleId === "builtin/log-access");
  expect(found).toMatchObject([
    {
      labels: { reader: "user:ada", network: "198.51.100.0/24" },
      expected: "from office",
      seen: "from 198.51.100.0/24",
    },
    { labels: { reader: "user:ada", network: "2001:db8:1::/48" } },
  ]);
  await followed.close();
});

test("uses of what was revoked at an issuer are found, and late records of earlier calls are none", async () => {
  const iss = "https://idp.test/";
  const call = (day: number, token: string, fields: Partial<AuditRecord> = {}) =>
    usual(day, { auth_token_id: token, auth_issuer: iss, auth_subject: "spiffe orders", auth_scopes: [], ...fields });
  const revoked = (day: number, attributes: Readonly<Record<string, string>>, issuer = iss) =>
    entry(
      day,
      {
        event_type: "CONFIG_CHANGE",
        operation: "revoke credential",
        action: "revoke",
        service_id: "tallystick",
        target_id: "none",
        recorder_id: "tallystick",
        attributes: { "tallystick.jwt_issuer": "idp", "tallystick.jwt_iss": issuer, ...attributes },
      },
      OWN,
    );
  const followed = follow(temporary);
  const uses = () =>
    followed.found
      .filter(({ ruleId }) => ruleId === "builtin/use-after-revocation")
      .map(({ labels, level, count }) => `${labels["credential_id"]} ${level} ${count}`);
  await temporary.add("jwt/2026-11", [
    ...["one", "two", "three", "four", "moved"].map((token) => call(0, token)),
    call(0, "other", { auth_subject: "stock" }),
    call(0, "foreign", { auth_issuer: "https://other.test/" }),
  ]);
  await followed.whole();
  const day = (at: number) => new Date((SAMPLE_START_US + at * DAY_US) / 1_000).toISOString();
  await temporary.add("control/2026-12", [
    revoked(1, { "tallystick.jwt_id": "one" }),
    revoked(1, { "tallystick.jwt_subject": "spiffe orders", "tallystick.jwt_issued_before": day(0.5) }),
    revoked(1, { "tallystick.jwt_issued_before": day(3) }, "https://gone.test/"),
  ]);
  await followed.whole();
  const early = call(1.5, "three");
  await temporary.add("jwt/2026-11", [
    call(1.1, "one"),
    call(1.2, "two", { status: "denied" }),
    // Made before, told of after.
    { ...early, record: { ...early.record, timestamp: day(0.6) } },
    // Not seen before the time: nobody can say that it is older.
    call(1.3, "new"),
    call(1.3, "other", { auth_subject: "stock" }),
    call(1.3, "foreign", { auth_issuer: "https://other.test/" }),
    call(1.4, "last", { auth_issuer: "https://gone.test/" }),
  ]);
  await followed.whole();
  expect(uses().toSorted()).toEqual(["last critical 1", "one critical 1", "two medium 1"]);
  expect(followed.found.find(({ labels }) => labels["credential_id"] === "two")?.expected).toContain(
    "when all tokens of spiffe orders that were older were revoked",
  );
  await followed.close();
});
