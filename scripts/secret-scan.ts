/**
 * Looks for every secret that tests used in all that they left: `tsx scripts/secret-scan.ts FOLDER`, after a run of
 * tests with TALLYSTICK_SECRET_SCAN=FOLDER. Prints what was looked through and found; no secret is printed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface SecretScan {
  readonly secrets: number;
  readonly bytes: number;
  /** Where one was found, without it. */
  readonly found: readonly string[];
}

export function scanForSecrets(folder: string): SecretScan {
  const names = readdirSync(folder);
  const linesOf = (kind: string) =>
    names
      .filter((name) => name.startsWith(`${kind}-`))
      .flatMap((name) =>
        readFileSync(join(folder, name), "utf8")
          .split("\n")
          .filter((line) => line !== ""),
      );
  const secrets = [...new Set(linesOf("secrets"))];
  const found = linesOf("found").map((line) => line.slice(line.indexOf(" in ") + 1));
  let bytes = 0;
  for (const name of names.filter((one) => /^(log|answers|pages|output)-/.test(one))) {
    const text = readFileSync(join(folder, name), "utf8");
    bytes += text.length;
    const lines = text.split("\n");
    for (const secret of secrets) {
      if (!text.includes(secret)) continue;
      const line = lines.findIndex((one) => one.includes(secret));
      found.push(`in ${name}, line ${line + 1}: ${lines[line]!.replaceAll(secret, "SECRET").slice(0, 200)}`);
    }
  }
  return { secrets: secrets.length, bytes, found };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { secrets, bytes, found } = scanForSecrets(process.argv[2] ?? ".");
  for (const place of found) process.stderr.write(`${place}\n`);
  process.stdout.write(`secret scan: ${secrets} secrets, ${bytes} bytes, ${found.length} found\n`);
  process.exit(found.length === 0 && secrets > 0 ? 0 : 1);
}
