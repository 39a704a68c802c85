/** A server of a bench: plain on loopback, or under TLS 1.3 with client certificates. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { issue, makeAuthority } from "../../packages/server/src/cli/dev-certificates.ts";
import { secureFetch } from "../../packages/server/src/cli/secure-fetch.ts";
import { startServer } from "../../integrity/running-server.ts";
import type { RunningServer } from "../../integrity/running-server.ts";

const CLASSES = ["public", "internal", "confidential", "restricted", "unclassified"];
const DAY_MS = 86_400_000;

/** Clients `producer`, `reader`, `scoped` and `narrow`, in a folder; and the configuration that binds them. */
export async function makeCertificates(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const valid = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) };
  const authority = await makeAuthority("bench", valid);
  writeFileSync(join(folder, "ca.pem"), authority.certificate);
  const server = { ...valid, name: "server", purpose: "server" as const, dns: ["localhost"], addresses: ["127.0.0.1"] };
  const clients = ["producer", "reader", "scoped", "narrow"].map((name) => {
    return { ...valid, name, purpose: "client" as const, uris: [`spiffe://bench.test/${name}`] };
  });
  for (const subject of [server, ...clients]) {
    const { certificate, key } = await issue(authority, subject);
    writeFileSync(join(folder, `${subject.name}.pem`), certificate);
    writeFileSync(join(folder, `${subject.name}.key`), key);
  }
}

export const clientOf = (folder: string, name: string) => ({
  ca: join(folder, "ca.pem"),
  cert: join(folder, `${name}.pem`),
  key: join(folder, `${name}.key`),
});

export async function fetchAs(folder: string, name: string): Promise<typeof globalThis.fetch> {
  const fetch = await secureFetch({ environment: {} }, clientOf(folder, name));
  if (fetch === null) throw new Error("there is no way to the server");
  return fetch;
}

export async function startSecurely(
  data: string,
  certificates: string,
  services: readonly string[],
): Promise<RunningServer> {
  // Whatever there is, named one by one: the same answers at the full price of a scope.
  const scope = { logs: ["default"], services, data_classes: CLASSES };
  const rules = [
    { match: "spiffe://bench.test/producer", relay: ["*"] },
    { match: "spiffe://bench.test/reader", role: "viewer" },
    { match: "spiffe://bench.test/scoped", role: "viewer", scope },
    { match: "spiffe://bench.test/narrow", role: "viewer", scope: { ...scope, services: services.slice(0, 5) } },
  ];
  const file = join(certificates, "tallystick.yaml");
  const tls = { cert: "server.pem", key: "server.key", client_ca: "ca.pem", min_version: "1.3" };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ tls, access: { principals: rules } }));
  return startServer(data, { args: ["--config", file], fetch: await fetchAs(certificates, "reader") });
}
