/** What runs in each worker thread: the registry of tasks and the one function that the pool calls. */
import { Piscina } from "piscina";

import type { ErrorCode, ErrorDetail } from "../errors.ts";
import { TallystickError } from "../errors.ts";
import { checkLeavesTask } from "../fsck/check-leaves-task.ts";
import { encodeNativeTask } from "../index/encode-task.ts";
import { normaliseTask } from "../intake/normalise-task.ts";
import { identitiesTask } from "../journal/identities-task.ts";
import { openTask } from "../journal/open-task.ts";
import { resealTask } from "../journal/rewrite-segment.ts";
import { sealTask } from "../journal/seal-task.ts";
import { rewriteTask, sealBodiesTask } from "../payload/body-tasks.ts";
import type { Task } from "./compute.ts";

/** Every task there is. A folder that has tasks of its own adds them here, by name. */
const TASKS = [
  sealTask,
  openTask,
  identitiesTask,
  checkLeavesTask,
  normaliseTask,
  encodeNativeTask,
  sealBodiesTask,
  resealTask,
  rewriteTask,
] as const;

export interface Request {
  readonly task: string;
  readonly input: unknown;
}

export type Reply =
  | {
      readonly kind: "done";
      readonly output: unknown;
      /** How long the task ran in the worker. */
      readonly ms: number;
    }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly detail: ErrorDetail };

const TASK_BY_NAME: ReadonlyMap<string, Task<unknown, unknown>> = new Map(
  TASKS.map((task) => [task.name, task as Task<unknown, unknown>]),
);

export async function runTask(request: Request): Promise<unknown> {
  const task = TASK_BY_NAME.get(request.task);
  if (task === undefined) throw new Error(`there is no task of the name ${request.task}`);
  const started = performance.now();
  try {
    const { output, transfer } = await task.run(request.input);
    return moved({ kind: "done", output, ms: performance.now() - started }, transfer);
  } catch (error) {
    if (!(error instanceof TallystickError)) throw error;
    const { code, message, hint, fatal, retryAfterS, at } = error;
    const detail = {
      fatal,
      at,
      ...(hint === undefined ? {} : { hint }),
      ...(retryAfterS === undefined ? {} : { retryAfterS }),
    };
    return { kind: "failed", code, message, detail } satisfies Reply;
  }
}

/** Piscina asks the reply itself what is to be moved. */
function moved(reply: Reply, transfer: readonly ArrayBuffer[]): unknown {
  return Piscina.move({ [Piscina.transferableSymbol]: transfer, [Piscina.valueSymbol]: reply } as never);
}
