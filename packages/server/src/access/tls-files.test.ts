import { beforeAll, describe, expect, it } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import type { TallystickError } from "../errors.ts";
import { manualClock } from "../manual-clock.ts";
import { testAuthority } from "./certificates.contract.ts";
import type { Pem } from "./certificates.contract.ts";
import { readTls, tlsFilesOf, watchTls } from "./tls-files.ts";

const TLS = { cert: "s.pem", key: "s.key", client_ca: "ca.pem", client_crl: "" };
let one: Pem;
let two: Pem;
let ca: Pem;

beforeAll(async () => {
  const authority = await testAuthority();
  [one, two, ca] = [await authority.server(), await authority.server(), authority.pem];
});

async function served() {
  const disk = memoryDisk();
  const clock = manualClock();
  await disk.makeFolder("/tls");
  const put = (name: string, text: string) => disk.replaceFile(`/tls/${name}`, Buffer.from(text));
  await put("s.pem", one.certificate);
  await put("s.key", one.key);
  await put("ca.pem", ca.certificate);
  const files = tlsFilesOf(TLS, "/tls")!;
  const changes: string[] = [];
  const watch = watchTls(
    {
      clock,
      disk,
      files,
      everyMs: 10_000,
      onChange: ({ cert }, isOtherTrust) =>
        void changes.push(`${cert.toString() === two.certificate ? "two" : "one"} ${isOtherTrust}`),
      onTrouble: (error) => void changes.push(error.message),
    },
    await readTls(disk, files),
  );
  return { disk, clock, put, files, changes, watch };
}

describe("TLS files", () => {
  it("that cannot be used are refused by the key of the configuration, and no byte of a key is told", async () => {
    const { disk, put, files } = await served();
    const fault = () => readTls(disk, files).then(String, (error: TallystickError) => `${error.code} ${error.message}`);
    await put("s.key", two.key);
    expect(await fault()).toContain("config_invalid tls.key: /tls/s.key is no private key of the certificate");
    await put("s.key", "nothing");
    expect(await fault()).toContain("tls.key");
    await put("s.pem", one.certificate.slice(0, 200));
    expect(await fault()).toContain("tls.cert: /tls/s.pem holds no PEM certificate");
    await disk.remove("/tls/s.pem");
    expect(await fault()).toContain("/tls/s.pem is missing");
    await put("s.pem", two.certificate);
    await put("s.key", two.key);
    await put("ca.pem", "none");
    expect(await fault()).toContain("tls.client_ca");
    await put("ca.pem", `${ca.certificate}-----BEGIN CERTIFICATE-----\nhalf`);
    expect(await fault()).toContain("tls.client_ca");
    await put("ca.pem", ca.certificate);
    await put("crl.pem", ca.certificate);
    const withList = { ...files, clientCrl: "/tls/crl.pem" };
    await expect(readTls(disk, withList)).rejects.toThrow("tls.client_crl: /tls/crl.pem holds no PEM list");
    await put("crl.pem", "-----BEGIN X509 CRL-----\nhalf\n-----END X509 CRL-----\n");
    await expect(readTls(disk, withList)).rejects.toThrow("tls.client_crl: /tls/crl.pem holds no PEM list");
    expect(tlsFilesOf({ ...TLS, cert: "" }, "/tls")).toBeNull();
  });

  it("are served when both are whole, and the trouble of a half is told once", async () => {
    const { put, watch, changes } = await served();
    await watch.check();
    expect(changes).toEqual([]);
    await put("s.pem", two.certificate);
    await watch.check();
    await watch.check();
    expect(changes).toHaveLength(1);
    expect(changes[0]).toContain("tls.key");
    expect(watch.current().cert.toString()).toBe(one.certificate);
    await put("s.key", two.key);
    await watch.check();
    await put("ca.pem", `${ca.certificate}${one.certificate}`);
    await watch.check();
    expect(changes.slice(1)).toEqual(["two false", "two true"]);
  });

  it("are looked at in their interval, and no more once the watch is closed", async () => {
    const { clock, put, watch, changes } = await served();
    await put("s.pem", two.certificate);
    await put("s.key", two.key);
    clock.advance(9_999);
    expect(changes).toEqual([]);
    clock.advance(1);
    await expect.poll(() => changes).toEqual(["two false"]);
    await watch.close();
    await put("ca.pem", one.certificate);
    clock.advance(60_000);
    await watch.check();
    expect(changes).toEqual(["two false"]);
  });
});
