/**
 * Watches for secrets that tests use, where nobody should find them. Off unless TALLYSTICK_SECRET_SCAN names a folder:
 * then servers of tests log everything there, answers and pages are kept there, and a test's folder is searched before
 * it is removed. `scripts/secret-scan.ts` reads what was gathered. Whoever makes a secret in a test says so here.
 */
import { appendFileSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";

const folder = process.env["TALLYSTICK_SECRET_SCAN"];
const MAX_FILE_BYTES = 64 * 1024 * 1024;
const MAX_ANSWER_BYTES = 1024 * 1024;
const SECRET = /ts[aksh]_[A-Za-z0-9_-]{49}/g;
/** Where a secret is meant to be: files that the tests give to a server, or that a client keeps. */
const KEPT_THERE = /^(admin\.token|tokens\.json|secret|pin|.+\.key(\.new)?)$/;
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

/** Of a private key as PEM the lines that are its own: the first one is much the same in every key. */
export function learnPrivateKey(pem: string): void {
  const [, ...lines] = pem.split("\n").filter((line) => line !== "" && !line.startsWith("-----"));
  for (const line of lines) if (line.length >= 40) learnSecret(line);
}

/** What a browser shows, and the session that it holds. */
export async function watchPage(page: WatchedPage, name: string): Promise<void> {
  if (!isWatching) return;
  for (const { value } of await page.context().cookies()) if (value.length >= 20) learnSecret(value);
  note("pages", `${name} ${await page.content()}`);
}

interface WatchedPage {
  content(): Promise<string>;
  context(): { cookies(): Promise<readonly { readonly value: string }[]> };
}

/** A JWT, or a secret of ours. */
const BEARER = /^Bearer (eyJ[\w-]+\.[\w-]+\.[\w-]{20,}|ts[aksh]_[\w-]{49})$/;

export function watchLog(text: string): void {
  note("log", text);
}

/** Answers that give a secret away for the first time teach it; all others must not have any. */
export function watchAnswer(path: string, init: RequestInit, response: Response): void {
  if (!isWatching) return;
  const bearer = BEARER.exec(new Headers(init.headers).get("authorization") ?? "")?.[1];
  if (bearer !== undefined) learnSecret(bearer);
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
      const device = /"device_code":"([A-Za-z0-9_-]{43})"/.exec(text)?.[1];
      if (device !== undefined) learnSecret(device);
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
    if (!entry.isFile() || KEPT_THERE.test(basename(file))) continue;
    const bytes = contentOf(file);
    for (const secret of secrets) if (bytes.includes(secret)) note("found", `${secret} in ${file}`);
  }
}

/** Empty for what is too large, or gone meanwhile: a server that was killed has children that still end. */
function contentOf(file: string): Buffer {
  try {
    return statSync(file).size > MAX_FILE_BYTES ? Buffer.alloc(0) : readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}
