import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { Platform } from "./command.ts";

/** Node's side of `tallystick-verify`: the process, the disk, the network and the clock. */
export const nodePlatform: Platform = {
  environment: process.env,
  isTerminal: process.stderr.isTTY,
  readFile: async (path) => new Uint8Array(await readFile(path)),
  print: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
  http: {
    fetch,
    wait: async (milliseconds) => wait(milliseconds, undefined),
  },
};
