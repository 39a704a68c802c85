/**
 * Readers of random roles and scopes ask everything there is to ask, of a log whose every record carries a word of its
 * own. No answer shows a word of a record that the reader's scope leaves out; a search shows every record that it does
 * not; a role gets what docs/access.md says and nothing else; and every answer has its ACCESS record.
 *
 * `npm run integrity -- roles [--readers 12] [--calls 40] [--seed N] [--small]`
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { StoredRecord } from "@tallystick/record";

import { seesRecord } from "../packages/server/src/search/scope.ts";
import type { Scope } from "../packages/server/src/search/scope.ts";
import { seeded } from "./random.ts";
import { caughtUp, startServer, until, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    readers: { type: "string", default: "12" },
    calls: { type: "string", default: "40" },
    seed: { type: "string", default: String(randomBytes(2).readUInt16LE()) },
    small: { type: "boolean", default: false },
  },
});
const READERS = options.small ? 4 : Number(options.readers);
const CALLS = options.small ? 12 : Number(options.calls);
const SEED = Number(options.seed);
const random = seeded(SEED);
const TAIL_MS = 1_500;
/** Questions of one reader that are under way at once. */
const LANES = 4;
/** Questions about one record are asked of each so-manieth. */
const ASK_EVERY = options.small ? 12 : 20;

const LOGS = ["default", "payments", "hr"];
const SERVICES = ["orders", "payments", "billing", "address:10.0.0.7"];
const CLASSES = ["public", "internal", "restricted", undefined];
const ROLES = ["viewer", "auditor", "investigator", "viewer"] as const;

const pick = <Value>(values: readonly Value[]): Value => values[Math.floor(random() * values.length)]!;
const some = <Value>(values: readonly Value[]): readonly Value[] =>
  values.filter(() => random() < 0.5).concat(values.length > 0 ? [pick(values)] : []);

interface Placed {
  readonly word: string;
  readonly stored: StoredRecord;
}

interface Reader {
  readonly name: string;
  readonly role: (typeof ROLES)[number];
  readonly scope: Scope;
  readonly token: string;
}

/** Both halves of a call, each with a word in every field that text may stand in. */
function halves(call: number): readonly object[] {
  const [caller, callee] = [pick(SERVICES), pick(["orders", "payments", "billing"])];
  const traceId = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256))).toString("hex");
  const spanId = Buffer.from(Array.from({ length: 8 }, () => Math.floor(random() * 256))).toString("hex");
  return (["caller", "callee"] as const).map((side) => {
    const word = `canary${call}${side}x`;
    const data_class = pick(CLASSES);
    return {
      timestamp: new Date(Date.now() - 60_000 - call * 10).toISOString(),
      event_type: "API_CALL",
      side,
      service_id: caller,
      target_id: callee,
      recorder_id: side === "caller" ? caller : callee,
      request_id: `${word}-1`,
      trace_id: traceId,
      ...(side === "caller"
        ? { span_id: spanId }
        : { parent_span_id: spanId, span_id: spanId.split("").reverse().join("") }),
      operation: `GET /${word}`,
      resource: `/${word}/7`,
      status: side === "caller" ? "success" : "error",
      error_message: `${word} failed`,
      credential_id: `${word}-key`,
      producer_id: `${side === "caller" ? caller : callee}-1`,
      producer_epoch: "1",
      producer_seq: call,
      subject_refs: [`${word}-person`],
      attributes: { note: `${word} note`, [`${word}.name`]: "value" },
      ...(data_class === undefined ? {} : { data_class }),
    };
  });
}

async function send(server: RunningServer): Promise<void> {
  for (const [at, log] of LOGS.entries()) {
    const key = await makeKey(server, { name: `relay-${log}`, relay: true, services: "*", log });
    const records = Array.from({ length: CALLS }, (_, call) => halves(at * CALLS + call)).flat();
    const response = await fetch(`${server.url}/v1/records?wait=published`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify(records),
    });
    if (!response.ok) throw new Error(`records: ${response.status} ${await response.text()}`);
  }
}

async function makeKey(server: RunningServer, body: object): Promise<string> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return (await server.json<{ readonly secret: string }>("/api/keys", init)).secret;
}

async function everything(server: RunningServer): Promise<readonly Placed[]> {
  const { records } = await server.json<{ readonly records: readonly StoredRecord[] }>("/api/search?limit=1000");
  return records.map((stored) => ({ stored, word: /canary\w+x/.exec(stored.record.request_id)![0] }));
}

