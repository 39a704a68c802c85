/** Asks `/v1/decide` as an enforcement point does: over kept connections, one question after another on each. */
import { Agent, request } from "node:http";
import { quantile, rounded } from "../measure.ts";

export interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isRefused: boolean;
}

export interface Times {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Asked {
  readonly allowed_ms: Times;
  readonly refused_ms: Times;
  readonly decisions_per_s: number;
}

/** The first tenth warms up and does not count. Throws when a question is answered otherwise than it should be. */
export async function ask(
  url: string,
  questions: (index: number) => Question,
  { count, connections }: { readonly count: number; readonly connections: number },
): Promise<Asked> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const warmUp = Math.floor(count / 10);
  const allowed: number[] = [];
  const refused: number[] = [];
  let next = 0;
  let beganMs = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < count + warmUp; index = next++) {
      if (index === warmUp) beganMs = performance.now();
      const question = questions(index);
      const askedMs = performance.now();
      const status = await statusOf(agent, url, question);
      const tookMs = performance.now() - askedMs;
      const expected = question.isRefused ? 403 : 200;
      if (status !== expected) throw new Error(`${question.path}: answered ${status}, not ${expected}`);
      if (index >= warmUp) (question.isRefused ? refused : allowed).push(tookMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  const tookS = (performance.now() - beganMs) / 1_000;
  agent.destroy();
  return { allowed_ms: timesOf(allowed), refused_ms: timesOf(refused), decisions_per_s: Math.round(count / tookS) };
}

function statusOf(agent: Agent, url: string, { method, path, headers }: Question): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(`${url}${path}`, { agent, method, headers }, (response) => {
      response.on("error", reject);
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    asking.on("error", reject);
    asking.end();
  });
}

function timesOf(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(quantile(sorted, share), 2);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
