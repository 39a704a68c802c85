import { X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";

import { testAuthority } from "./certificates.contract.ts";
import type { TestAuthority } from "./certificates.contract.ts";
import { alternativeNames, nameCertificate } from "./client-certificate.ts";

let authority: TestAuthority;
beforeAll(async () => {
  authority = await testAuthority();
});

async function named(subject: Parameters<TestAuthority["client"]>[0]): Promise<string> {
  const result = nameCertificate(new X509Certificate((await authority.client(subject)).certificate));
  return result.kind === "named" ? result.certificate.principal : `refused: ${result.why}`;
}

describe("a client certificate names", () => {
  it("its SPIFFE id, else its first DNS name, else itself", async () => {
    const dns = ["Orders.Internal", "b.internal"];
    expect(await named({ uris: ["spiffe://prod.test/ns/shop/sa/orders"], dns })).toBe(
      "spiffe://prod.test/ns/shop/sa/orders",
    );
    expect(await named({ dns })).toBe("dns:orders.internal");
    expect(await named({ uris: ["https://orders.test/"], dns: ["*.internal", "c.internal"] })).toBe("dns:c.internal");
    const bare = new X509Certificate((await authority.client({})).certificate);
    const result = nameCertificate(bare);
    const sha256 = bare.fingerprint256.replaceAll(":", "").toLowerCase();
    expect(result).toMatchObject({ kind: "named", certificate: { principal: `certificate:${sha256}`, sha256 } });
  });

  it.each([
    ["spiffe://prod.test", "malformed"],
    ["spiffe://prod.test/", "malformed"],
    ["spiffe://Prod.test/a", "malformed"],
    ["spiffe://prod.test/a/../b", "malformed"],
    ["spiffe://prod.test/a?b", "malformed"],
    ["SPIFFE://prod.test/a", "malformed"],
    [`spiffe://prod.test/${"a".repeat(300)}`, "malformed"],
  ])("nobody by %s", async (uri, why) => {
    expect(await named({ uris: [uri] })).toContain(why);
  });

  it("nobody by two SPIFFE ids, and nobody when it is an authority's", async () => {
    expect(await named({ uris: ["spiffe://a.test/b", "spiffe://a.test/c"] })).toContain("more than one");
    expect(nameCertificate(new X509Certificate(authority.pem.certificate))).toMatchObject({ kind: "refused" });
  });
});

describe("alternative names", () => {
  it("are told apart also where one holds what looks like another", () => {
    expect(alternativeNames('DNS:"a, URI:spiffe://prod.test/admin", IP Address:10.0.0.1')).toEqual([
      { type: "DNS", value: "a, URI:spiffe://prod.test/admin" },
      { type: "IP Address", value: "10.0.0.1" },
    ]);
    expect(alternativeNames('DNS:"a\\"b"')).toEqual([{ type: "DNS", value: 'a"b' }]);
    expect(alternativeNames("")).toEqual([]);
    for (const broken of ['DNS:"a', "no colon", 'DNS:a"b', ", DNS:a"]) expect(alternativeNames(broken)).toBeNull();
  });
});
