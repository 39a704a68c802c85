/** Completeness of producers as a whole server tells it: from what is posted to what is answered. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import type { ProducersAnswer } from "../tally/producer-list.ts";

const CONFIG = "tally:\n  producers:\n    silent_after: {'batch-*': 1s}\n";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let orders = "";
let impostor = "";
const data = () => `${folder.path}/data`;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(data(), CONFIG, withEngine());
  orders = await keyOf("orders");
  impostor = await keyOf("impostor");
  // Steps of the follower lie seconds apart: what several tests look at comes in one.
  await send(orders, "orders-1", [1, 2, 3]);
  await send(orders, "orders-1", [5], life("heartbeat", 5));
  await send(orders, "orders-2", [1, 2]);
  await send(impostor, "orders-2", [2, 900], { service_id: "impostor" });
  await send(impostor, "orders-2", [900], { ...life("close", 2), service_id: "impostor" });
  await send(orders, "batch-1", [1, 2, 3]);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function keyOf(name: string): Promise<string> {
  const response = await post("/api/keys", { name, service: name });
  return ((await response.json()) as { secret: string }).secret;
}

function post(path: string, body: unknown, secret?: string): Promise<Response> {
  return server.fetch(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
    ...(secret === undefined ? {} : { authorization: `Bearer ${secret}` }),
  });
}

async function send(secret: string, producer: string, numbers: readonly number[], rest: object = {}): Promise<void> {
  const records = numbers.map((seq) => ({
    timestamp: new Date().toISOString(),
    event_type: "API_CALL",
    service_id: "orders",
    status: "success",
    producer_id: producer,
    producer_epoch: "one",
    producer_seq: seq,
    ...rest,
  }));
  const response = await post("/v1/records", records, secret);
  expect(await response.json()).toMatchObject({ count: numbers.length, rejected: [] });
}

const life = (operation: string, count: number) => ({
  event_type: "LOG_LIFECYCLE",
  operation,
  attributes: { count: String(count) },
});

async function list(query: string): Promise<ProducersAnswer> {
  const response = await server.fetch(`/api/producers?${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as ProducersAnswer;
}

/** The answer, once the condition holds of it. */
async function listed(query: string, holds: (answer: ProducersAnswer) => boolean): Promise<ProducersAnswer> {
  const end = performance.now() + 60_000;
  for (;;) {
    const response = await server.fetch(`/api/producers?${query}`);
    const answer = response.ok ? ((await response.json()) as ProducersAnswer) : null;
    if (answer !== null && holds(answer)) return answer;
    if (performance.now() > end) throw new Error(`it did not come to hold: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

it("a producer's records, heartbeat and close are posted, and its lost tail is seen and filled", async () => {
  const lost = await listed("producer_id=orders-1", ({ producers: [run] }) => run?.state === "gap");
  expect(lost.producers).toMatchObject([
    {
      log: "default",
      principal: "key:orders",
      recorder_id: "orders",
      producer_epoch: "one",
      restarts: 0,
      count: 3,
      missing: 2,
      gaps: [{ from: 4, to: 5 }],
      first_seq: 1,
      last_seq: 3,
      claimed_last_seq: 5,
    },
  ]);
  expect(lost.producers[0]!.last_heartbeat).not.toBeNull();
  await send(orders, "orders-1", [5, 4]);
  await send(orders, "orders-1", [5], life("close", 5));
  const closed = await listed("producer_id=orders-1", ({ producers: [run] }) => run?.state === "closed");
  expect(closed.producers).toMatchObject([{ count: 5, missing: 0, duplicates: 0, silent: false }]);
});

it("a key that claims another one's producer_id changes nothing of it", async () => {
  const { producers } = await listed(
    "producer_id=orders-2",
    ({ producers: [one, other] }) => one?.missing === 897 && other !== undefined,
  );
  expect(producers.map(({ principal, state, missing }) => [principal, state, missing])).toEqual([
    ["key:impostor", "gap", 897],
    ["key:orders", "complete", 0],
  ]);
});

it("a producer is silent after the declared time, and a restart of the server forgets nothing", async () => {
  const silent = { state: "silent", silent_after_s: 1, silent_after_source: "declared", count: 3, duplicates: 0 };
  const query = "state=silent&producer_id=batch-1";
  expect((await listed(query, ({ producers }) => producers.length === 1)).producers).toMatchObject([silent]);
  server = await server.restart();
  expect((await listed(query, ({ producers }) => producers.length === 1)).producers).toMatchObject([silent]);
});

it("pages, refuses what it does not know, and demands a reader", async () => {
  const whole = await listed("history=true", ({ producers }) => producers.length >= 4);
  const first = await list("history=true&limit=2");
  const second = await list(`history=true&limit=100&cursor=${first.next}`);
  expect([...first.producers, ...second.producers].map((run) => [run.producer_id, run.principal])).toEqual(
    whole.producers.map((run) => [run.producer_id, run.principal]),
  );
  for (const query of ["state=fine", "limit=0", "producer=x", "limit=1000&gaps=11", "cursor=x"])
    expect((await server.fetch(`/api/producers?${query}`)).status, query).toBe(400);
  const status = async (authorization: string | null) =>
    (await server.fetch("/api/producers", { authorization })).status;
  expect([await status(null), await status(`Bearer ${orders}`)]).toEqual([401, 403]);
});

it("figures say how many are silent and how much is missing", async () => {
  await listed("state=silent", ({ producers }) => producers.length === 1);
  const scrape = async () => (await server.fetch("/metrics")).text();
  // A scrape never waits long for the count: on a busy machine its figures come with a later one.
  const text = await vi.waitUntil(
    async () => {
      const scraped = await scrape();
      return scraped.includes('tallystick_producers{state="gap"} 1') ? scraped : null;
    },
    { timeout: 30_000, interval: 100 },
  );
  expect(text).toMatch(/^tallystick_producers_silent \d+$/m);
  expect(text).toMatch(/^tallystick_producer_missing_records 897$/m);
  expect(text).toMatch(/^tallystick_producers_lag_leaves \d+$/m);
});

it("the command shows the same", async () => {
  const ran = await runLine(["producers", "--data", data(), "--producer", "orders-2"]);
  expect(ran.exitCode).toBe(0);
  expect(ran.out).toMatch(/orders-2 +one +key:impostor +gap +2 +900 +2 +0 +0 .* 897: 3–899/);
  expect(ran.err).toContain("2 runs of producers as of");
  const asJson = await runLine(["producers", "--data", data(), "--state", "gap", "--json"]);
  expect(asJson.json<ProducersAnswer>().producers).toHaveLength(1);
});
