import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { canonicalJson } from "./canonical-record.ts";
import { FIELDS } from "./fields.ts";
import { REQUIRED, hostileText, normalised, testContext } from "./record.contract.ts";
import { isPlainText, redact, redactText } from "./redact.ts";
import type { RedactionMode } from "./redact.ts";

/** Put together here, so that no scanner takes this file for a leak. */
const join = (...parts: readonly string[]): string => parts.join("");
const PEM_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";

/** A secret of every kind, what must be gone of it, and the kind it is called. */
const SECRETS: readonly (readonly [kind: string, text: string, gone: string])[] = [
  ["card", "4111111111111111", "4111111111111111"],
  ["card", "4111 1111 1111 1111", "1111 1111"],
  ["card", "5555-5555-5555-4444", "5555-4444"],
  ["card", "378282246310005", "378282246310005"],
  ["card", "30569309025904", "30569309025904"],
  ["card", "3530111333300000", "3530111333300000"],
  ["card", "6011111111111117", "6011111111111117"],
  ["card", "2223003122003222", "2223003122003222"],
  ["card", "6205500000000000004", "6205500000000000004"],
  ["card", "4222222222222", "4222222222222"],
  ["github-token", join("ghp", "_abcdefghijklmnopqrstuvwxyz0123456789"), "abcdefghijkl"],
  ["github-token", join("github", "_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz"), "ABCDEFG0"],
  ["gitlab-token", join("glpat", "-abcdEFGH1234ijklMNOP"), "abcdEFGH"],
  ["slack-token", join("xoxb", "-123456789012-abcdefABCDEF"), "abcdefABCDEF"],
  ["slack-token", join("hooks.slack", ".com/services/T00000000/B00000000/abcdefabcdef"), "B00000000"],
  ["stripe-key", join("sk", "_live_abcdefghijklmnop"), "abcdefgh"],
  ["google-key", join("AIza", "SyA1234567890abcdefghijklmnopqrstuv"), "SyA12345"],
  ["npm-token", join("npm", "_abcdefghijklmnopqrstuvwxyz0123456789"), "abcdefgh"],
  ["pypi-token", join("pypi", "-AgEIcHlwaS5vcmcCJDAxMjM0NTY3ODkwYWJjZGVm"), "AgEIcHlw"],
  ["ai-key", join("sk", "-proj-abcdefghijklmnopqrstuvwx"), "abcdefgh"],
  ["sendgrid-key", join("SG", ".abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz"), "abcdefgh"],
  ["vault-token", join("hvs", ".CAESIabcdefghijklmnopqrst"), "CAESI"],
  ["aws-access-key-id", join("AKIA", "IOSFODNN7EXAMPLE"), "IOSFODNN7"],
  ["aws-access-key-id", join("ASIA", "IOSFODNN7EXAMPLE"), "IOSFODNN7"],
  ["aws-secret-key", join("wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY"), "K7MDENG"],
  ["tallystick-key", join("tsk", "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"), "abcdefgh"],
  ["jwt", join("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"), "dozjgNry"],
  ["jwt", join("eyJhbGciOiJub25lIn0", ".eyJzdWIiOiIxMjM0In0."), "eyJzdWIi"],
  ["private-key", join("-----BEGIN RSA PRIVATE", ` KEY-----\n${PEM_BODY}\n-----END RSA PRIVATE KEY-----`), "MIIEvQ"],
  ["private-key", join("-----BEGIN PRIVATE", ` KEY-----\n${PEM_BODY}`), "MIIEvQ"],
  ["bearer", "Bearer abcdef-ghijkl", "abcdef-ghijkl"],
  ["bearer", "bearer%20abcdef.ghijkl", "abcdef.ghijkl"],
  ["basic", "Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpw"],
  ["basic", "basic dXNlcjpwYXNz", "dXNlcjpw"],
  ["userinfo", "postgres://admin:hunter2@db.internal:5432/app", "hunter2"],
  ["userinfo", "amqp://user:pass/w0rd@broker/vhost", "w0rd"],
  ["query", "https://api.example/v1?session=hunter2&x=hunter3", "hunter"],
  ["query", "/cb#access_token=hunter2&state=hunter3", "hunter"],
  ["secret", "login failed: password=hunter2", "hunter2"],
  ["secret", '{"user":"a","client_secret":"hunter2 and more"}', "hunter2"],
  ["secret", String.raw`{\"apiKey\":\"hunter2\"}`, "hunter2"],
  ["secret", "X-Api-Key: hunter2", "hunter2"],
  ["secret", "Ocp-Apim-Subscription-Key: hunter2", "hunter2"],
  ["secret", "Cookie: a=hunter2; b=hunter3", "hunter"],
  ["secret", "Server=db;AccountKey=hunter2;", "hunter2"],
];

