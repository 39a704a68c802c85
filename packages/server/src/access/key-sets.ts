/**
 * The public keys of a JWT issuer, from a file or a URL, kept and looked at again.
 *
 * Guarantees: only public keys are taken. A key that is taken out of the set stops counting within twice
 * KEY_SET_REFRESH_MS; while the issuer cannot be reached, keys that were fetched count for at most KEY_SET_KEEP_MS.
 * An unknown key id asks the issuer again at most every UNKNOWN_KEY_PAUSE_MS, so that tokens made up by anybody cannot
 * make us a source of load.
 */
import { createLocalJWKSet } from "jose";
import type { JSONWebKeySet, JWTVerifyGetKey } from "jose";

import type { Clock } from "../clock.ts";
import type { Disk } from "../disk/disk.ts";
import { TallystickError } from "../errors.ts";
import {
  KEY_SET_FAILURE_PAUSE_MS,
  KEY_SET_KEEP_MS,
  KEY_SET_REFRESH_MS,
  KEY_SET_TIMEOUT_MS,
  MAX_KEY_SET_BYTES,
  UNKNOWN_KEY_PAUSE_MS,
} from "./limits.ts";

export interface KeySet {
  /** Null when none could be read; `isFresh`: a key that is not among them is to be looked for now. */
  keys(isFresh: boolean): Promise<JWTVerifyGetKey | null>;
}

export interface KeySetParts {
  readonly clock: Clock;
  /** Reads the set anew; rejects when it cannot. */
  readonly read: () => Promise<Uint8Array>;
  /** Told once for each reason. */
  readonly onTrouble: (error: unknown) => void;
}

export function keptKeySet({ clock, read, onTrouble }: KeySetParts): KeySet {
  let kept: { readonly keys: JWTVerifyGetKey; readonly atMs: number } | null = null;
  let triedAtMs = -Infinity;
  let reading: Promise<void> | null = null;
  let lastTrouble = "";
  const tryReading = async (): Promise<void> => {
    try {
      const keys = createLocalJWKSet(parseKeySet(await read()));
      kept = { keys, atMs: clock.monotonicMs() };
      lastTrouble = "";
    } catch (error) {
      const message = String(error);
      if (message !== lastTrouble) onTrouble(error);
      lastTrouble = message;
    }
  };
  const refresh = (): Promise<void> => {
    triedAtMs = clock.monotonicMs();
    reading ??= tryReading().finally(() => void (reading = null));
    return reading;
  };
  return {
    async keys(isFresh) {
      const nowMs = clock.monotonicMs();
      const ageMs = kept === null ? Infinity : nowMs - kept.atMs;
      const pauseMs = kept !== null && isFresh ? UNKNOWN_KEY_PAUSE_MS : KEY_SET_FAILURE_PAUSE_MS;
      const isDue = nowMs - triedAtMs >= pauseMs;
      if (reading !== null && (kept === null || isFresh)) await reading;
      else if (isDue && (isFresh || ageMs >= 2 * KEY_SET_REFRESH_MS)) await refresh();
      // Nobody waits for what is merely getting old.
      else if (isDue && ageMs >= KEY_SET_REFRESH_MS) void refresh();
      return kept !== null && clock.monotonicMs() - kept.atMs < KEY_SET_KEEP_MS ? kept.keys : null;
    },
  };
}

/** The set's public signature keys; throws for a set that cannot be one, and for one that gives a secret away. */
export function parseKeySet(bytes: Uint8Array): JSONWebKeySet {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  const { keys } = (value ?? {}) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) throw new TypeError("There are no keys in it.");
  for (const key of keys as readonly Record<string, unknown>[]) {
    if (typeof key !== "object" || key === null) throw new TypeError("One of its keys is no object.");
    if ("d" in key || "k" in key)
      throw new TypeError("It holds a private or a symmetric key; only public ones belong there.");
  }
  return { keys: keys as JSONWebKeySet["keys"] };
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Reads the set of a URL; `config_invalid` for one that an onlooker could change on its way. */
export function keySetByUrl(text: string, fetch: Fetch, where: string): () => Promise<Uint8Array> {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isLoopback = url !== null && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && isLoopback))) {
    throw new TallystickError("config_invalid", `${where}: ${text} is no https:// URL.`, {
      hint: "Keys that come over http:// can be changed on their way; only loopback is exempt.",
    });
  }
  return async () => {
    const signal = AbortSignal.timeout(KEY_SET_TIMEOUT_MS);
    const response = await fetch(url.href, { signal, redirect: "error", headers: { accept: "application/json" } });
    if (!response.ok || response.body === null) throw new Error(`${url.host} answered ${response.status}.`);
    return boundedBody(response.body, url.host);
  };
}

async function boundedBody(body: ReadableStream<Uint8Array>, host: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_KEY_SET_BYTES) throw new Error(`${host} answered more than ${MAX_KEY_SET_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function keySetByFile(file: string, disk: Disk): () => Promise<Uint8Array> {
  return async () => {
    const bytes = await disk.readFile(file);
    if (bytes === null) throw new Error(`${file} is missing.`);
    if (bytes.length > MAX_KEY_SET_BYTES) throw new Error(`${file} is larger than ${MAX_KEY_SET_BYTES} bytes.`);
    return bytes;
  };
}
