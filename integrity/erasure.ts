/**
 * Bodies of people and whole records are erased while the server is killed at random moments of it. Before, every
 * marker is found in the decrypted folder, the opened index included; after, none is in any file, as it lies there or
 * decrypted, nor is its salt. What Tallystick itself wrote about a record (verdicts, alerts, notifications that go on
 * failing, a reader's question) goes with it, and a folder restored from a backup of before holds none of it either.
 * All else is as it was: every other body opens, every record's hash and every proof of before still verifies, and
 * `verify` finds each erased body and leaf explained.
 *
 * `npm run integrity -- erasure [--people 40] [--seed N] [--small]`
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { verifyProof } from "@tallystick/verify";

import { plainFolder, plainIndexOf } from "../packages/server/src/fsck/plain-folder.contract.ts";
import type { PlainFolder } from "../packages/server/src/fsck/plain-folder.contract.ts";
import { seeded } from "./random.ts";
import { BIN, caughtUp, startServer, until, verifyFolder, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    people: { type: "string", default: "40" },
    seed: { type: "string", default: String(randomBytes(2).readUInt16LE()) },
    small: { type: "boolean", default: false },
  },
});
const PEOPLE = options.small ? 8 : Number(options.people);
const RECORDS_EACH = 5;
const SEED = Number(options.seed);
const random = seeded(SEED);
const DONE_TIMEOUT_MS = 120_000;
const MAX_DELAY_MS = 250;

const RULE = "7d7b1a52-6d7e-4bb0-9d5c-1f7f2f0b9a11";
/** Each order has an alert of its own, of which nobody can be told. */
const CONFIG = `tally: {deadline: 500ms}
alerts:
  group_by: [operation]
  group_wait: "0"
  channels: [{name: nobody, kind: alertmanager, url: "http://127.0.0.1:9"}]
`;
const RULE_TEXT = `title: Somebody orders
id: ${RULE}
level: high
logsource: {product: tallystick, category: call}
detection:
  order:
    operation|contains: "/orders/"
  condition: order
`;

/** One record, and what of it must not be found again once it is erased. */
interface Sent {
  readonly person: string;
  readonly index: number;
  /** In its bodies. */
  readonly body: string;
  /** In the leaf itself. */
  readonly slip: string;
  readonly proof: string;
  readonly leaf: string;
  readonly salt: string;
}

const marker = (kind: string): string => `${kind}-${Math.floor(random() * 2 ** 48).toString(36)}x${SEED}`;

const config = (data: string): string => join(data, "..", "tallystick.yaml");
const start = (data: string): Promise<RunningServer> => startServer(data, { args: ["--config", config(data)] });

function post<Answer>(server: RunningServer, path: string, body: object, method = "POST"): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return server.json<Answer>(path, { method, body: JSON.stringify(body), headers });
}

const counted = async (server: RunningServer, q: string): Promise<number> =>
  (await server.json<{ records: readonly unknown[] }>(`/api/search?own=true&limit=1000&q=${encodeURIComponent(q)}`))
    .records.length;

/** The other halves say otherwise, so that there are verdicts; somebody asks, and nobody can be told. */
async function quote(server: RunningServer, slips: readonly string[]): Promise<readonly string[]> {
  const halves = slips.map((slip) => ({ ...callOf(slip), side: "callee", status: "error" }));
  const { tree, first_index: first } = await post<{ tree: string; first_index: number }>(server, "/v1/records", halves);
  await caughtUp(server, DONE_TIMEOUT_MS);
  for (const slip of slips) await counted(server, `operation:*${slip}*`);
  const told = async (q: string): Promise<true | undefined> =>
    (await counted(server, q)) >= slips.length ? true : undefined;
  await until(DONE_TIMEOUT_MS, "verdicts", () => told("event_type:TALLY_VERDICT"));
  await until(DONE_TIMEOUT_MS, "alerts", () => told('event_type:ALERT AND operation:"alert fired"'));
  await until(DONE_TIMEOUT_MS, "notifications", () => told('operation:"notification failed"'));
  return halves.map((_, place) => `${tree}/${first + place}`);
}

const callOf = (slip: string) => ({
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: "shop",
  target_id: "pay",
  request_id: `order-${slip}`,
  // A name of its own in each: it comes to lie in the tables of calls, edges and detectors, and in what is told.
  operation: `POST /orders/${slip}`,
  resource: `/orders/${slip}`,
  status: "success",
});

