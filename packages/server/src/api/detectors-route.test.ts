/** Detectors in a whole server with its engine: how they are listed, and from a stolen token to who is refused. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

const YAML = `detectors:
  learn: 1ms
respond:
  cache_s: 0
  rules:
    - name: stolen-token
      match: ['rule_id=~"builtin/token-.*|builtin/use-after-revocation"']
      action: block_credential
      dry_run: false
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(folder.path, YAML, withEngine());
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

/** A call of orders to payments that shows a token, as payments saw it. */
const use = (token: string, credential: string, fields: object) => ({
  timestamp: new Date().toISOString(),
  event_type: "API_CALL",
  side: "callee",
  service_id: "orders",
  target_id: "payments",
  operation: "GET /balance",
  status: "success",
  auth_token_id: token,
  credential_id: credential,
  ...fields,
});

const isRefused = async (credential: string) =>
  (await server.fetch("/v1/decide", { headers: { "x-tallystick-credential": credential } })).status === 403;

async function send(...calls: readonly object[]): Promise<void> {
  const body = JSON.stringify(calls);
  const sent = { method: "POST", body, headers: { "content-type": "application/json" } };
  expect((await server.fetch("/v1/records", sent)).status).toBe(200);
}

test("a rule blocks the credential that showed a stolen token: with another key, or from another network", async () => {
  await send(
    use("jti-1", "fp:owner", { auth_key_thumbprint: "own" }),
    use("jti-1", "fp:thief", { auth_key_thumbprint: "other" }),
    use("jti-2", "fp:user", { peer_address: "10.0.0.7" }),
    use("jti-2", "fp:passed-on", { peer_address: "203.0.113.9" }),
  );
  await expect.poll(() => isRefused("fp:thief"), { timeout: 20_000 }).toBe(true);
  await expect.poll(() => isRefused("fp:passed-on"), { timeout: 20_000 }).toBe(true);
  expect([await isRefused("fp:owner"), await isRefused("fp:user")]).toEqual([false, false]);
});

test("who uses a credential that was revoked by its id, one by one or out of a file, is found and blocked", async () => {
  const file = join(folder.path, "leaked.txt");
  writeFileSync(file, "# from the vault's audit\nfp:leaked-1 # of orders\n\nfp:leaked-1\n");
  const target = ["--data", folder.path, "--reason", "leaked", "--json"];
  const imported = await runLine(["credentials", "import", file, ...target]);
  expect(JSON.parse(imported.out)).toEqual({ credential_ids: ["fp:leaked-1"], reason: "leaked" });
  const revoked = await runLine(["credentials", "revoke", "fp:leaked-2", ...target]);
  expect(JSON.parse(revoked.out)).toMatchObject({ credential_ids: ["fp:leaked-2"] });
  // Two clocks may differ by two seconds, and what was used just before is no use after.
  const isBlocked = async () => {
    await send(use("jti-3", "fp:leaked-1", {}), use("jti-4", "fp:leaked-2", {}), use("jti-5", "fp:kept", {}));
    return (await isRefused("fp:leaked-1")) && (await isRefused("fp:leaked-2"));
  };
  await expect.poll(isBlocked, { timeout: 20_000, interval: 500 }).toBe(true);
  expect(await isRefused("fp:kept")).toBe(false);
});

test("detectors and baselines are listed, and a log only while it is in its first days", async () => {
  const { out, err } = await runLine(["detectors", "list", "--data", folder.path]);
  expect(out).toMatch(/^credential-shared +high .* credential_caller$/m);
  expect(out).toMatch(/^baseline-errors +medium +Far more calls fail than usual +what is usual, for 72 hours$/m);
  const { learning } = (await (await server.fetch("/api/detectors")).json()) as {
    readonly learning: readonly { readonly log: string; readonly is_over: boolean }[];
  };
  expect(learning).toContainEqual(expect.objectContaining({ log: "default", is_over: true }));
  expect(err).not.toContain("first days");
});

test("what people do about an alert stands in it, step by step", async () => {
  const target = ["--data", folder.path];
  const about = ["--match", "credential_id=fp:leaked-1", "--json"];
  const { alerts } = JSON.parse((await runLine(["alerts", "list", ...about, ...target])).out) as {
    readonly alerts: readonly { readonly id: string }[];
  };
  const { id } = alerts[0]!;
  const deeds = [
    ["ack", "--comment", "mine"],
    ["assign", "--to", "ada"],
    ["comment", "--comment", "it was leaked"],
    ["resolve"],
    ["reopen", "--comment", "again"],
  ];
  for (const [word, ...more] of deeds) expect((await runLine(["alerts", word!, id, ...more, ...target])).err).toBe("");
  const shown = JSON.parse((await runLine(["alerts", "show", id, "--json", ...target])).out) as {
    readonly assignee: string;
    readonly state: string;
    readonly steps: readonly { readonly kind: string; readonly text: string }[];
  };
  expect(shown).toMatchObject({ assignee: "ada" });
  expect(shown.steps.slice(-5).map(({ kind, text }) => [kind, text])).toEqual([
    ["acknowledged", "mine"],
    ["assigned", expect.stringContaining("ada")],
    ["commented", "it was leaked"],
    ["resolved", ""],
    ["reopened", "again"],
  ]);
});
