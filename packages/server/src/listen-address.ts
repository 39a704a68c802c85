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
export function listenAddress({ http }: Config): ListenAddress {
  const { listen } = http;
  const split = listen.lastIndexOf(":");
  const host = listen.slice(0, split).replace(/^\[(.*)\]$/, "$1");
  const port = Number(listen.slice(split + 1));
  if (port > 65_535) throw new TallystickError("config_invalid", `http.listen: ${port} is no port.`);
  const hasCertificate = http.tls_cert_file !== "";
  if (hasCertificate !== (http.tls_key_file !== "")) {
    throw new TallystickError("config_invalid", "http.tls_cert_file and http.tls_key_file belong together.");
  }
  if (!isLoopback(host) && !hasCertificate && !http.insecure_network) {
    throw new TallystickError(
      "config_invalid",
      `http.listen: ${listen} can be reached from other machines, and there is no TLS.`,
      {
        hint:
          "Give http.tls_cert_file and http.tls_key_file, or listen on 127.0.0.1 behind a proxy that speaks TLS, or say --insecure-network: " +
          "tokens then cross the network in clear text.",
      },
    );
  }
  return { host, port };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
