import { MAX_NOTE_BYTES, TILE_WIDTH } from "@tallystick/tlog";
import { MAX_ATTEMPTS, MAX_BUNDLE_BYTES, MAX_CHAIN_BYTES, MAX_RETRY_WAIT_MS, REQUEST_TIMEOUT_MS } from "./limits.ts";
import { VerifyTrouble } from "./result.ts";
import type { TreeSource } from "./tree-source.ts";

/** A server over HTTP. The network and the clock are the caller's: `fetch` and `wait` are passed in. */
export interface Http {
  readonly fetch: Fetch;
  /** Resolves after that many milliseconds. */
  wait(milliseconds: number): Promise<void>;
}

export type Fetch = (url: string, request: FetchRequest) => Promise<FetchAnswer>;

export interface FetchRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly redirect: "error";
  readonly signal: AbortSignal;
}

export interface FetchAnswer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): BodyReader } | null;
}

interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

export interface Asked {
  /** Null for 404. */
  readonly bytes: Uint8Array | null;
  /** 401 or 403. */
  readonly refused: boolean;
}

/** One file by GET: its bytes, absent or refused; everything else is tried again and then a VerifyTrouble. */
export async function get(http: Http, url: string, token: string | null, maxBytes: number): Promise<Asked> {
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryGet(http, url, token, maxBytes);
    if (!("again" in outcome)) return outcome;
    if (attempt === MAX_ATTEMPTS) throw new VerifyTrouble(`${url}: ${outcome.again}`);
    await http.wait(Math.min(MAX_RETRY_WAIT_MS, outcome.waitMs ?? 100 * 2 ** attempt));
  }
}

type Attempt = Asked | { readonly again: string; readonly waitMs?: number };

async function tryGet({ fetch }: Http, url: string, token: string | null, maxBytes: number): Promise<Attempt> {
  const headers: Record<string, string> = token === null ? {} : { authorization: `Bearer ${token}` };
  try {
    const answer = await fetch(url, { headers, redirect: "error", signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (answer.status === 200) return { bytes: await bodyOf(answer, url, maxBytes), refused: false };
    await answer.body?.getReader().cancel();
    return withoutBody(answer, url);
  } catch (error) {
    if (error instanceof VerifyTrouble) throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    return { again: `${error instanceof Error ? error.message : "no answer"}${cause}` };
  }
}

function withoutBody({ status, headers }: FetchAnswer, url: string): Attempt {
  if (status === 404 || status === 410) return { bytes: null, refused: false };
  if (status === 401 || status === 403) return { bytes: null, refused: true };
  if (status !== 429 && status < 500) throw new VerifyTrouble(`${url}: the server answers ${status}`);
  const seconds = /^[0-9]{1,4}$/.exec(headers.get("retry-after") ?? "")?.[0];
  const again = `the server answers ${status}`;
  return seconds === undefined ? { again } : { again, waitMs: Number(seconds) * 1_000 };
}

async function bodyOf({ body }: FetchAnswer, url: string, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const reader = body?.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) break;
    length += value.length;
    parts.push(value);
    if (length <= maxBytes) continue;
    await reader?.cancel();
    throw new VerifyTrouble(`${url}: the answer has more than ${maxBytes} bytes`);
  }
  const bytes = new Uint8Array(length);
  for (let at = 0, part = 0; part < parts.length; at += parts[part++]!.length) bytes.set(parts[part]!, at);
  return bytes;
}

/** The tree below a URL prefix, as tlog-tiles says. Without a token, contents are not asked for. */
export function httpSource(http: Http, prefix: string, token: string | null): TreeSource {
  const file = async (path: string, maxBytes: number, withToken: string | null): Promise<Uint8Array | null> => {
    const { bytes, refused } = await get(http, `${prefix}/${path}`, withToken, maxBytes);
    if (refused)
      throw new VerifyTrouble(
        `${prefix}/${path}: the server refuses ${withToken === null ? "strangers" : "the token"}`,
      );
    return bytes;
  };
  return {
    checkpoint: () => file("checkpoint", MAX_NOTE_BYTES, token),
    tile: (path) => file(path, TILE_WIDTH * 32, token),
    chain: () => file("chain", MAX_CHAIN_BYTES, token),
    entries: token === null ? null : (path) => file(path, MAX_BUNDLE_BYTES, token),
  };
}
