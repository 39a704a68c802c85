/**
 * CPU work off the main thread: parsing, hashing, compressing, sealing, encoding. A task is a pure function over one
 * whole batch; a task per record would cost more in messages than it saves. Buffers named in `transfer` are moved, not
 * copied, and are empty on the sender's side afterwards.
 */
export interface Task<Input, Output> {
  /** Unique; the worker finds the task by it. */
  readonly name: string;
  run(input: Input): TaskResult<Output> | Promise<TaskResult<Output>>;
}

export interface TaskResult<Output> {
  readonly output: Output;
  readonly transfer: readonly ArrayBuffer[];
}

export interface Compute {
  /** Runs in a worker (or inline in tests); errors thrown by the task reject, TallystickError kept whole. */
  run<Input, Output>(task: Task<Input, Output>, input: Input, transfer?: readonly ArrayBuffer[]): Promise<Output>;
  close(): Promise<void>;
}
