import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { canonicalOf } from "@tallystick/record";
import { ed25519Verifier, openNote, parseVerifierKey } from "@tallystick/tlog";
import { afterEach, expect, it } from "vitest";

import { openControl } from "../../control/control-log.ts";
import type { Control } from "../../control/control.ts";
import type { LocalJournal } from "../../journal/local-journal.ts";
import { memoryJournal, seededBytes } from "../../journal/memory-journal.ts";
import { manualClock } from "../../manual-clock.ts";
import type { ManualClock } from "../../manual-clock.ts";
import { parseMatchers } from "../matchers.ts";
import { openAlerting } from "../open-alerting.ts";
import type { Alerting } from "../open-alerting.ts";
import { sampleFinding } from "../sample-finding.contract.ts";
import type { Action, NewAction } from "./action.ts";
import { signedBlockList } from "./block-list.ts";
import { Responder } from "./responder.ts";
import type { ResponseRule } from "./responder.ts";
import type { ResponseSettings } from "./responses.ts";
import { testSigner } from "./test-signer.contract.ts";

const HOUR_US = 3_600_000_000;
const block: NewAction = {
  kind: "block_credential",
  target: { credential_id: "key:orders" },
  reason: "stolen",
  lastsUs: HOUR_US,
  alertId: null,
  rule: null,
  isDryRun: false,
};