async function fill(server: RunningServer): Promise<{ readonly tree: string; readonly sent: readonly Sent[] }> {
  await post(server, "/api/rules", { text: RULE_TEXT });
  await post(server, `/api/rules/${RULE}/on`, { on: true }, "PUT");
  const records = Array.from({ length: PEOPLE * RECORDS_EACH }, (_, place) => ({
    person: `person-${place % PEOPLE}`,
    body: marker("body"),
    slip: marker("slip"),
  }));
  const lines = records.map(({ person, body, slip }) =>
    JSON.stringify({
      ...callOf(slip),
      side: "caller",
      subject_refs: [person],
      request_body: { text: JSON.stringify({ note: body, filler: "z".repeat(300) }), content_type: "application/json" },
      response_body: `answer ${body}`,
    }),
  );
  const answer = await server.json<{ tree: string; first_index: number }>("/v1/records", {
    method: "POST",
    body: lines.join("\n"),
    headers: { "content-type": "application/x-ndjson" },
  });
  await caughtUp(server, DONE_TIMEOUT_MS);
  const sent: Sent[] = [];
  for (const [place, record] of records.entries()) {
    const index = answer.first_index + place;
    const path = `/api/records/${answer.tree}/${index}`;
    const { leaf, proof } = await server.json<{ leaf: string; proof: string }>(path);
    const { salt } = await server.json<{ salt: string }>(`${path}/payload?part=request&reason=integrity`);
    sent.push({ ...record, index, leaf, proof, salt });
  }
  return { tree: answer.tree, sent };
}

/** Asks for an erasure and kills the server at some moment of it; then a new one ends it by itself. */
async function eraseAndKill(home: { server: RunningServer; readonly data: string }, body: object): Promise<boolean> {
  const asked = home.server
    .fetch("/api/erasures", {
      method: "POST",
      body: JSON.stringify({ reason: "integrity", ...body }),
      headers: { "content-type": "application/json" },
    })
    .then(
      (response) => response.status,
      () => null,
    );
  await pause(random() * MAX_DELAY_MS);
  await home.server.kill();
  const status = await asked;
  home.server = await start(home.data);
  await caughtUp(home.server, DONE_TIMEOUT_MS);
  // What was asked before the kill may not have been heard; asked again it is the same, or nothing is left of it.
  const again = await home.server.fetch("/api/erasures", {
    method: "POST",
    body: JSON.stringify({ reason: "integrity", ...body }),
    headers: { "content-type": "application/json" },
  });
  if (![200, 202, 404, 410].includes(again.status))
    throw new Error(`asked again: ${again.status} ${await again.text()}`);
  await until(DONE_TIMEOUT_MS, "the erasure to end", async () => {
    // A machine that stood still may have closed the connection.
    const response = await home.server.fetch("/api/approvals").catch(() => null);
    if (response?.ok !== true) return undefined;
    const { approvals } = (await response.json()) as {
      readonly approvals: readonly { readonly action: string; readonly state: string }[];
    };
    const open = approvals.filter(({ action, state }) => action === "erase" && state === "approved");
    return open.length === 0 ? true : undefined;
  });
  return status === null;
}

/** Everything is there, and in no file in the clear. */
function assertStored({ records, index, raw }: PlainFolder, sent: readonly Sent[]): void {
  for (const { body, slip, salt } of sent) {
    if (![body, slip, salt].every((text) => records.includes(text))) throw new Error(`${body} was not stored`);
    if (!index.includes(slip)) throw new Error(`${slip} is not found in the opened index`);
    if (raw.includes(body) || raw.includes(slip)) throw new Error(`${body} lies in a file in the clear`);
  }
}

function assertAbsent(where: string, { records, index, raw }: PlainFolder, markers: readonly string[]): void {
  for (const text of markers) {
    if (records.includes(text)) throw new Error(`${where}: ${text} is in the decrypted folder`);
    if (index.includes(text)) throw new Error(`${where}: ${text} is in the opened index`);
    if (raw.includes(text)) throw new Error(`${where}: ${text} lies in a file`);
  }
}

/** The engine keeps parts that others replaced for some seconds. */
async function leftIndex(data: string, markers: readonly string[]): Promise<void> {
  const end = performance.now() + DONE_TIMEOUT_MS;
  for (;;) {
    const index = await plainIndexOf(data);
    const left = markers.find((text) => index.includes(text));
    if (left === undefined) return;
    if (performance.now() > end) throw new Error(`${left} is still in the opened index`);
    await pause(2_000);
  }
}

/** All of it stored and quoted, and a backup of that; the server is stopped. */
async function prepare({ server, data }: { readonly server: RunningServer; readonly data: string }, backup: string) {
  const { tree, sent } = await fill(server);
  const quoted = Array.from({ length: PEOPLE / 2 }, (_, place) => sent[PEOPLE + 2 * place + 1]!);
  const halves = await quote(
    server,
    quoted.map(({ slip }) => slip),
  );
  await server.stop();
  assertStored(await plainFolder(data), sent);
  command("backup", backup, "--data", data, "--config", config(data));
  return { tree, sent, halves };
}

