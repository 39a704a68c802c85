/**
 * What passes between the server and the engine process outside HTTP: options in the environment, one line on
 * standard output.
 */

export interface ChildOptions {
  readonly folder: string;
  readonly database: string;
  readonly memoryBytes: number;
  readonly readers: number;
  readonly password: string;
}

/** Carries ChildOptions as JSON. */
export const OPTIONS_VARIABLE = "TALLYSTICK_ENGINE_OPTIONS";

export type ChildMessage =
  | { readonly kind: "listening"; readonly port: number }
  | { readonly kind: "failed"; readonly reason: string };
