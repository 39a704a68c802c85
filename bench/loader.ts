/**
 * Sends records as NDJSON batches over keep-alive connections, in a process of its own so that its CPU is told apart.
 * Told what to do by IPC; answers with counts and acknowledgement latencies. A pushback is waited out and sent again,
 * as a producer would.
 */
import { Agent, request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { generator } from "./generator.ts";
import { lateHalves, shuffledHalves, type Source } from "./tally/shuffle.ts";

export interface LoadOrder {
  readonly url: string;
  readonly token: string;
  /**
   * `records`: single ones; `calls`: both halves of each call, shuffled; `late_halves`: what `calls` kept back. Of the
   * last two `records` is about twice the number of calls.
   */
  readonly what: "records" | "calls" | "late_halves";
  readonly records: number;
  readonly batch: number;
  readonly connections: number;
  readonly seed: number;
  readonly startMs: number;
  readonly stepUs: number;
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

function sourceOf(order: LoadOrder): Source {
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
  const agent = new Agent({ keepAlive: true, maxSockets: order.connections });
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

function post(
  order: LoadOrder,
  agent: Agent,
  body: Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sending = request(
      `${order.url}/v1/records`,
      {
        method: "POST",
        agent,
        headers: {
          "content-type": "application/x-ndjson",
          "content-length": body.length,
          authorization: `Bearer ${order.token}`,
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