interface Bench {
  readonly clock: ManualClock;
  readonly journal: LocalJournal;
  readonly control: Control;
  readonly alerting: Alerting;
  readonly troubles: string[];
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function opened(settings: Partial<ResponseSettings> = {}, before?: Bench): Promise<Bench> {
  const clock = before?.clock ?? manualClock();
  const journal = before?.journal ?? (await memoryJournal({ clock }));
  const random = seededBytes(`responses ${ends.length} ${clock.nowUs()}`);
  const control = await openControl({ journal, clock, random });
  const alerting = await openAlerting({ journal, clock, random });
  const troubles: string[] = [];
  ends.push(
    alerting.responses.begin({
      approvals: control.approvals,
      needsApproval: false,
      never: parseMatchers(["service=payments"]),
      maxBlocks: 3,
      maxLastsUs: 30 * 24 * HOUR_US,
      hasChannel: (name) => name === "soar",
      onTrouble: (message) => troubles.push(message),
      ...settings,
    }),
  );
  return { clock, journal, control, alerting, troubles };
}

const nothing = { credentialIds: [], caller: null, callee: null, operation: null };

it("a block is in force at once, is one however often it is asked for, ends by itself and by hand, and survives a restart", async () => {
  const bench = await opened();
  const { responses } = bench.alerting;
  const { action, isNew } = await responses.request("user:ada", block);
  expect([action.state, isNew]).toEqual(["active", true]);
  expect(await responses.request("user:bob", block)).toEqual({ action, isNew: false });
  expect(responses.blocks.ofCredential(["key:orders"])?.id).toBe(action.id);
  const again = await opened({}, bench);
  expect(again.alerting.responses.find(action.id)).toEqual(action);
  expect(again.alerting.responses.blocks.sequence).toBe(responses.blocks.sequence);
  const before = responses.blocks.sequence;
  bench.clock.advance(3_600_001);
  // Over for who asks, before anybody has said so.
  expect(responses.blocks.ofCredential(["key:orders"])).toBeNull();
  await responses.work();
  expect(responses.find(action.id)).toMatchObject({ state: "expired" });
  expect(responses.blocks.sequence).toBeGreaterThan(before);
  const next = await responses.request("user:ada", block);
  expect(next.isNew).toBe(true);
  expect(await responses.undo("user:bob", next.action.id, "false alarm")).toMatchObject({
    state: "undone",
    endedBy: "user:bob",
  });
  expect(responses.blocks.active()).toEqual([]);
  await expect(responses.undo("user:bob", "none", "")).rejects.toMatchObject({ code: "not_found" });
});

it("each kind blocks what it names and nothing else", async () => {
  const { alerting } = await opened({ maxBlocks: 10 });
  const { responses } = alerting;
  const ask = (kind: NewAction["kind"], target: NewAction["target"]) =>
    responses.request("a", { ...block, kind, target });
  await ask("block_service", { service: "crypto" });
  await ask("block_edge", { caller: "web", callee: "ledger" });
  await ask("block_operation", { operation: "POST /payouts" });
  await ask("block_operation", { operation: "GET /all", callee: "users" });
  const blocks = responses.blocks;
  expect(blocks.of({ ...nothing, caller: "crypto" })).not.toBeNull();
  expect(blocks.of({ ...nothing, callee: "crypto" })).not.toBeNull();
  expect(blocks.of({ ...nothing, caller: "web", callee: "ledger" })).not.toBeNull();
  expect(blocks.of({ ...nothing, caller: "ledger", callee: "web" })).toBeNull();
  expect(blocks.of({ ...nothing, operation: "POST /payouts", callee: "any" })).not.toBeNull();
  expect(blocks.of({ ...nothing, operation: "GET /all", callee: "users" })).not.toBeNull();
  expect(blocks.of({ ...nothing, operation: "GET /all", callee: "other" })).toBeNull();
  expect(blocks.of({ ...nothing, caller: "web" })).toBeNull();
});

it.each([
  ["without a reason", { reason: " " }, "bad_request"],
  ["for ever", { lastsUs: 1e18 }, "bad_request"],
  ["without what it blocks", { target: {} }, "bad_request"],
  ["of what is never blocked", { kind: "block_service", target: { service: "payments" } }, "forbidden"],
  ["by a channel that is none", { kind: "webhook", target: { channel: "nobody" } }, "bad_request"],
] as const)("a response %s is refused", async (_, fault, code) => {
  const { alerting } = await opened();
  await expect(alerting.responses.request("a", { ...block, ...fault })).rejects.toMatchObject({ code });
});

it("no more than so many are blocked, whatever a rule does", async () => {
  const { alerting } = await opened();
  const ask = (n: number) => alerting.responses.request("a", { ...block, target: { credential_id: `key:${n}` } });
  for (const n of [1, 2, 3]) await ask(n);
  await expect(ask(4)).rejects.toMatchObject({ code: "bad_request" });
});

it("where a second person must agree nothing happens before, and a no ends it", async () => {
  const { alerting, control } = await opened();
  const { responses } = alerting;
  const { action } = await responses.request("rule:r", { ...block, rule: "r", alertId: "a1" }, true);
  expect(action.state).toBe("proposed");
  expect(responses.blocks.active()).toEqual([]);
  await control.approvals.decide("admin", action.approvalId!, "approved");
  await responses.work();
  expect(responses.find(action.id)).toMatchObject({ state: "active" });
  expect(control.approvals.approval(action.approvalId!)).toMatchObject({ state: "done" });
  const other = { ...block, target: { credential_id: "key:other" }, rule: "r", alertId: "a2" };
  const no = await responses.request("rule:r", other, true);
  await control.approvals.decide("admin", no.action.approvalId!, "rejected");
  await responses.work();
  expect(responses.find(no.action.id)).toMatchObject({ state: "rejected" });
});

it("a rule answers an alert once, as a dry run until it is told otherwise, and not what is silenced or learning", async () => {
  const { alerting, clock, troubles } = await opened({ maxBlocks: 10 });
  const rule: ResponseRule = {
    name: "stolen",
    match: parseMatchers(["rule_id=~builtin/.*"]),
    action: "block_credential",
    lastsUs: HOUR_US,
    needsApproval: false,
    isDryRun: true,
    channel: "",
  };
  const rules = [rule, { ...rule, name: "real", match: parseMatchers(["level=critical"]), isDryRun: false }];
  const responder = new Responder({ ...alerting, rules, onTrouble: (message) => troubles.push(message) });
  ends.push(() => responder.close());
  const finding = (credential: string, fields = {}) => {
    const seen = { startsAtUs: clock.nowUs(), seenAtUs: clock.nowUs() };
    return sampleFinding({ ...seen, labels: { credential_id: credential }, ...fields });
  };
  const hour = { startsAtUs: clock.nowUs(), endsAtUs: clock.nowUs() + HOUR_US, comment: "known" };
  await alerting.silences.place("a", { ...hour, matchers: ["credential_id=silent"] });
  await alerting.alerts.sink([
    finding("one"),
    finding("two", { level: "critical" }),
    finding("silent", { level: "critical" }),
    finding("quiet", { level: "critical", quiet: true }),
    finding("", { labels: { service: "no credential" } }),
  ]);
  for (let step = 0; step < 30; step++) {
    clock.advance(50);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  const made = alerting.responses
    .list()
    .map(({ target, state, rule: by }) => `${target["credential_id"]} ${state} ${by}`);
  expect(made.toSorted()).toEqual(["one dry_run stolen", "two active real", "two dry_run stolen"]);
  expect(alerting.responses.blocks.ofCredential(["two"])).not.toBeNull();
  expect(alerting.responses.blocks.ofCredential(["one"])).toBeNull();
  expect(troubles.join()).toContain("finds no target");
});

it("a webhook's response is queued with the decision, in one", async () => {
  const { alerting } = await opened();
  const { action } = await alerting.responses.request("a", { ...block, kind: "webhook", target: { channel: "soar" } });
  expect(action.state).toBe("done");
  expect(alerting.notices.list()).toMatchObject([{ channel: "soar", purpose: "response", firing: [action.id] }]);
  expect(alerting.responses.described(action.id)).toMatchObject({ action: "webhook channel=soar", reason: "stolen" });
});

it("the list and its note are as docs/formats/block-list.md says", async () => {
  const read = (name: string): string =>
    readFileSync(new URL(`../../../../../docs/formats/vectors/block-list/${name}`, import.meta.url), "utf8");
  const { signer } = testSigner();
  const target = { caller: "web", callee: "ledger" };
  const actions = [
    actionOf({
      id: "response_1",
      target: { credential_id: "fp:0123456789abcdef0123456789abcdef" },
      alertId: "alert-1",
    }),
    actionOf({ id: "response_2", kind: "block_edge", target, by: "rule:lateral" }),
  ];
  const settings = { serverOrigin: "audit.example.com", signer, fail: "closed" } as const;
  const signed = signedBlockList(actions, 1_790_000_000_000_000, settings);
  expect(signed.list).toEqual(JSON.parse(read("list.json")));
  expect(signed.note).toBe(read("note.txt"));
  const key = parseVerifierKey(read("vkey.txt").trim());
  expect((await openNote(read("note.txt"), key.kind === "ok" ? [key.value] : [])).kind).toBe("ok");
});

function actionOf(fields: Partial<Action>): Action {
  return {
    id: "response_0",
    kind: "block_credential",
    target: {},
    reason: "stolen",
    by: "user:ada",
    rule: null,
    alertId: null,
    isDryRun: false,
    state: "active",
    lastsUs: 3_600_000_000,
    requestedAtUs: 1_790_000_000_000_000,
    sinceUs: 1_790_000_000_000_000,
    untilUs: 1_790_003_600_000_000,
    approvalId: null,
    endedAtUs: null,
    endedBy: null,
    ...fields,
  };
}

it("the list is signed: its note opens by the server's key and names the list's digest and sequence", async () => {
  const { alerting } = await opened();
  await alerting.responses.request("user:ada", { ...block, alertId: "alert-1" });
  const { signer, publicKey } = testSigner();
  const settings = { serverOrigin: "audit.example.com", signer, fail: "open" } as const;
  const { list, note, sequence } = signedBlockList(
    alerting.responses.blocks.active(),
    alerting.responses.blocks.sequence,
    settings,
  );
  expect(list).toMatchObject({
    version: 1,
    blocks: [{ kind: "credential", credential_id: "key:orders", alert_id: "alert-1" }],
  });
  const origin = "audit.example.com/blocks";
  const opening = await openNote(note, [ed25519Verifier(origin, publicKey)]);
  const digest = createHash("sha256").update(canonicalOf(list)).digest("base64");
  expect(opening).toMatchObject({ kind: "ok", value: { text: `${origin}\n${sequence}\n${digest}\n` } });
});
