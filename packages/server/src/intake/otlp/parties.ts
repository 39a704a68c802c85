import { urlParts } from "./conventions.ts";
import type { Told } from "./told.ts";

/** What stands for a party of which a span tells nothing at all, not even an address. */
export const UNKNOWN_PARTY = "unknown";

export interface Peer {
  /** Its name when told, else `address:` and what was seen, else `unknown`. */
  readonly id: string;
  readonly address: string;
  readonly port: number | undefined;
  readonly clientAddress: string;
}

const NAMES = ["service.peer.name", "peer.service"];
const PEER_ADDRESSES = ["network.peer.address", "net.sock.peer.addr", "net.peer.ip"];

/**
 * Who called, as a SERVER span tells it: a name only when the instrumentation gives one, else the address, without
 * its port, which says nothing about the caller. `address:10.0.0.7`, `address:2001:db8::1`.
 */
export function callerOf(told: Told): Peer {
  const client = told.take("client.address", "http.client_ip");
  const address = told.take(...PEER_ADDRESSES);
  const port = told.takeCount("network.peer.port", "net.sock.peer.port", "net.peer.port");
  const seen = plainAddress(client || address || told.see("net.peer.name", "net.sock.peer.name"));
  const id = told.take(...NAMES) || (seen === "" ? UNKNOWN_PARTY : `address:${seen}`);
  return { id, address, port, clientAddress: client === address ? "" : client };
}

/**
 * Who was called, as a CLIENT span tells it, or which broker, as a PRODUCER or CONSUMER span does: a name when told,
 * else host and port as they were dialled: `address:payments.internal:8443`, `address:[2001:db8::1]:5432`,
 * `address:/run/db.sock`.
 */
export function calledOf(told: Told): Peer {
  const name = told.take(...NAMES);
  const dialled = name === "" ? dialledAddress(told) : "";
  const address = told.take(...PEER_ADDRESSES);
  const port = told.takeCount("network.peer.port", "net.sock.peer.port");
  const seen = dialled || withPort(plainAddress(address), port ?? told.takeCount("net.peer.port"));
  return { id: name || (seen === "" ? UNKNOWN_PARTY : `address:${seen}`), address, port, clientAddress: "" };
}

function dialledAddress(told: Told): string {
  const host = plainAddress(told.take("server.address", "net.peer.name"));
  const url = urlParts(told.see("url.full", "http.url"))?.host ?? "";
  const port = told.takeCount("server.port", "net.peer.port");
  if (host !== "") return withPort(host, port);
  return (url || told.see("http.host")).toLowerCase();
}

function withPort(host: string, port: number | undefined): string {
  if (host === "" || port === undefined || host.startsWith("/")) return host;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * Names and addresses have no case, paths of sockets have; `::ffff:10.0.0.7` is how a dual-stack socket sees
 * 10.0.0.7.
 */
function plainAddress(address: string): string {
  if (address.startsWith("/")) return address;
  const lower = address.toLowerCase();
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(lower)?.[1] ?? lower;
}
