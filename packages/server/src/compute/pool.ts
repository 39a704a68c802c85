/**
 * Tasks in worker threads. A worker finds a task by its name in the registry of worker.ts; buffers named in `transfer`
 * move, both ways. A TallystickError thrown by a task arrives whole: an Error sent between threads would lose its class
 * and its fields.
 */
import { fileURLToPath } from "node:url";

import { Piscina } from "piscina";

import { TallystickError } from "../errors.ts";
import type { Compute, Task } from "./compute.ts";
import type { Reply, Request } from "./worker.ts";

/**
 * Linux nice value of the workers. What was acknowledged is indexed and judged before more is taken: the engine's
 * followers come first, so that under load their lag stays small and intake is what waits.
 */
const WORKER_NICE = 2;

export interface PoolOptions {
  readonly threads: number;
  /** The built worker; found beside this file when absent. */
  readonly workerFile?: string;
  /** Told how long each task ran. */
  readonly onTask?: (task: string, ms: number) => void;
}

export function poolCompute(options: PoolOptions): Compute {
  const pool = new Piscina<Request, Reply>({
    filename: options.workerFile ?? builtWorker(),
    name: "runTask",
    minThreads: options.threads,
    maxThreads: options.threads,
    maxQueue: Infinity,
    niceIncrement: WORKER_NICE,
    // Piscina tries require() before import(); when a module of the graph does not link, the second try then aborts the
    // whole process instead of failing.
    execArgv: ["--no-experimental-require-module"],
  });
  return {
    async run<Input, Output>(task: Task<Input, Output>, input: Input, transfer: readonly ArrayBuffer[] = []) {
      const reply = await pool.run({ task: task.name, input }, { transferList: [...transfer] });
      if (reply.kind === "failed") throw new TallystickError(reply.code, reply.message, reply.detail);
      options.onTask?.(task.name, reply.ms);
      return reply.output as Output;
    },
    async close() {
      await pool.close();
    },
  };
}

/** From the build the worker lies beside; from the sources (tests, tsx) it lies in the build. */
function builtWorker(): string {
  const fromSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(fromSource ? "../../dist/compute/worker.js" : "./worker.js", import.meta.url));
}
