import type { EXIT } from "./exit-codes.ts";

/** What a command's work ends with: its exit code. */
export type Outcome = (typeof EXIT)[keyof typeof EXIT];

/** Runs a command's work and turns its errors into lines and exit codes. */
export type Run = (work: () => Promise<Outcome>) => Promise<void>;
