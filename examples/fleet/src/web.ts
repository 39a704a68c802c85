/** The few lines of HTTP that each service needs: JSON in, JSON out, an error is an answer with a status. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type * as Http from "node:http";
import { trace } from "@opentelemetry/api";
import { callerOf, credentials, type Caller } from "./identity.ts";
import type { ServiceSetup } from "./setup.ts";
import { load } from "./telemetry.ts";

const MAX_BODY_BYTES = 64 * 1024;

export class HttpError extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface Call {
  readonly path: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
  /** Null: nobody whom this fleet gave a key. */
  readonly caller: Caller | null;
}
/** `GET /orders/{id}` → what answers it. */
export type Routes = Readonly<Record<string, (call: Call) => Promise<unknown>>>;

export async function serveRoutes(
  setup: ServiceSetup,
  routes: Routes,
): Promise<{ readonly server: Server; readonly port: number }> {
  const http = load("node:http") as typeof Http;
  const server = http.createServer((request, response) => {
    const caller = callerOf(request.headers, setup.issuedKeys);
    void answer(routes, caller, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return { server, port: address.port };
}

/** POSTs or GETs JSON at a peer with this service's name and API key; throws HttpError for an answer of 400 and above. */
export async function callPeer(
  setup: ServiceSetup,
  peer: string,
  path: string,
  body?: unknown,
  timeoutMs = 2_000,
): Promise<unknown> {
  const response = await fetch(`${setup.peers[peer]}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { ...credentials(setup.name, setup.apiKey), "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const answered: unknown = await response.json();
  if (response.status >= 400) throw new HttpError(response.status, `${peer} answered ${response.status}`);
  return answered;
}

async function answer(
  routes: Routes,
  caller: Caller | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = (request.url ?? "/").split("?")[0]?.split("/").filter(Boolean) ?? [];
  const [route, handler] = findRoute(routes, request.method ?? "GET", path) ?? [];
  trace.getActiveSpan()?.setAttribute("http.route", route?.split(" ")[1] ?? "/");
  try {
    if (handler === undefined) throw new HttpError(404, "no such route");
    send(response, 200, await handler({ path, body: await readJson(request), caller }));
  } catch (error) {
    const status = error instanceof HttpError ? error.status : 500;
    send(response, status, { error: error instanceof Error ? error.message : String(error) });
  }
}

function findRoute(routes: Routes, method: string, path: readonly string[]) {
  return Object.entries(routes).find(([route]) => {
    const [verb, pattern = ""] = route.split(" ");
    const parts = pattern.split("/").filter(Boolean);
    return verb === method && parts.length === path.length && parts.every((p, i) => p.startsWith("{") || p === path[i]);
  });
}

async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw new HttpError(413, "body too large");
    chunks.push(bytes);
  }
  return size === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
