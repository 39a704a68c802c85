/** Our own rules and pipelines as they are shipped: files in Sigma's format; rules have examples that are tests. */
import { join } from "node:path";

import type { Disk } from "../disk/disk.ts";
import type { RuleFile } from "./sigma/check.ts";

/** In order of their names. */
export async function readPack(disk: Pick<Disk, "list" | "readFile">, folder: string): Promise<readonly RuleFile[]> {
  const names = (await disk.list(folder)).filter((name) => name.endsWith(".yml"));
  return Promise.all(
    names.map(async (file) => {
      const bytes = await disk.readFile(join(folder, file));
      return { file, text: bytes === null ? null : Buffer.from(bytes).toString("utf8") };
    }),
  );
}

/** The file of a pipeline of ours that is called by its name alone, as `webserver`; null: it is a path. */
export function shippedPipeline(name: string, folder: string): string | null {
  return /^[a-z][a-z0-9-]{0,62}$/.test(name) ? join(folder, `${name}.yml`) : null;
}
