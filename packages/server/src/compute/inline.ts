import type { Compute, Task } from "./compute.ts";

/** Runs tasks on the calling thread: for tests, the simulator and one-shot commands. */
export function inlineCompute(): Compute {
  return {
    async run<Input, Output>(task: Task<Input, Output>, input: Input): Promise<Output> {
      return (await task.run(input)).output;
    },
    async close() {},
  };
}