async function makeReaders(server: RunningServer): Promise<readonly Reader[]> {
  const readers: Reader[] = [];
  for (let number = 0; number < READERS; number++) {
    const name = `reader-${number}`;
    const role = pick(ROLES);
    const scope = {
      logs: random() < 0.3 ? ("*" as const) : some(LOGS),
      services: random() < 0.3 ? ("*" as const) : some(SERVICES),
      dataClasses: random() < 0.3 ? ("*" as const) : some(["public", "internal", "restricted", "unclassified"]),
    };
    const body = { logs: scope.logs, services: scope.services, data_classes: scope.dataClasses };
    readers.push({ name, role, scope, token: await makeKey(server, { name, role, scope: body }) });
  }
  return readers;
}

/** Everything that can be asked of the log by GET, with parameters that would show what should not be seen. */
function questions(placed: readonly Placed[], trees: readonly string[], routes: readonly string[]): readonly string[] {
  const asked = new Set<string>();
  const queries = [
    "*",
    "canary*",
    "log:hr OR *",
    "data_class:restricted",
    "NOT service_id:nobody",
    "attributes.note:*",
  ];
  const q = queries.map((text) => `q=${encodeURIComponent(text)}&own=true`);
  const fields = "request_id,resource,operation,error_message,credential_id,note";
  for (const query of q) {
    asked.add(`/api/search?${query}&limit=1000`).add(`/api/histogram?${query}`).add(`/api/fields?${query}`);
    asked.add(`/api/facets?${query}&fields=${fields}&limit=1000`).add(`/api/bottlenecks?${query}`);
    for (const format of ["ndjson", "csv", "xml"]) asked.add(`/api/export?${query}&format=${format}`);
  }
  for (const service of SERVICES) {
    asked
      .add(`/api/timeline?service=${encodeURIComponent(service)}`)
      .add(`/api/graph?service=${encodeURIComponent(service)}`);
    asked.add(`/api/timeline/export?service=${encodeURIComponent(service)}`);
  }
  asked.add("/api/graph?operations=true&pending=true&from=now-1d").add("/api/coverage?from=now-1d");
  asked.add("/api/tally?from=now-1d&history=true").add("/api/producers?history=true").add("/api/aliases");
  for (const { stored, word } of placed.filter((_, place) => place % ASK_EVERY === 0)) {
    const { tree, leaf_index: index, call_id: callId, record } = stored;
    asked.add(`/api/records/${tree}/${index}`).add(`/api/records/${tree}/${index}/neighbours?by=service`);
    asked.add(`/api/traces/${record.trace_id}?records=true`).add(`/api/calls/${callId}`);
    asked.add(`/api/traces/${word}-1`).add(`/api/timeline?credential=${word}-key`);
    asked.add(`/api/timeline?subject_ref=${word}-person`).add(`/api/access-report?subject_ref=${word}-person`);
  }
  for (const tree of trees) asked.add(`/trees/${tree}/tile/entries/000`).add(`/trees/${tree}/tile/entries/000.p/5`);
  // What was added since this was written is asked too, as far as it needs no parameters.
  for (const route of routes) if (!/[{]/.test(route)) asked.add(route);
  asked.delete("/api/tail");
  return [...asked];
}

async function routesOf(server: RunningServer): Promise<readonly string[]> {
  type Api = { readonly paths: Record<string, Record<string, { readonly "x-tallystick-access"?: string }>> };
  const { paths } = await server.json<Api>("/api/openapi.json");
  const isRead = (access: string | undefined) => access !== undefined && ["read", "payloads", "audit"].includes(access);
  return Object.entries(paths).flatMap(([path, { get }]) => (isRead(get?.["x-tallystick-access"]) ? [path] : []));
}

const tried = { answers: 0, refused: 0, leaks: 0, missing: 0, unrecorded: 0 };
const answered = new Set<string>();
const faults: string[] = [];
const fault = (kind: "leaks" | "missing" | "unrecorded", text: string) => {
  tried[kind] += 1;
  if (faults.length < 20) faults.push(`${kind}: ${text}`);
};

async function ask(server: RunningServer, reader: Reader, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${reader.token}` } });
  const text = await response.text().catch(() => "");
  if (response.ok) {
    tried.answers += 1;
    answered.add(`${reader.name} ${path}`);
  } else tried.refused += 1;
  return { status: response.status, text };
}

/** Events of a tail that begins at the beginning of everything. */
async function tailFrom(server: RunningServer, reader: Reader, trees: readonly string[]): Promise<string> {
  const after = encodeURIComponent(trees.map((tree) => `${tree}:0`).join(","));
  const signal = AbortSignal.timeout(TAIL_MS);
  let text = "";
  try {
    const init = { headers: { authorization: `Bearer ${reader.token}` }, signal };
    const response = await fetch(`${server.url}/api/tail?own=true&after=${after}`, init);
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return text;
}

async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  const lane = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function examine(
  server: RunningServer,
  reader: Reader,
  placed: readonly Placed[],
  trees: readonly string[],
  asked: readonly string[],
): Promise<void> {
  const isSeen = ({ stored }: Placed) => seesRecord(reader.scope, stored.tree, stored);
  const hidden = placed.filter((one) => !isSeen(one)).map(({ word }) => word);
  const check = (path: string, text: string) => {
    // What was asked for is no secret to who asked.
    const told = hidden.filter((word) => text.includes(word) && !path.includes(word));
    for (const word of told) fault("leaks", `${reader.name} (${reader.role}) saw ${word} by ${path}`);
    if (reader.role === "viewer" && text.includes("access.query"))
      fault("leaks", `${reader.name}, a viewer, saw what others read by ${path}`);
  };
  await inLanes(asked, async (path) => check(path, (await ask(server, reader, path)).text));
  check("/api/tail", await tailFrom(server, reader, trees));
  await inLanes(placed, async (one) => {
    const path = `/api/records/${one.stored.tree}/${one.stored.leaf_index}`;
    const { status, text } = await ask(server, reader, path);
    if (isSeen(one) !== (status === 200))
      fault(isSeen(one) ? "missing" : "leaks", `${reader.name}: ${path}: ${status}`);
    if (!isSeen(one) && text.includes(one.word)) fault("leaks", `${reader.name}: ${path} quotes ${one.word}`);
  });
  const { text } = await ask(server, reader, "/api/search?limit=1000");
  for (const one of placed)
    if (isSeen(one) && !text.includes(one.word)) fault("missing", `${reader.name} does not find ${one.word}`);
}

/** Every answer has its record: by whom, by which route, of what. */
async function recorded(server: RunningServer, readers: readonly Reader[], asked: readonly string[]): Promise<number> {
  const response = await server.fetch(`/api/export?q=${encodeURIComponent("event_type:ACCESS")}&format=ndjson`);
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  const known = new Set(
    lines.map((line) => {
      const { record } = JSON.parse(line) as StoredRecord;
      return `${record.auth_subject} ${record.resource} ${record.attributes?.["access.query"] ?? ""}`;
    }),
  );
  for (const { name } of readers) {
    for (const path of asked) {
      const url = new URL(path, server.url);
      if (!["/api/search", "/api/facets"].includes(url.pathname) || !answered.has(`${name} ${path}`)) continue;
      if (!known.has(`key:${name} ${url.pathname} ${url.searchParams.get("q") ?? ""}`))
        fault("unrecorded", `${name} ${path}`);
    }
  }
  return lines.length;
}

const folder = mkdtempSync(join(tmpdir(), "tallystick-roles-"));
const server = await startServer(join(folder, "data"));
let reads = 0;
try {
  await send(server);
  await caughtUp(server, 60_000);
  const placed = await until(60_000, "all records to be found", async () => {
    const found = await everything(server);
    return found.length === LOGS.length * CALLS * 2 ? found : undefined;
  });
  const readers = await makeReaders(server);
  const trees = (await server.json<readonly { readonly tree: string }[]>("/api/trees")).map(({ tree }) => tree);
  const asked = questions(placed, trees, await routesOf(server));
  for (const [at, reader] of readers.entries()) {
    await examine(server, reader, placed, trees, asked);
    process.stderr.write(`${at + 1} of ${readers.length} readers: ${tried.answers} answers, ${tried.leaks} leaks\n`);
  }
  await caughtUp(server, 60_000);
  reads = await recorded(server, readers, asked);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
for (const text of faults) process.stderr.write(`${text}\n`);
process.stdout.write(
  `${JSON.stringify({ property: "roles", seed: SEED, readers: READERS, ...tried, access_records: reads })}\n`,
);
process.exit(tried.leaks + tried.missing + tried.unrecorded === 0 ? 0 : 1);
