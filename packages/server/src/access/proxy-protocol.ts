/**
 * PROXY protocol version 2 in front of an HTTP server (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt,
 * §2.2).
 *
 * Guarantees: only a trusted peer's header is read; from anybody else the same bytes reach the HTTP parser, which
 * refuses them. A trusted peer that sends no header is served as it is. What a connection claimed is forgotten when
 * it closes.
 */
import { isIP } from "node:net";
import type { Server, Socket } from "node:net";

import type { Clock } from "../clock.ts";
import { plainAddress } from "./client-address.ts";
import type { TrustedProxies } from "./client-address.ts";
import { MAX_PROXY_HEADER_BYTES, PROXY_HEADER_TIMEOUT_MS, PROXY_REFUSAL_TOLD_MS } from "./limits.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const FIXED_BYTES = 16;

export type ProxyHeader =
  /** `source` is null for LOCAL and for address families other than IP: the proxy speaks for itself. */
  | { readonly kind: "header"; readonly length: number; readonly source: string | null }
  | { readonly kind: "incomplete" }
  | { readonly kind: "none" }
  | { readonly kind: "malformed" };

export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  const seen = Math.min(bytes.length, SIGNATURE.length);
  if (!bytes.subarray(0, seen).equals(SIGNATURE.subarray(0, seen))) return { kind: "none" };
  if (bytes.length < FIXED_BYTES) return { kind: "incomplete" };
  const command = bytes[12]!;
  const length = FIXED_BYTES + bytes.readUInt16BE(14);
  if (command >> 4 !== 2 || (command & 15) > 1 || length > MAX_PROXY_HEADER_BYTES) return { kind: "malformed" };
  if (bytes.length < length) return { kind: "incomplete" };
  if ((command & 15) === 0) return { kind: "header", length, source: null };
  return sourceOf(bytes.subarray(FIXED_BYTES, length), bytes[13]! >> 4, length);
}

function sourceOf(addresses: Buffer, family: number, length: number): ProxyHeader {
  if (family === 1) {
    return addresses.length < 12
      ? { kind: "malformed" }
      : { kind: "header", length, source: addresses.subarray(0, 4).join(".") };
  }
  if (family !== 2) return { kind: "header", length, source: null };
  if (addresses.length < 36) return { kind: "malformed" };
  const groups = Array.from({ length: 8 }, (_, group) => addresses.readUInt16BE(group * 2).toString(16));
  return { kind: "header", length, source: compressed(groups) };
}

function compressed(groups: readonly string[]): string {
  const url = new URL(`http://[${groups.join(":")}]/`);
  return plainAddress(
    url.hostname
      .slice(1, -1)
      .replace(/^::ffff:([0-9a-f]+):([0-9a-f]+)$/, (_, high: string, low: string) => mapped(high, low)),
  );
}

function mapped(high: string, low: string): string {
  const value = [Number.parseInt(high, 16), Number.parseInt(low, 16)].flatMap((group) => [group >> 8, group & 255]);
  return `::ffff:${value.join(".")}`;
}

/** What trusted proxies said about their connections. */
export interface ProxiedConnections {
  /** The source that the proxy named for a connection of this peer, or null. */
  sourceOf(peerAddress: string, peerPort: number): string | null;
}

/** A trusted proxy's connection that was closed without an answer. */
export interface RefusedHeader {
  readonly proxy: string;
  readonly why: "malformed" | "late";
  /** This one, and those since the last one that was told. */
  readonly connections: number;
}

interface Reading {
  readonly clock: Clock;
  readonly sources: Map<string, string>;
  readonly serve: (socket: Socket) => void;
  readonly refuse: (proxy: string, why: RefusedHeader["why"]) => void;
}

/**
 * Puts the reader of the header before the server's own handling of a connection. Call before the server listens.
 * Connections that are closed for their header are told once a minute at most.
 */
export function acceptProxyHeaders(
  server: Server,
  proxies: TrustedProxies,
  clock: Clock,
  onRefused: (refused: RefusedHeader) => void,
): ProxiedConnections {
  const sources = new Map<string, string>();
  const told = { atMs: Number.NEGATIVE_INFINITY, connections: 0 };
  const refuse = (proxy: string, why: RefusedHeader["why"]) => {
    told.connections += 1;
    if (clock.monotonicMs() - told.atMs < PROXY_REFUSAL_TOLD_MS) return;
    onRefused({ proxy, why, connections: told.connections });
    Object.assign(told, { atMs: clock.monotonicMs(), connections: 0 });
  };
  const handlers = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  const serve = (socket: Socket) => {
    for (const handler of handlers) handler.call(server, socket);
  };
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    if (!proxies.has(socket.remoteAddress ?? "")) serve(socket);
    else readHeader(socket, { clock, sources, serve, refuse });
  });
  return { sourceOf: (address, port) => sources.get(`${address} ${port}`) ?? null };
}

function readHeader(socket: Socket, { clock, sources, serve, refuse }: Reading): void {
  let seen: Buffer = Buffer.alloc(0);
  const proxy = plainAddress(socket.remoteAddress ?? "");
  const drop = () => void socket.destroy();
  const cancelTimeout = clock.after(PROXY_HEADER_TIMEOUT_MS, () => {
    // Who only looks whether the port is open sends nothing.
    if (seen.length > 0) refuse(proxy, "late");
    drop();
  });
  socket.once("close", cancelTimeout);
  socket.on("error", drop);
  const onReadable = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const header = parseProxyHeader(seen);
    if (header.kind === "incomplete") return;
    socket.off("readable", onReadable);
    cancelTimeout();
    if (header.kind === "malformed") {
      refuse(proxy, "malformed");
      return drop();
    }
    if (header.kind === "header" && header.source !== null) remember(socket, sources, header.source);
    const rest = header.kind === "header" ? seen.subarray(header.length) : seen;
    if (rest.length > 0) socket.unshift(rest);
    socket.off("error", drop);
    serve(socket);
  };
  socket.on("readable", onReadable);
}

function remember(socket: Socket, sources: Map<string, string>, source: string): void {
  if (isIP(source) === 0) return;
  const key = `${socket.remoteAddress} ${socket.remotePort}`;
  sources.set(key, source);
  socket.once("close", () => sources.delete(key));
}