async function main(): Promise<void> {
  const data = join(mkdtempSync(join(tmpdir(), "tallystick-erasure-")), "data");
  const backup = join(data, "..", "backup");
  writeFileSync(config(data), CONFIG);
  const home = { server: await start(data), data };
  let cut = 0;
  try {
    const { tree, sent, halves } = await prepare(home, backup);
    home.server = await start(data);

    // Half of the people, then two records of each other one: a body, and a whole record.
    const people = Array.from({ length: PEOPLE }, (_, place) => `person-${place}`);
    const gone = people.filter((_, place) => place % 2 === 0);
    for (const person of gone) if (await eraseAndKill(home, { subject: person })) cut += 1;
    const others = people.filter((_, place) => place % 2 === 1);
    const first = others.map((person) => sent.filter((one) => one.person === person)[0]!);
    const leaves = others.map((person) => sent.filter((one) => one.person === person)[1]!);
    for (const { index } of first) if (await eraseAndKill(home, { records: [`${tree}/${index}`] })) cut += 1;
    for (const [place, { index }] of leaves.entries())
      if (await eraseAndKill(home, { records: [`${tree}/${index}`, halves[place]], leaf: true })) cut += 1;

    const bodies = sent.filter((one) => gone.includes(one.person) || first.includes(one) || leaves.includes(one));
    const kept = sent.filter((one) => !bodies.includes(one));
    for (const one of kept) {
      const { text } = await home.server.json<{ text: string }>(
        `/api/records/${tree}/${one.index}/payload?part=request&reason=integrity`,
      );
      if (!text.includes(one.body)) throw new Error(`the body of ${one.index} is another one`);
    }
    await checkProofs(home.server, tree, sent);
    await caughtUp(home.server, DONE_TIMEOUT_MS);
    const shown = await home.server.json<{ records: readonly unknown[] }>("/api/search?q=service_id:shop&limit=1000");
    for (const { slip } of leaves)
      if (JSON.stringify(shown).includes(slip)) throw new Error(`${slip} is still found in the index`);
    await leftIndex(
      data,
      leaves.map(({ slip }) => slip),
    );
    await home.server.stop();
    verifyFolder(data);
    checkAfter(await plainFolder(data), bodies, leaves, kept);
    checkRestored(
      await restoredFrom(backup, data),
      [...bodies.flatMap(({ body, salt }) => [body, salt]), ...leaves.map(({ slip }) => slip)],
      kept,
    );
    const result = { property: "erasure", records: sent.length, bodies: bodies.length * 2, leaves: leaves.length };
    const figures = {
      kills: gone.length + first.length + leaves.length,
      cut_short: cut,
      kept: kept.length,
      seed: SEED,
    };
    process.stdout.write(`${JSON.stringify({ ...result, ...figures, verify: "clean" })}\n`);
    rmSync(join(data, ".."), { recursive: true, force: true });
  } catch (error) {
    process.stderr.write(`seed ${SEED}, data kept in ${data}\n${home.server.log().slice(-4_000)}\n`);
    await home.server.kill();
    throw error;
  }
}

function command(...args: readonly string[]): void {
  const done = spawnSync(process.execPath, [BIN, ...args], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${args[0]} ended with ${done.status}:\n${done.stdout}\n${done.stderr}`);
}

/** A folder of before, restored: looked at when it has served and indexed all of it. */
async function restoredFrom(backup: string, data: string): Promise<PlainFolder> {
  const home = join(data, "..", "restored");
  const folder = join(home, "data");
  mkdirSync(folder, { recursive: true });
  copyFileSync(config(data), config(folder));
  copyFileSync(join(data, "kms.key"), join(folder, "kms.key"));
  command("restore", backup, "--data", folder, "--config", config(folder));
  const server = await start(folder);
  await caughtUp(server, DONE_TIMEOUT_MS);
  await server.stop();
  verifyFolder(folder);
  return plainFolder(folder);
}

function checkAfter(after: PlainFolder, bodies: readonly Sent[], leaves: readonly Sent[], kept: readonly Sent[]): void {
  assertAbsent(
    "bodies",
    after,
    bodies.flatMap(({ body, salt }) => [body, salt]),
  );
  assertAbsent(
    "leaves",
    after,
    leaves.map(({ slip }) => slip),
  );
  for (const { body, slip, salt } of kept)
    if (![body, slip, salt].every((text) => after.records.includes(text))) throw new Error(`${body} was lost`);
}

function checkRestored(restored: PlainFolder, gone: readonly string[], kept: readonly Sent[]): void {
  assertAbsent("the restored folder", restored, gone);
  if (!kept.every(({ body, slip }) => [body, slip].every((text) => restored.records.includes(text))))
    throw new Error("the restored folder lost what was to be kept");
}

/** Proofs that were given out before anything was erased hold for the very leaves that they were given for. */
async function checkProofs(server: RunningServer, tree: string, sent: readonly Sent[]): Promise<void> {
  const trees = await server.json<readonly { tree: string; vkey: string }[]>("/api/trees");
  const vkeys = trees.filter((one) => one.tree === tree).map(({ vkey }) => vkey);
  for (const { leaf, proof, index } of sent) {
    const { clean, faults } = await verifyProof({ proof, leaf: Buffer.from(leaf), vkeys });
    if (!clean) throw new Error(`the proof of ${index} does not hold any more: ${JSON.stringify(faults)}`);
  }
}

await main();
