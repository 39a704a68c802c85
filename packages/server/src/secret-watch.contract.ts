/**
 * Watches for secrets that tests use, where nobody should find them. Off unless TALLYSTICK_SECRET_SCAN names a folder:
 * then servers of tests log everything there, answers are kept there, and a test's folder is searched before it is
 * removed. `scripts/secret-scan.ts` reads what was gathered.
 */
import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

const folder = process.env["TALLYSTICK_SECRET_SCAN"];
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_ANSWER_BYTES = 1024 * 1024;
const SECRET = /ts[aksh]_[A-Za-z0-9_-]{49}/g;
/** Where a secret is meant to be. */
const KEPT_THERE: ReadonlySet<string> = new Set(["admin.token", "tokens.json"]);
const secrets = new Set<string>();

export const isWatching = folder !== undefined;

function note(kind: string, text: string): void {
  if (folder !== undefined) appendFileSync(join(folder, `${kind}-${process.pid}.txt`), `${text}\n`);
}

export function learnSecret(secret: string): void {
  if (!isWatching || secrets.has(secret)) return;
  secrets.add(secret);
  note("secrets", secret);
}

export function watchLog(text: string): void {
  note("log", text);
}

/** Answers that give a secret away for the first time teach it; all others must not have any. */
export function watchAnswer(path: string, init: RequestInit, response: Response): void {
  if (!isWatching) return;
  for (const found of response.headers.get("set-cookie")?.match(SECRET) ?? []) learnSecret(found);
  if (typeof init.body === "string") {
    const password = /"password":"([^"\\]{12,})"/.exec(init.body)?.[1];
    if (password !== undefined) learnSecret(password);
  }
  const length = Number(response.headers.get("content-length") ?? Infinity);
  if (length > MAX_ANSWER_BYTES) return;
  const isGiving = init.method === "POST" && /^\/api\/(keys|batch-keys|device|login-link)/.test(path);
  void response
    .clone()
    .text()
    .then((text) => {
      if (!isGiving) return note("answers", `${path.split("?", 1)[0]} ${text}`);
      for (const found of text.match(SECRET) ?? []) learnSecret(found);
      const link = /login\?token=([A-Za-z0-9_-]{43})/.exec(text)?.[1];
      if (link !== undefined) learnSecret(link);
    })
    .catch(() => undefined);
}

/** Looks through every file below a folder of a test. */
export function watchFolder(path: string): void {
  if (!isWatching || secrets.size === 0) return;
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || KEPT_THERE.has(basename(file)) || statSync(file).size > MAX_FILE_BYTES) continue;
    const bytes = readFileSync(file);
    for (const secret of secrets) if (bytes.includes(secret)) note("found", `${secret} in ${file}`);
  }
}
