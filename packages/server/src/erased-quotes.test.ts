/** What Tallystick wrote about a leaf goes with it: no file says any more what only the leaf said. */
import { afterAll, beforeAll, expect, it } from "vitest";

import { folderWork } from "./folder-work.ts";
import { plainFolder, plainIndexOf } from "./fsck/plain-folder.contract.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine, withEngine } from "./machine.contract.ts";
import type { TestServer } from "./machine.contract.ts";

const SECRET = 'xK8wq7"é/4711';
const NAME = "Ann Example 9f31c7";
/** As they stand within JSON, within a call id, and alone. */
const GONE = ["xK8wq7", NAME];
const RULE = "0f8fad5b-d9cb-469f-a165-70867728950e";
const ON = `control: {approvals: never}
tally: {deadline: 500ms}
alerts:
  group_by: [operation]
  group_wait: "0"
  channels: [{name: nobody, kind: alertmanager, url: "http://127.0.0.1:9"}]
`;
const OFF = `${ON}rules: {enabled: false}\ndetectors: {enabled: false}\n`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const data = () => `${folder.path}/data`;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(data(), ON, withEngine());
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

interface Answer {
  readonly tree: string;
  readonly first_index: number;
  readonly state: string;
  readonly own_records: number;
  readonly own_kept: readonly string[];
}

async function send(method: string, path: string, body: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return (await (await server.fetch(path, { method, body: JSON.stringify(body), headers })).json()) as Answer;
}

async function search(
  q: string,
  more = "",
): Promise<readonly { readonly record: Readonly<Record<string, unknown>> }[]> {
  const answer = await server.fetch(`/api/search?own=true&q=${encodeURIComponent(q)}${more}`);
  return ((await answer.json()) as { readonly records: readonly { record: Record<string, unknown> }[] }).records;
}

const alerts = async () => (await server.fetch("/api/alerts")).text();
const openErasures = async () => {
  const answer = await (await server.fetch("/api/approvals")).json();
  const { approvals: all } = answer as { readonly approvals: readonly { readonly state: string }[] };
  return all.filter(({ state }) => state !== "done").length;
};
/** The engine removes the files that a mutation replaced within seconds. */
const leftInIndex = async () => {
  const index = await plainIndexOf(data());
  return GONE.filter((text) => index.includes(text));
};

const call = {
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: NAME,
  target_id: "pay",
  request_id: `order ${SECRET}`,
  operation: `GET /reset/${SECRET}`,
  status: "success",
};

it("verdicts, alerts, notifications and questions that say what only the leaf said go with it", async () => {
  const text = `title: Somebody resets
id: ${RULE}
level: high
logsource: {product: tallystick, category: call}
detection:
  reset:
    operation|contains: "/reset/"
  condition: reset
`;
  await send("POST", "/api/rules", { text });
  await send("PUT", `/api/rules/${RULE}/on`, { on: true });
  const { tree, first_index: first } = await send("POST", "/v1/records", [
    { ...call, side: "caller" },
    { ...call, side: "callee", status: "error" },
    { ...call, side: "caller", service_id: "billing", request_id: "another", operation: "GET /reset/of/billing" },
  ]);
  await expect.poll(alerts, { timeout: 60_000 }).toContain("/reset/of/billing");
  await expect
    .poll(async () => (await search("event_type:TALLY_VERDICT")).length, { timeout: 60_000 })
    .toBeGreaterThan(1);
  await expect
    .poll(async () => (await search('operation:"notification dead" OR operation:"notification failed"')).length, {
      timeout: 60_000,
    })
    .toBeGreaterThan(1);
  expect(await search(`operation:*xK8wq7* AND event_type:API_CALL`)).toHaveLength(2);
  expect(await alerts()).toContain("xK8wq7");
  await server.close();
  const before = await plainFolder(data());
  for (const gone of GONE)
    expect([gone, before.records.includes(gone), before.index.includes(gone)]).toEqual([gone, true, true]);

  // Detectors and rules are switched off now, and their tables are there.
  server = await startTestServer(data(), OFF, withEngine());
  const places = [`${tree}/${first}`, `${tree}/${first + 1}`];
  const asked = { records: places, leaf: true, reason: "a secret slipped in" };
  const dry = await send("POST", "/api/erasures", { ...asked, dry_run: true });
  // The verdict, the alert, what was told of it and how that failed, and the question above.
  expect(dry).toMatchObject({ leaves: 2, own_kept: [] });
  expect(dry.own_records).toBeGreaterThan(3);
  await send("POST", "/api/erasures", asked);
  await expect.poll(openErasures, { timeout: 100_000 }).toBe(0);
  await expect.poll(leftInIndex, { timeout: 100_000, interval: 500 }).toEqual([]);
  expect(await alerts()).not.toContain("xK8wq7");
  expect(await alerts()).toContain("/reset/of/billing");
  // Who asked, and when, stays.
  expect((await search("event_type:ERASED AND auth_subject:admin")).length).toBe(1);
  await server.close();
  const after = await plainFolder(data());
  for (const gone of GONE)
    expect([gone, after.records.includes(gone), after.raw.includes(gone)]).toEqual([gone, false, false]);
  expect(after.records).toContain("/reset/of/billing");
  const known = { vkey: null, since: null, integrityKey: null };
  const result = await folderWork(testMachine(withEngine())).verify(folderRequest(data()), known, () => {});
  expect(result).toMatchObject({ clean: true, faults: [] });
  // A notification may have failed once more after the dry run.
  const { payloads } = result as unknown as { readonly payloads: { readonly erasedLeaves: number } };
  expect(payloads.erasedLeaves).toBeGreaterThanOrEqual(2 + dry.own_records);
}, 240_000);