describe("known secrets", () => {
  const stringFields = FIELDS.filter(
    (field) =>
      ["id", "name", "text", "names"].includes(field.kind) && field.pattern === undefined && field.values === undefined,
  );

  it.each(SECRETS)("%s: %s goes from any text and leaves its kind", (kind, text, gone) => {
    for (const around of [text, `got ${text} here`, `"${text}"`, `(${text})`, `a,${text},b`, `ü ${text}`]) {
      const redacted = redactText(around);
      expect(redacted).not.toContain(gone);
      expect(redacted).toContain(`[redacted:${kind}]`);
    }
  });

  it.each(SECRETS)("%s: %s goes from every string field and attribute", (_kind, text, gone) => {
    for (const { name, kind, maxBytes } of stringFields) {
      if (text.length > maxBytes) continue;
      // Where a field names a credential, an AWS access key id is what it should hold.
      if ((name === "credential_id" || name === "auth_subject") && /^A[KS]IA/.test(text)) continue;
      const outcome = normalised({ ...REQUIRED, [name]: kind === "names" ? [text] : text }, testContext());
      if (outcome.kind !== "ok") throw new Error(`${name}: ${outcome.message}`);
      expect(canonicalJson(outcome.record), name).not.toContain(gone);
    }
    for (const attributes of [
      { a: text },
      { a: [text] },
      { a: { b: { c: text } } },
      { [text]: "a" },
      { "url.full": text },
    ]) {
      const outcome = normalised({ ...REQUIRED, attributes, extra: text }, testContext());
      if (outcome.kind !== "ok") throw new Error(outcome.message);
      expect(canonicalJson(outcome.record)).not.toContain(gone);
      expect(JSON.stringify(outcome.notes)).not.toContain(gone);
    }
  });

  it.each([
    "authorization",
    "http.request.header.authorization",
    "http.request.header.proxy-authorization",
    "http.request.header.cookie",
    "http.response.header.set-cookie",
    "http.request.header.x_api_key",
    "X-API-Key",
    "api-key",
    "x-auth-token",
    "x-amz-security-token",
    "rpc.request.metadata.authorization",
    "password",
    "db.password",
    "DB_PASSWORD",
    "userPassword",
    "passwd",
    "secret",
    "clientSecret",
    "client_secret",
    "token",
    "access_token",
    "refreshToken",
    "private_key",
    "aws_secret_access_key",
    "Ocp-Apim-Subscription-Key",
    "session_id",
    "sessionId",
    "mcp-session-id",
    "ASP.NET_SessionId",
    "JSESSIONID",
    "PHPSESSID",
    "bearer",
    "x-csrf-token",
    "x-xsrf-token",
    "x-access-token",
    "x-session-token",
    "x-goog-api-key",
    "x-functions-key",
    "apikey",
    "access_key",
    "secret_key",
    "signature",
    "x-signature",
    "X-Hub-Signature-256",
  ])("the value of an attribute named %s becomes a fingerprint, at any depth", (name) => {
    const given = { [name]: "hunter2", list: [{ [name]: "hunter2" }], [`copy.${name}`]: ["hunter2", "hunter3"] };
    const outcome = normalised({ ...REQUIRED, attributes: given, [name]: "hunter2" }, testContext());
    if (outcome.kind !== "ok") throw new Error(outcome.message);
    expect(canonicalJson(outcome.record)).not.toContain("hunter");
    expect(outcome.record.attributes?.[name]).toMatch(/^fp:[0-9a-f]{32}$/);
  });

  it("OpenTelemetry's session.id is an identifier and stays", () => {
    const attributes = { "session.id": "00112233", "session.previous_id": "00112232", session: { id: "00112233" } };
    const outcome = normalised({ ...REQUIRED, attributes }, testContext());
    expect(outcome).toMatchObject({ record: { attributes: { ...attributes, session: '{"id":"00112233"}' } } });
  });

  it("names from the configuration count as well", () => {
    const redactNames = new Set(["x-internal", "user.email"]);
    const attributes = { "http.request.header.x_internal": "hunter2", "user.email": "hunter3", email: "kept" };
    const outcome = normalised({ ...REQUIRED, attributes }, testContext({ redactNames }));
    expect(outcome).toMatchObject({
      record: {
        attributes: {
          "http.request.header.x_internal": expect.stringMatching(/^fp:/) as string,
          "user.email": expect.stringMatching(/^fp:/) as string,
          email: "kept",
        },
      },
    });
  });
});

describe("what is no secret stays", () => {
  it.each([
    "GET /orders/{id}",
    "018bcfe5-6800-7000-8000-000000000000",
    "4ea42e7a-4929-4111-8111-111111111111",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "2026-11-25T08:20:43.123456Z",
    "1764058843123456789",
    "20261125082043123",
    "4111111111111112",
    "https://issuer.example/realms/prod",
    "http://user.example:8080/a/b@c",
    "Unexpected token: } in JSON",
    "the bearer token is missing",
    "Basic authentication required",
    "basic information",
    "kafka.message.key: 17",
    "is it true? yes",
    "page?",
    "/api/v1/Customers/Orders/Items/Details42/x",
    "task-management-and-scheduling-service",
    "WHERE id = $1 AND name = ?",
    "alice@example.com",
    "token_type",
    "日本語のテキスト",
  ])("%s", (text) => {
    expect(redactText(text)).toBe(text);
  });

  it("an AWS access key id may name a credential", () => {
    const id = join("AKIA", "IOSFODNN7EXAMPLE");
    const outcome = normalised({ ...REQUIRED, credential_id: id, auth_subject: id, resource: id }, testContext());
    expect(outcome).toMatchObject({
      record: { credential_id: id, auth_subject: id, resource: "[redacted:aws-access-key-id]" },
    });
  });
});

