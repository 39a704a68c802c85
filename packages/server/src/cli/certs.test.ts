/** Development certificates, and the way from them to a server under TLS that commands reach. */
import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import { runLine } from "./command-line.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let tls: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  tls = join(folder.path, "tls");
});
afterAll(() => folder.remove());

const certificate = async (name: string) => new X509Certificate(await readFile(join(tls, `${name}.pem`)));

describe("certs dev", () => {
  it("makes an authority, a server's and clients' certificates, and more clients later", async () => {
    const words = ["certs", "dev", tls, "--client", "orders", "--host", "audit.test", "--host", "10.0.0.7", "--json"];
    const made = await runLine(words);
    expect(made.exitCode).toBe(0);
    expect(made.json()).toEqual({
      folder: tls,
      files: ["ca.key", "ca.pem", "server.key", "server.pem", "orders.key", "orders.pem"],
    });
    const [ca, server, orders] = [await certificate("ca"), await certificate("server"), await certificate("orders")];
    for (const issued of [server, orders]) expect(issued.checkIssued(ca) && issued.verify(ca.publicKey)).toBe(true);
    expect(server.checkHost("audit.test")).toBe("audit.test");
    expect(server.checkIP("10.0.0.7")).toBe("10.0.0.7");
    expect(orders.subjectAltName).toBe("URI:spiffe://tallystick.test/orders");
    expect((await stat(join(tls, "orders.key"))).mode & 0o777).toBe(0o600);
    const more = await runLine(["certs", "dev", tls, "--client", "billing", "--json"]);
    expect(more.json()).toMatchObject({ files: ["billing.key", "billing.pem"] });
    expect((await certificate("billing")).verify(ca.publicKey)).toBe(true);
  });

  it("revokes clients by a list that replaces the one before", async () => {
    const revoked = await runLine(["certs", "dev", tls, "--revoke", "billing", "--json"]);
    expect(revoked.json()).toMatchObject({ files: ["crl.pem"] });
    expect(await readFile(join(tls, "crl.pem"), "utf8")).toContain("-----BEGIN X509 CRL-----");
    const absent = await runLine(["certs", "dev", tls, "--revoke", "../billing"]);
    expect([absent.exitCode, absent.err]).toEqual([2, expect.stringContaining("no certificate")]);
  });

  it.each([
    [["--client", "../evil"], "no client's name"],
    [["--client", "ca"], "no client's name"],
    [["--host", "a b"], "no host"],
    [["--days", "0"], "--days"],
    [["--trust-domain", "UPPER"], "no trust domain"],
  ])("refuses %j", async (options, says) => {
    const ran = await runLine(["certs", "dev", join(folder.path, "none"), ...options]);
    expect([ran.exitCode, ran.err]).toEqual([2, expect.stringContaining(says)]);
  });
});

describe("a server under TLS", () => {
  it("is reached by its folder, by its authority and with a client certificate, and by nothing less", async () => {
    const files = "{cert: ../tls/server.pem, key: ../tls/server.key, client_ca: ../tls/ca.pem";
    const required = "client_required: {routes: [/api/keys]}}";
    const server = await startTestServer(join(folder.path, "data"), `tls: ${files}, ${required}\n`);
    try {
      const client = ["--cert", join(tls, "orders.pem"), "--key", join(tls, "orders.key")];
      const byFolder = ["--data", join(folder.path, "data")];
      const byUrl = ["--url", server.url, "--token", server.adminToken];
      const ca = ["--ca", join(tls, "ca.pem")];
      const list = async (...options: readonly string[]) => {
        const { exitCode, err } = await runLine(["keys", "list", ...options]);
        return [exitCode, err] as const;
      };
      expect(await list(...byFolder, ...client)).toEqual([0, ""]);
      expect(await list(...byUrl, ...ca, ...client)).toEqual([0, ""]);
      expect(await list(...byFolder)).toEqual([2, expect.stringContaining("certificate")]);
      expect(await list(...byUrl, ...client)).toEqual([2, expect.stringContaining("--ca")]);
      expect(await list(...byFolder, "--cert", join(tls, "orders.pem"))).toEqual([2, expect.stringContaining("--key")]);
      const environment = {
        TALLYSTICK_URL: server.url,
        TALLYSTICK_TOKEN: server.adminToken,
        TALLYSTICK_CA: join(tls, "ca.pem"),
        TALLYSTICK_CERT: join(tls, "orders.pem"),
        TALLYSTICK_KEY_FILE: join(tls, "orders.key"),
      };
      expect((await runLine(["keys", "list"], { environment })).exitCode).toBe(0);
      expect((await runLine(["verify", server.url, ...ca], {})).err).not.toContain("certificate");
    } finally {
      await server.close();
    }
  });
});
