/**
 * Sends records as NDJSON batches over keep-alive connections, in a process of its own so that its CPU is told apart.
 * Told what to do by IPC; answers with counts and acknowledgement latencies. A pushback is waited out and sent again,
 * as a producer would.
 */
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { Agent as SecureAgent, request as requestSecurely } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { generator } from "./generator.ts";
import { preparedBatches } from "./secure/prepared.ts";
import { lateHalves, shuffledHalves, type Source } from "./tally/shuffle.ts";

export interface LoadOrder {
  readonly url: string;
  readonly token: string;
  /**
   * `records`: single ones; `calls`: both halves of each call, shuffled; `late_halves`: what `calls` kept back. Of the
   * last two `records` is about twice the number of calls. `prepared`: bodies that lie in a folder.
   */
  readonly what: "records" | "calls" | "late_halves" | "prepared";
  readonly records: number;
  readonly batch: number;
  readonly connections: number;
  readonly seed: number;
  readonly startMs: number;
  readonly stepUs: number;
  /** PEM files of the server's authority and of the client's certificate: TLS 1.3 with both. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Of `prepared`: where they lie, and whether their signatures go along. */
  readonly prepared?: { readonly folder: string; readonly signed: boolean };
}

export interface LoadReport {
  readonly acknowledged: number;
  readonly pushbacks: number;
  readonly rawBytes: number;
  readonly elapsedMs: number;
  readonly latenciesMs: readonly number[];
  readonly cpuSeconds: number;
}

process.once("message", (order) => {
  void load(order as LoadOrder).then((report) => process.send?.(report, () => process.exit(0)));
});

/** Signatures of prepared bodies. */
const signatures = new Map<Buffer, string>();

function sourceOf(order: LoadOrder): Source {
  if (order.prepared !== undefined) {
    const batches = preparedBatches(order.prepared.folder);
    if (order.prepared.signed) for (const { body, signature } of batches) signatures.set(body, signature);
    const bodies = batches.map(({ body }) => body).values();
    return () => bodies.next().value ?? null;
  }
  if (order.what === "calls") return shuffledHalves(order, order.records / 2, () => performance.now());
  if (order.what === "late_halves") return lateHalves(order, order.records / 2);
  const records = generator(order.seed, order.startMs, order.stepUs);
  let left = order.records;
  return (most) => {
    const count = Math.min(most, left);
    left -= count;
    return count === 0 ? null : records.batch(count);
  };
}

async function load(order: LoadOrder): Promise<LoadReport> {
  const source = sourceOf(order);
  const agent = agentOf(order);
  const latenciesMs: number[] = [];
  let acknowledged = 0;
  let pushbacks = 0;
  let rawBytes = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    for (let body = source(order.batch); body !== null; body = source(order.batch)) {
      rawBytes += body.length;
      for (;;) {
        const sent = performance.now();
        const { status, text } = await post(order, agent, body);
        if (status === 200) {
          latenciesMs.push(performance.now() - sent);
          acknowledged += (JSON.parse(text) as { readonly count: number }).count;
          break;
        }
        if (status !== 503 && status !== 429) throw new Error(`answered ${status}: ${text.slice(0, 300)}`);
        pushbacks += 1;
        await pause(200);
      }
      if (process.connected && acknowledged % (order.batch * 100) === 0) process.send?.({ acknowledged });
    }
  };
  await Promise.all(Array.from({ length: order.connections }, worker));
  const elapsedMs = performance.now() - started;
  agent.destroy();
  const { user, system } = process.cpuUsage();
  latenciesMs.sort((a, b) => a - b);
  return { acknowledged, pushbacks, rawBytes, elapsedMs, latenciesMs, cpuSeconds: (user + system) / 1e6 };
}

function agentOf({ tls, connections }: LoadOrder): Agent {
  const options = { keepAlive: true, maxSockets: connections };
  if (tls === undefined) return new Agent(options);
  const [ca, cert, key] = [tls.ca, tls.cert, tls.key].map((file) => readFileSync(file));
  return new SecureAgent({ ...options, ca, cert, key, servername: "localhost", minVersion: "TLSv1.3" });
}

function post(
  order: LoadOrder,
  agent: Agent,
  body: Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const signature = signatures.get(body);
    const sending = (order.tls === undefined ? request : requestSecurely)(
      `${order.url}/v1/records`,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/x-ndjson",
          "content-length": body.length,
          // A client certificate alone says who it is.
          ...(order.token === "" ? {} : { authorization: `Bearer ${order.token}` }),
          ...(signature === undefined ? {} : { "tallystick-signature": signature }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
        response.on("error", reject);
      },
    );
    sending.on("error", reject);
    sending.end(body);
  });
}
