import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { JWK } from "jose";
import { beforeAll, describe, expect, it } from "vitest";

import { manualClock } from "../manual-clock.ts";
import type { ClientCertificate } from "./client-certificate.ts";
import { jwts } from "./jwt.ts";
import type { JwtIssuer } from "./jwt.ts";
import { keptKeySet, keySetByUrl, parseKeySet } from "./key-sets.ts";

const ISSUER = "https://issuer.test/";
const START_S = Date.UTC(2026, 10, 25) / 1_000;

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;
let pair: KeyPair;
let other: KeyPair;
let publicJwk: JWK;

beforeAll(async () => {
  [pair, other] = [await generateKeyPair("ES256"), await generateKeyPair("ES256")];
  publicJwk = { ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" };
});

const certificate = { thumbprint: "dGhlIG9uZQ" } as ClientCertificate;

function token(claims: object = {}, { key = pair.privateKey, kid = "one" } = {}): Promise<string> {
  const whole = { iss: ISSUER, aud: "tallystick", sub: "orders", iat: START_S, exp: START_S + 300, ...claims };
  return new SignJWT(whole).setProtectedHeader({ alg: "ES256", kid }).sign(key);
}

function bench(more: Partial<JwtIssuer> = {}) {
  const clock = manualClock();
  let keys: readonly JWK[] | Error = [publicJwk];
  let reads = 0;
  const troubles: string[] = [];
  const set = keptKeySet({
    clock,
    onTrouble: (error) => void troubles.push(String(error)),
    async read() {
      reads += 1;
      if (keys instanceof Error) throw keys;
      return Buffer.from(JSON.stringify({ keys }));
    },
  });
  const issuer = {
    name: "idp",
    issuer: ISSUER,
    audience: ["tallystick"],
    algorithms: ["ES256"],
    claim: "sub",
    bound: false,
    ...more,
    keys: set,
  };
  const all = jwts([issuer], clock);
  return {
    clock,
    troubles,
    all,
    reads: () => reads,
    serve: (next: readonly JWK[] | Error) => void (keys = next),
    async ask(text: string, shown: ClientCertificate | null = null): Promise<string> {
      const outcome = await all.verify(text, shown);
      if (outcome.kind === "named") return outcome.principal;
      return outcome.kind === "refused" ? outcome.why : `unavailable ${outcome.issuer}`;
    },
  };
}

describe("a JWT", () => {
  it("names its issuer's subject, or another claim's value", async () => {
    expect(await bench().ask(await token())).toBe("jwt:idp:orders");
    expect(await bench({ claim: "client_id" }).ask(await token({ client_id: "c-1" }))).toBe("jwt:idp:c-1");
  });

  it.each<[string, object, string]>([
    ["expired", { exp: START_S - 31 }, "It has expired."],
    ["of another audience", { aud: "elsewhere" }, "Its claim aud does not hold."],
    ["not valid yet", { nbf: START_S + 31 }, "Its claim nbf does not hold."],
    ["of another issuer", { iss: "https://other.test/" }, "Its issuer is not among"],
    ["without an end", { exp: undefined }, "Its claim exp does not hold."],
    ["without a subject", { sub: undefined }, "Its claim sub does not hold."],
    ["with a subject that is no name", { sub: "a b" }, "no name of a principal"],
    ["with a subject that ends lines", { sub: "a\r\nb" }, "no name of a principal"],
    ["with a subject that is too long", { sub: "a".repeat(300) }, "no name of a principal"],
  ])("%s is refused", async (_, claims, says) => {
    expect(await bench().ask(await token(claims))).toContain(says);
  });

  it("of a clock that is a little off holds", async () => {
    expect(await bench().ask(await token({ exp: START_S - 29 }))).toBe("jwt:idp:orders");
  });

  it("with a wrong signature, another algorithm or none is refused", async () => {
    const subject = bench();
    expect(await subject.ask(await token({}, { key: other.privateKey }))).toBe("Its signature is wrong.");
    const body = Buffer.from(JSON.stringify({ iss: ISSUER, aud: "tallystick", sub: "x", exp: START_S + 9 }));
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    for (const header of [{ alg: "none" }, { alg: "HS256", kid: "one" }]) {
      const made = `${part(header)}.${body.toString("base64url")}.AAAA`;
      expect(await subject.ask(made)).toContain("algorithm");
    }
    const rs = await generateKeyPair("RS256");
    const signed = new SignJWT({ iss: ISSUER, aud: "tallystick", sub: "x", exp: START_S + 9 });
    expect(await subject.ask(await signed.setProtectedHeader({ alg: "RS256" }).sign(rs.privateKey))).toContain(
      "algorithm",
    );
    for (const broken of ["a.b.c", "", "....", `${"a".repeat(20_000)}.b.c`]) {
      expect(await subject.ask(broken)).toContain("issuer");
    }
    expect(subject.all.looksLikeOne(`${"a".repeat(20_000)}.b.c`)).toBe(false);
    expect(jwts([], manualClock()).looksLikeOne("a.b.c")).toBe(false);
  });

  it("that is bound to a certificate is worth nothing without it, nor one bound in another way", async () => {
    const bound = await token({ cnf: { "x5t#S256": certificate.thumbprint } });
    const subject = bench();
    expect(await subject.ask(bound, certificate)).toBe("jwt:idp:orders");
    expect(await subject.ask(bound)).toContain("the connection has none");
    expect(await subject.ask(bound, { ...certificate, thumbprint: "b3RoZXI" })).toContain("another client certificate");
    for (const cnf of [
      { jkt: "x" },
      {},
      "x",
      null,
      { "x5t#S256": 1 },
      { "x5t#S256": certificate.thumbprint, jkt: "x" },
    ])
      expect(await subject.ask(await token({ cnf }), certificate)).toContain("in another way");
    expect(await bench({ bound: true }).ask(await token(), certificate)).toContain("not bound");
    expect(await bench({ bound: true }).ask(bound, certificate)).toBe("jwt:idp:orders");
  });

  it("is refused at start when an issuer stands there twice", () => {
    const issuer = { name: "a", issuer: "x", audience: [], algorithms: [], claim: "sub", bound: false };
    const keys = { keys: async () => null };
    const twice = [
      { ...issuer, keys },
      { ...issuer, name: "b", keys },
    ];
    expect(() => jwts(twice, manualClock())).toThrow("twice");
  });
});

describe("an issuer's keys", () => {
  it("are fetched once, and again when they are old or a token names one that is not among them", async () => {
    const subject = bench();
    for (let request = 0; request < 5; request++) await subject.ask(await token());
    expect(subject.reads()).toBe(1);
    const second = { ...(await exportJWK(other.publicKey)), kid: "two", alg: "ES256" };
    subject.serve([publicJwk, second]);
    const signed = await token({}, { key: other.privateKey, kid: "two" });
    expect(await subject.ask(signed)).toContain("No key of its issuer");
    subject.clock.advance(30_000);
    expect(await subject.ask(signed)).toBe("jwt:idp:orders");
    expect(subject.reads()).toBe(2);
    for (let guess = 0; guess < 20; guess++) await subject.ask(await token({}, { kid: `made-up-${guess}` }));
    expect(subject.reads()).toBe(2);
    subject.serve([second]);
    subject.clock.advance(2 * 600_000);
    expect(await subject.ask(await token({ exp: START_S + 9_000 }))).toContain("No key of its issuer");
  });

  it("that cannot be had make no token wrong: those that were kept count for a day, then nobody can say", async () => {
    const subject = bench();
    subject.serve(new Error("down"));
    expect(await subject.ask(await token())).toBe("unavailable idp");
    expect(await subject.ask(await token())).toBe("unavailable idp");
    expect([subject.reads(), subject.troubles]).toEqual([1, ["Error: down"]]);
    subject.serve([publicJwk]);
    subject.clock.advance(5_000);
    const long = await token({ exp: START_S + 200_000 });
    expect(await subject.ask(long)).toBe("jwt:idp:orders");
    subject.serve(new Error("down again"));
    subject.clock.advance(86_000_000);
    expect(await subject.ask(long)).toBe("jwt:idp:orders");
    subject.clock.advance(400_000);
    expect(await subject.ask(long)).toBe("unavailable idp");
  });

  it("are public ones in JSON, or nothing", async () => {
    const privateJwk = await exportJWK((await generateKeyPair("ES256", { extractable: true })).privateKey);
    const wrong = [privateJwk, { kty: "oct", k: "c2VjcmV0" }].map((key) => JSON.stringify({ keys: [key] }));
    for (const text of [...wrong, "{", "[]", "{}", "null", '{"keys":[1]}'])
      expect(() => parseKeySet(Buffer.from(text)), text).toThrow();
  });

  it("come over https, are bounded and never redirected", async () => {
    const answers = (response: Response) => async (_: string, init: RequestInit) => {
      expect(init.redirect).toBe("error");
      return response;
    };
    expect(() => keySetByUrl("http://issuer.test/jwks", fetch, "access.jwt.0.jwks")).toThrow("access.jwt.0.jwks");
    expect(() => keySetByUrl("file:///etc/passwd", fetch, "access.jwt.0.jwks")).toThrow("no https");
    const url = "https://issuer.test/jwks";
    await expect(keySetByUrl(url, answers(new Response("no", { status: 500 })), "x")()).rejects.toThrow("answered 500");
    const large = new Response("x".repeat(1_048_577));
    await expect(keySetByUrl(url, answers(large), "x")()).rejects.toThrow("more than");
    const good = keySetByUrl("http://127.0.0.1:1/jwks", answers(new Response('{"keys":[]}')), "x");
    expect(Buffer.from(await good()).toString()).toBe('{"keys":[]}');
  });
});
