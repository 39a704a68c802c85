/**
 * A server whose KMS does not answer at the start. It has the port, says what is wrong, and serves what needs no key:
 * the published checkpoints, tiles and chain leaves of every tree, so that whoever watches the log from outside goes
 * on. Everything else is 503 `kms_unreachable`. It asks the KMS again and again, and ends when it answers.
 *
 * Left out on purpose: the folder's lock. Nothing is written here, so a server elsewhere may take the folder over.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Logger } from "pino";

import { PROBLEM_TYPE, problemOf, retryAfterOf } from "./api/errors.ts";
import type { HttpSettings } from "./api/app.ts";
import { tlsOptions } from "./api/tls.ts";
import type { Disk } from "./disk/disk.ts";
import { isTallystickError, TallystickError } from "./errors.ts";
import { KMS_RETRY_MS } from "./kms/limits.ts";
import type { ListenAddress } from "./listen-address.ts";
import type { Machine } from "./machine.ts";

export interface SealedOptions {
  readonly machine: Pick<Machine, "disk" | "clock">;
  readonly address: ListenAddress;
  readonly http: HttpSettings;
  /** `<data folder>/ledger` */
  readonly ledger: string;
  readonly log: Logger;
  /** Why the start failed. */
  readonly cause: TallystickError;
  /** Opens the KMS and closes it again; throws while it does not answer. */
  readonly probe: () => Promise<void>;
  /** Resolves when the process was asked to stop. */
  readonly stopped: Promise<void>;
}

/** Resolves when the KMS answers and the port is free again; throws `shutting_down` when it was asked to stop before. */
export async function waitSealed(options: SealedOptions): Promise<void> {
  const { log, cause, machine, stopped } = options;
  const server = await listening(options);
  log.warn({ err: cause }, "sealed: the KMS does not answer; only checkpoints and tiles are served");
  let isStopped = false;
  void stopped.then(() => (isStopped = true));
  try {
    for (;;) {
      await Promise.race([stopped, new Promise<void>((resolve) => void machine.clock.after(KMS_RETRY_MS, resolve))]);
      if (isStopped) throw new TallystickError("shutting_down", "The server was asked to stop while it was sealed.");
      if (await answers(options.probe)) break;
    }
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  log.info("unsealed: the KMS answers");
}

async function answers(probe: () => Promise<void>): Promise<boolean> {
  try {
    await probe();
    return true;
  } catch (error) {
    if (isTallystickError(error, "kms_unreachable")) return false;
    throw error;
  }
}

async function listening({ address, http, ledger, machine, cause }: SealedOptions): Promise<Server> {
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    void reply(machine.disk, ledger, cause, request, response).catch(() => response.destroy());
  const server = http.tls === null ? createServer(answer) : createTlsServer(tlsOptions(http.tls), answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(address.port, address.host, resolve);
  });
  return server;
}

/** What is published for anybody, by its path; the same names as in the ledger's folder. */
const PUBLIC_FILE =
  /^\/trees\/([a-z0-9][a-z0-9-]{0,62}\/[A-Za-z0-9-]{1,64})\/(checkpoint|chain|tile\/\d{1,2}(?:\/x\d{3}){0,6}\/\d{3}(?:\.p\/\d{1,3})?)$/;

async function reply(
  disk: Disk,
  ledger: string,
  cause: TallystickError,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.resume();
  const path = (request.url ?? "").split("?", 1)[0]!;
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (isRead && path === "/healthz") return send(response, 200, "application/json", '{"status":"sealed"}');
  const [, tree, file] = (isRead && PUBLIC_FILE.exec(path)) || [];
  const bytes = tree === undefined ? null : await disk.readFile(`${ledger}/${tree}/${file}`);
  if (bytes !== null) {
    const type = file!.startsWith("tile") ? "application/octet-stream" : "text/plain; charset=utf-8";
    return send(response, 200, type, bytes);
  }
  const error = new TallystickError("kms_unreachable", "The server is sealed: its KMS does not answer.", {
    retryAfterS: retryAfterOf(cause) ?? 1,
  });
  response.setHeader("retry-after", String(retryAfterOf(error)));
  send(response, 503, PROBLEM_TYPE, JSON.stringify(problemOf(error)));
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.setHeader("content-type", type);
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  response.statusCode = status;
  response.end(body);
}
