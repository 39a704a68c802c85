import { isTallystickError } from "../errors.ts";
import { EXIT } from "./exit-codes.ts";

/** Why a command ends without its result. */
export class CommandError extends Error {
  readonly exitCode: number;
  readonly code: string;
  readonly hint: string | null;

  constructor(
    message: string,
    options: {
      readonly code?: string;
      readonly hint?: string;
      readonly exitCode?: number;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CommandError";
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.code = options.code ?? "failed";
    this.hint = options.hint ?? null;
  }
}

export function asCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  if (isTallystickError(error)) {
    return new CommandError(error.message, {
      code: error.code,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
  return new CommandError(error instanceof Error ? error.message : String(error), { code: "internal", cause: error });
}