describe("URLs", () => {
  it.each([
    ["/a?b=1&c=2#d", "/a?b=[redacted:query]&c=[redacted:query]#d"],
    ["/a?b=&c&d=", "/a?b=&c&d="],
    ["/a?q=two words&r=3", "/a?q=[redacted:query]&r=[redacted:query]"],
    [`/a?${"x".repeat(41)}`, "/a?[redacted:query]"],
    ["/a;jsessionid=AB/b;v=1?c=2", "/a;jsessionid=[redacted:query]/b;v=[redacted:query]?c=[redacted:query]"],
    ["https://u:p@h:1/x?a=b?c=d", "https://[redacted:userinfo]@h:1/x?a=[redacted:query]?c=[redacted:query]"],
    ["https://token@h/x", "https://[redacted:userinfo]@h/x"],
  ])("%s", (text, redacted) => {
    expect(redact(text, "url")).toBe(redacted);
  });

  it("a query on its own", () => {
    expect(redact("a=1&b=2&flag", "query")).toBe("a=[redacted:query]&b=[redacted:query]&flag");
  });

  it("inside a text, values go and the text around them stays", () => {
    expect(redactText('GET "https://h/x?a=b&c=d" and /y?e=f failed: why?')).toBe(
      'GET "https://h/x?a=[redacted:query]&c=[redacted:query]" and /y?e=[redacted:query] failed: why?',
    );
  });

  it.each(["resource", "url.full", "url.query", "http.target", "http.url", "http.request.header.referer"])(
    "%s is read as one",
    (name) => {
      const value = name === "url.query" ? "a=hunter2 x&b=hunter3" : "/p?a=hunter2 x&b=hunter3";
      const input = name === "resource" ? { resource: value } : { attributes: { [name]: value } };
      const outcome = normalised({ ...REQUIRED, ...input }, testContext());
      if (outcome.kind !== "ok") throw new Error(outcome.message);
      expect(canonicalJson(outcome.record)).not.toContain("hunter");
      expect(canonicalJson(outcome.record)).toContain("a=[redacted:query]");
    },
  );
});

describe("redaction is at rest and takes linear time", () => {
  const modes: readonly RedactionMode[] = ["text", "url", "query", "statement", "identity"];

  it("redacting again changes nothing, in any mode", () => {
    fc.assert(
      fc.property(
        hostileText,
        fc.constantFrom(...modes),
        fc.constantFrom("postgresql", "mysql", "redis", undefined),
        (text, mode, system) => {
          const once = redact(text, mode, system);
          expect(once).not.toBe("[redacted:text]");
          expect(redact(once, mode, system)).toBe(once);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("a plain text is one that redaction leaves alone", () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        if (isPlainText(text))
          for (const mode of ["text", "url", "identity"] as const) expect(redact(text, mode)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  const pieces = [
    "a",
    "1",
    "1 ",
    "4-",
    "?",
    "?a",
    "?a=",
    "&",
    "#",
    ";a=",
    "=",
    "@",
    "://",
    "://a:b",
    "://a:b@",
    " ",
    "'",
    '"',
    "\\",
    "\\'",
    "$",
    "$a$",
    "--",
    "/*",
    "*/",
    "/**/",
    "(1),",
    "q'[",
    "eyJ",
    "eyJa-",
    "eyJ.eyJ.",
    "ghp_",
    "sk-",
    "xoxb-",
    "A/",
    "AKIA",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "bearer ",
    "basic ab",
    "basic ",
    "password",
    'password="',
    "password='",
    "password=\\\\",
    "password=[",
    "cookie: ",
    "cookie:",
    "token:",
    "[redacted:",
    "[redacted:card]",
    "4111 1111 1111 1111 ",
    "Aa0/",
    "secret",
    "key:",
    "é",
    "🙂",
  ];
  it.each(modes)("32 KiB of any repeated piece takes milliseconds, as %s", (mode) => {
    for (const piece of pieces) {
      for (const end of ["", "@", '"', "x", "'"]) {
        const text = piece.repeat(32_768 / piece.length) + end;
        const start = performance.now();
        redact(text, mode);
        // Quadratic time would be seconds; the rest is what a busy machine needs.
        expect(performance.now() - start, JSON.stringify(piece)).toBeLessThan(1_000);
      }
    }
  });
});
