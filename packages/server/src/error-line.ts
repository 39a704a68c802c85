/** How errors are logged: enough to find the place, nothing that a request said. */
import { isTallystickError } from "./errors.ts";

export interface ErrorLine {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly at?: Readonly<Record<string, string | number>>;
  readonly frames?: readonly string[];
  readonly cause?: ErrorLine;
}

const MAX_MESSAGE_CHARACTERS = 300;
const MAX_FRAMES = 12;
const MAX_CAUSES = 4;

export function errorLine(error: unknown, causes = MAX_CAUSES): ErrorLine {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code } = error as { readonly code?: unknown };
  return {
    type: error.name,
    ...(typeof code === "string" ? { code } : {}),
    ...(quotesInput(error) ? {} : { message: error.message.slice(0, MAX_MESSAGE_CHARACTERS) }),
    ...(isTallystickError(error) ? { at: error.at } : { frames: framesOf(error) }),
    ...(error.cause === undefined || causes === 0 ? {} : { cause: errorLine(error.cause, causes - 1) }),
  };
}

/** JSON.parse and others quote what they could not read, which may be a payload. */
function quotesInput(error: Error): boolean {
  return error instanceof SyntaxError;
}

function framesOf({ stack = "" }: Error): readonly string[] {
  const lines = stack.split("\n").map((line) => line.trim());
  return lines.filter((line) => line.startsWith("at ")).slice(0, MAX_FRAMES);
}
