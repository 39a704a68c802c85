/** Responses that wait for a second person, and rules that only say what they would do: a whole server and commands. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { EXPIRED, useExpired } from "./expired-use.contract.ts";

const YAML = `detectors: {learn: 1ms}
control: {approvals: always, approvals_for: [respond]}
respond:
  cache_s: 0
  rules:
    - {name: expired, match: ["rule_id=builtin/use-after-expiry"], action: block_credential}
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let data: string;
/** Of another administrator. */
let second: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  server = await startTestServer(data, YAML, withEngine());
  second = (await command("keys", "create", "--name", "second", "--role", "admin", "--json")).json<{ secret: string }>()
    .secret;
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const command = (...words: readonly string[]) => runLine([...words, "--data", data]);
const asSecond = (...words: readonly string[]) => runLine([...words, "--url", server.url, "--token", second]);
const asJson = async <Result>(ran: ReturnType<typeof command>): Promise<Result> => (await ran).json<Result>();

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly approval_id: string | null;
  readonly rule: string | null;
  readonly target: object;
}

const isRefused = async (credential: string) =>
  (await server.fetch("/v1/decide", { headers: { "x-tallystick-credential": credential } })).status === 403;
const responses = async (...words: readonly string[]) =>
  (await asJson<{ readonly responses: readonly Shown[] }>(command("respond", "list", ...words, "--json"))).responses;
const responseOf = async (id: string) => (await responses()).find((one) => one.id === id);
const block = (credential: string, ...more: readonly string[]) =>
  command("respond", "block", "--credential", credential, "--reason", "stolen", ...more);
const proposed = (credential: string) => asJson<Shown & { readonly approval_id: string }>(block(credential, "--json"));
const approvalOf = async (id: string) => {
  const { approvals } = await asJson<{
    readonly approvals: readonly { readonly id: string; readonly state: string; readonly outcome: string | null }[];
  }>(command("approvals", "list", "--json"));
  return approvals.find((one) => one.id === id);
};

/** Steps of responses about the credential, as records of the log. */
async function recorded(credential: string): Promise<readonly string[]> {
  const found = await asJson<{
    readonly records: readonly {
      readonly record: { readonly operation: string; readonly attributes: Record<string, string> };
    }[];
  }>(command("search", "event_type:RESPONSE", "--own", "--json"));
  return found.records
    .filter(({ record }) => (record.attributes["tallystick.response_target"] ?? "").includes(`"${credential}"`))
    .map(({ record }) => record.operation)
    .toSorted();
}

it("a person's block waits for another person, and is in force as soon as that one says yes", async () => {
  const said = (await block("fp:one")).out;
  const [, id = "", approval = ""] = /^(\S+) is proposed; somebody else must approve (\S+):/.exec(said) ?? [];
  expect(await isRefused("fp:one")).toBe(false);
  expect(await proposed("fp:one")).toMatchObject({ id, state: "proposed" });
  const own = await command("approvals", "approve", approval);
  expect([own.exitCode === 0, own.err]).toEqual([false, expect.stringContaining("Somebody else")]);
  expect(await isRefused("fp:one")).toBe(false);
  expect((await command("approvals", "list", "--pending")).out).toContain("block_credential credential_id=fp:one");

  expect((await asSecond("approvals", "approve", approval)).out).toContain(`${approval} is done`);
  expect(await isRefused("fp:one")).toBe(true);
  expect(await responseOf(id)).toMatchObject({ state: "active" });
  await expect.poll(() => recorded("fp:one"), { timeout: 20_000 }).toEqual(["response in force", "response requested"]);
  // To let go needs nobody else.
  await command("respond", "undo", id, "--reason", "false alarm");
  expect(await isRefused("fp:one")).toBe(false);
});

it("what the other one rejects is over at once", async () => {
  const { id, approval_id: approval } = await proposed("fp:two");
  await asSecond("approvals", "reject", approval);
  expect(await responseOf(id)).toMatchObject({ state: "rejected" });
  expect(await isRefused("fp:two")).toBe(false);
});

it("what was taken back is asked of nobody any more, and has no effect when it is approved all the same", async () => {
  const { id, approval_id: approval } = await proposed("fp:three");
  expect((await command("respond", "undo", id)).out).toContain(`${id} is undone`);
  expect(await approvalOf(approval)).toMatchObject({ state: "rejected" });
  expect((await asSecond("approvals", "approve", approval)).exitCode).not.toBe(0);

  const other = await proposed("fp:four");
  const key = ["keys", "create", "--name", "watch", "--role", "investigator", "--json"];
  const watch = (await asJson<{ readonly secret: string }>(command(...key))).secret;
  await runLine(["respond", "undo", other.id, "--url", server.url, "--token", watch]);
  await asSecond("approvals", "approve", other.approval_id);
  expect(await approvalOf(other.approval_id)).toMatchObject({
    state: "failed",
    outcome: expect.stringContaining("taken back"),
  });
  expect(await isRefused("fp:four")).toBe(false);
});

it("a rule that says nothing of dry_run is one: recorded, listed, without effect, and nobody is asked", async () => {
  await useExpired(server);
  await expect.poll(() => responses("--state", "dry_run"), { timeout: 20_000 }).toHaveLength(1);
  const [dry] = await responses("--state", "dry_run");
  expect(dry).toMatchObject({ rule: "expired", target: { credential_id: EXPIRED }, approval_id: null });
  expect(await isRefused(EXPIRED)).toBe(false);
  const list = await server.fetch("/v1/blocks");
  expect(await list.text()).not.toContain(EXPIRED);
  await expect.poll(() => recorded(EXPIRED), { timeout: 20_000 }).toEqual(["response requested"]);
  // A person's dry run asks nobody either.
  expect((await block("fp:five", "--dry-run")).out).toContain("is dry_run");
  expect(await isRefused("fp:five")).toBe(false);
});
