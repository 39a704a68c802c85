/** Certificates for tests, made as `tallystick certs dev` makes them, and a client that speaks TLS with them. */
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";

import { issue, makeAuthority, revoke } from "../cli/dev-certificates.ts";
import type { Pem, Subject } from "../cli/dev-certificates.ts";
import { learnPrivateKey } from "../secret-watch.contract.ts";

export type { Pem };

const DAY_MS = 86_400_000;

export const validDays = (from: number, to: number) => ({
  notBefore: new Date(Date.now() + from * DAY_MS),
  notAfter: new Date(Date.now() + to * DAY_MS),
});

export interface TestAuthority {
  readonly pem: Pem;
  server(): Promise<Pem>;
  client(subject: Partial<Subject>): Promise<Pem>;
  /** A list that is out of date after `days`. */
  revoked(clients: readonly Pem[], days?: number): Promise<string>;
}

export async function testAuthority(name = "test authority"): Promise<TestAuthority> {
  const made = (pem: Pem): Pem => {
    learnPrivateKey(pem.key);
    return pem;
  };
  const pem = made(await makeAuthority(name, validDays(-1, 1)));
  const valid = validDays(-1, 1);
  return {
    pem,
    server: async () => {
      const names = { dns: ["localhost"], addresses: ["127.0.0.1"] };
      return made(await issue(pem, { ...valid, name: "server", purpose: "server", ...names }));
    },
    revoked: (clients, days = 1) =>
      revoke(
        pem,
        clients.map(({ certificate }) => certificate),
        validDays(-2, days),
      ),
    client: async (subject) => made(await issue(pem, { ...valid, name: "client", purpose: "client", ...subject })),
  };
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface TlsConnection {
  /** What a later connection may resume; of TLS 1.3 it comes with the first answer. */
  session(): Buffer;
  readonly socket: TLSSocket;
  send(method: string, path: string, headers?: Readonly<Record<string, string>>, body?: string): Promise<Answer>;
  close(): Promise<void>;
}

/** A connection that is kept open; `preamble` goes out before TLS begins. */
export async function connectSecurely(
  url: string,
  options: ConnectionOptions,
  preamble: Buffer = Buffer.alloc(0),
): Promise<TlsConnection> {
  const plain = connect(Number(new URL(url).port), "127.0.0.1");
  await once(plain, "connect");
  if (preamble.length > 0) plain.write(preamble);
  const socket = connectTls({ socket: plain, servername: "localhost", ...options });
  let session = Buffer.alloc(0);
  socket.on("session", (given) => void (session = Buffer.from(given)));
  await once(socket, "secureConnect");
  return {
    socket,
    session: () => session,
    async send(method, path, headers = {}, body = "") {
      let text = "";
      const whole = new Promise<void>((resolve, reject) => {
        const onChunk = (chunk: Buffer) => {
          text += chunk.toString();
          if (isWhole(text)) finish();
        };
        const finish = () => {
          socket.off("data", onChunk).off("close", finish).off("error", reject);
          resolve();
        };
        socket.on("data", onChunk).once("close", finish).once("error", reject);
      });
      const head = Object.entries({ host: "localhost", "content-length": String(body.length), ...headers });
      const lines = [`${method} ${path} HTTP/1.1`, ...head.map(([name, value]) => `${name}: ${value}`)];
      socket.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
      await whole;
      return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text };
    },
    async close() {
      if (socket.destroyed) return;
      const closed = once(socket, "close");
      socket.destroy();
      await closed;
    },
  };
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  const length = /^content-length: (\d+)/im.exec(text)?.[1];
  return end >= 0 && length !== undefined && Buffer.byteLength(text.slice(end + 4)) >= Number(length);
}
