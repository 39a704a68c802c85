import type { Config } from "./config/schema.ts";
import { TallystickError } from "./errors.ts";

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Where to listen; `config_invalid` for an address that strangers reach without TLS, unless that was said to be
 * wanted.
 */
export function listenAddress({ http, tls }: Config): ListenAddress {
  const { listen } = http;
  const split = listen.lastIndexOf(":");
  const host = listen.slice(0, split).replace(/^\[(.*)\]$/, "$1");
  const port = Number(listen.slice(split + 1));
  if (port > 65_535) throw new TallystickError("config_invalid", `http.listen: ${port} is no port.`);
  if (http.public_url !== "" && !URL.canParse(http.public_url))
    throw new TallystickError("config_invalid", `http.public_url: ${http.public_url} is no URL.`);
  const hasCertificate = tls.cert !== "";
  if (hasCertificate !== (tls.key !== ""))
    throw new TallystickError("config_invalid", "tls.cert and tls.key belong together.");
  assertClientCertificates(tls);
  if (!isLoopback(host) && !hasCertificate && !http.insecure_network) {
    throw new TallystickError(
      "config_invalid",
      `http.listen: ${listen} can be reached from other machines, and there is no TLS.`,
      {
        hint:
          "Give tls.cert and tls.key (`tallystick certs dev DIR` makes them for a test), or listen on 127.0.0.1 behind a proxy that speaks TLS, or say --insecure-network: " +
          "tokens then cross the network in clear text.",
      },
    );
  }
  return { host, port };
}

/** What would silently not be enforced is refused. */
function assertClientCertificates(tls: Config["tls"]): void {
  const { cert, client_ca: clientCa, client_required: required } = tls;
  if (clientCa === "" && tls.client_crl !== "") {
    throw new TallystickError("config_invalid", "tls.client_crl revokes nothing without tls.client_ca.");
  }
  const asks = required.routes.length > 0 || required.logs.length > 0;
  if (clientCa === "" && asks) {
    throw new TallystickError(
      "config_invalid",
      "tls.client_required needs client certificates, and none is asked for.",
      {
        hint: "Name the authorities whose client certificates are believed with tls.client_ca.",
      },
    );
  }
  if (clientCa !== "" && cert === "") {
    throw new TallystickError("config_invalid", "tls.client_ca: client certificates come by TLS, and there is none.", {
      hint: "Give tls.cert and tls.key too.",
    });
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
