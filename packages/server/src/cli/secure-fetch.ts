/**
 * `fetch` with what the command line says about TLS: authorities beside the machine's own, a client certificate, or,
 * for a server on this machine, the very certificate that its data folder names.
 */
import { readFile } from "node:fs/promises";
import type { TLSSocket } from "node:tls";
import { Agent, buildConnector, fetch as undiciFetch } from "undici";

import { CommandError } from "./command-error.ts";
import type { CliParts } from "./parts.ts";

export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type Fetch = typeof globalThis.fetch;

/** Null when nothing special is asked for. `pinned`: SHA-256 of the only certificate that is believed, in hex. */
export async function secureFetch(
  { environment }: Pick<CliParts, "environment">,
  options: TlsOptions,
  pinned: string | null = null,
): Promise<Fetch | null> {
  const ca = options.ca ?? environment["TALLYSTICK_CA"];
  const cert = options.cert ?? environment["TALLYSTICK_CERT"];
  const key = options.key ?? environment["TALLYSTICK_KEY_FILE"];
  if ((cert === undefined) !== (key === undefined))
    throw new CommandError("A client certificate and its key belong together.", {
      code: "bad_request",
      hint: "Give --cert and --key, or TALLYSTICK_CERT and TALLYSTICK_KEY_FILE.",
    });
  if (ca === undefined && cert === undefined && pinned === null) return null;
  const connect = buildConnector({
    ...(ca === undefined ? {} : { ca: await pem(ca) }),
    ...(cert === undefined || key === undefined ? {} : { cert: await pem(cert), key: await pem(key) }),
    // Checked below, by the one certificate that it may be.
    // A resumed session shows no certificate at this end, so none is resumed.
    ...(ca === undefined && pinned !== null ? { rejectUnauthorized: false, maxCachedSessions: 0 } : {}),
  });
  const dispatcher = new Agent({ connect: ca === undefined && pinned !== null ? onlyTo(connect, pinned) : connect });
  return ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher })) as unknown as Fetch;
}

function onlyTo(connect: buildConnector.connector, pinned: string): buildConnector.connector {
  return (request, done) => {
    connect(request, (error, socket) => {
      if (error !== null) return done(error, null);
      if (request.protocol === "https:" && sha256Of(socket as TLSSocket) !== pinned) {
        socket.destroy();
        return done(otherCertificate(), null);
      }
      return done(null, socket);
    });
  };
}

const otherCertificate = () =>
  new CommandError("The port shows another certificate than the data folder names.", {
    code: "unreachable",
    hint: "Another program has the port, or the server of this folder was killed. Nothing was sent to it.",
  });

function sha256Of(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(":", "").toLowerCase();
}

async function pem(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(`${file} cannot be read: ${why}`, { code: "bad_request", cause });
  }
}
