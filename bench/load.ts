import { fork } from "node:child_process";
import { once } from "node:events";
import type { LoadOrder, LoadReport } from "./loader.ts";

/** Loads `records` into a running server; the loader is a process of its own. */
export async function runLoader(order: LoadOrder, progress: (acknowledged: number) => void): Promise<LoadReport> {
  const file = new URL("./loader.ts", import.meta.url);
  const child = fork(file, { execArgv: ["--import", "tsx", "--single-threaded-gc", "--max-semi-space-size=64"] });
  child.send(order);
  const report = await new Promise<LoadReport>((resolve, reject) => {
    child.on("message", (message) => {
      if ("elapsedMs" in (message as object)) resolve(message as LoadReport);
      else progress((message as { readonly acknowledged: number }).acknowledged);
    });
    child.once("exit", (code) => reject(new Error(`the loader ended with ${code}`)));
  });
  if (child.exitCode === null) await once(child, "exit");
  return report;
}
