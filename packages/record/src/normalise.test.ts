import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { canonicalJson } from "./canonical-record.ts";
import { FIELDS } from "./fields.ts";
import { LIMITS } from "./limits.ts";
import type { NormaliseContext } from "./normalise.ts";
import {
  ARTICLE_RECORD,
  REQUIRED,
  normalised,
  producerInput,
  testContext,
  testFingerprint,
} from "./record.contract.ts";
import type { AuditRecord } from "./types.ts";
import { utf8Length } from "./utf8.ts";

function accepted(input: unknown, changes: Partial<NormaliseContext> = {}): AuditRecord {
  const outcome = normalised(input, testContext(changes));
  if (outcome.kind !== "ok") throw new Error(outcome.message);
  return outcome.record;
}

function refused(changes: object): { readonly code: string; readonly field: string; readonly message: string } {
  const outcome = normalised({ ...REQUIRED, ...changes }, testContext());
  if (outcome.kind !== "rejected") throw new Error("was accepted");
  return outcome;
}

describe("normalising", () => {
  it("accepts the smallest record there is, six fields, as it stands", () => {
    const outcome = normalised(JSON.parse(ARTICLE_RECORD), testContext());
    expect(outcome).toEqual({
      kind: "ok",
      identified: false,
      notes: [],
      record: {
        ...(JSON.parse(ARTICLE_RECORD) as object),
        id: "018bcfe5-6800-7000-8000-000000000000",
        phase: "outcome",
        side: "caller",
        recorder_id: "service-a",
        attempt: 0,
        operation: "API_CALL",
        protocol: "other",
      },
    });
  });

  it("changes nothing the second time", () => {
    fc.assert(
      fc.property(producerInput, fc.constantFrom("refuse" as const, "cut" as const), (input, oversize) => {
        const first = normalised(input, testContext({ oversize }));
        if (first.kind === "rejected") return;
        const again = normalised(JSON.parse(canonicalJson(first.record)), testContext());
        expect(again).toMatchObject({ kind: "ok", identified: true });
        expect(again.kind === "ok" && canonicalJson(again.record)).toBe(canonicalJson(first.record));
      }),
      { numRuns: 1_500 },
    );
  });

  it("gives a record whose keys stand in canonical order and whose bytes are within the limit", () => {
    fc.assert(
      fc.property(producerInput, (input) => {
        const outcome = normalised(input, testContext());
        if (outcome.kind === "rejected") return;
        const keys = Object.keys(outcome.record);
        expect(keys).toEqual(keys.toSorted());
        expect(utf8Length(canonicalJson(outcome.record))).toBeLessThanOrEqual(LIMITS.canonicalRecordBytes);
      }),
    );
  });

  it("never throws, whatever it is given", () => {
    const names = FIELDS.map((field) => field.name);
    const anyField = fc.oneof(fc.constantFrom(...names, "request_body", "other"), fc.string());
    fc.assert(
      fc.property(
        fc.dictionary(anyField, fc.anything({ withBigInt: true, withDate: true, withMap: true })),
        (changes) => {
          const outcome = normalised({ ...REQUIRED, ...changes }, testContext());
          expect(outcome.kind === "ok" || outcome.message !== "").toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it("does not change its input", () => {
    const input = { ...REQUIRED, attributes: { b: { password: "x" }, a: 1 }, other: [1], auth_scopes: ["a", "a"] };
    const before = JSON.stringify(input);
    normalised(input, testContext());
    expect(JSON.stringify(input)).toBe(before);
  });
});

describe("defaults", () => {
  it.each([
    [{ service: "service-a" }, "caller", "service-a"],
    [{ service: "service-b" }, "callee", "service-b"],
    [{ service: "service-c" }, "observer", "key:service-a"],
    [{ service: null }, "observer", "key:service-a"],
  ])("the side follows from the sender's key %o", (sender, side, recorder) => {
    const record = accepted(JSON.parse(ARTICLE_RECORD), sender);
    expect(record).toMatchObject({ side, recorder_id: recorder });
  });

  it("a record without an id gets one, and counts as not identified", () => {
    expect(normalised({ ...REQUIRED, id: "" }, testContext())).toMatchObject({ identified: false });
    const id = "018BCFE5-6800-7000-8000-000000000001";
    expect(normalised({ ...REQUIRED, id }, testContext())).toMatchObject({
      identified: true,
      record: { id: id.toLowerCase() },
    });
  });

  it("nobody called and no request named: target none, request the record itself, so that a retry is the same record", () => {
    const id = "018bcfe5-6800-7000-8000-000000000001";
    expect(accepted({ ...REQUIRED, id })).toMatchObject({ target_id: "none", request_id: id });
  });

  it("empty values are absent ones", () => {
    const record = accepted({
      ...REQUIRED,
      resource: "",
      auth_scopes: [""],
      attributes: {},
      trace_id: null,
      host: undefined,
    });
    for (const name of ["resource", "auth_scopes", "attributes", "trace_id", "host"])
      expect(record).not.toHaveProperty(name);
    expect(accepted({ ...REQUIRED, attributes: { empty: "" } }).attributes).toEqual({ empty: "" });
  });
});

describe("a fault is named with its field, what was wrong and what is allowed", () => {
  it.each([
    ["not_an_object", normalised([], testContext())],
    ["not_an_object", normalised(null, testContext())],
    ["not_an_object", normalised("{}", testContext())],
  ])("%s", (code, outcome) => {
    expect(outcome).toMatchObject({ kind: "rejected", code });
  });

  it.each(["timestamp", "event_type", "service_id", "status"])("missing %s", (field) => {
    expect(refused({ [field]: undefined })).toMatchObject({ code: "missing_field", field });
  });

  it.each<[string, string, unknown, string]>([
    ["unknown_value", "status", "ok", "success, error, denied, timeout, unknown"],
    ["unknown_value", "data_categories", ["pii", "dna"], "pii, phi, pci, secret"],
    ["invalid_value", "status", 200, "success, error"],
    ["invalid_value", "event_type", "api_call", "capitals"],
    ["invalid_value", "id", "018BCFE5", "upper case is folded"],
    ["invalid_value", "trace_id", "4bf9", "32 lower-case hex digits"],
    ["invalid_value", "request_digest", "sha256:zz", "64 lower-case hex digits"],
    ["invalid_value", "service_id", 7, "a string"],
    ["invalid_value", "status_code", 1.5, "a string or an integer"],
    ["invalid_value", "duration_us", 1.5, "an integer from 0"],
    ["invalid_value", "duration_us", "1e3", "an integer from 0"],
    ["invalid_value", "auth_scopes", [1], "an array of strings"],
    ["invalid_value", "attributes", [], "an object"],
    ["invalid_value", "timestamp", "2026-02-30T00:00:00Z", "calendar"],
    ["invalid_value", "timestamp", "2026-11-25T08:20:43", "offset"],
    ["time_out_of_range", "timestamp", "1969-12-31T23:59:59Z", "1970"],
    ["integer_out_of_range", "duration_us", 9_007_199_254_740_992, "9007199254740991"],
    ["integer_out_of_range", "attempt", -1, "0 to"],
    ["integer_out_of_range", "producer_seq", "9007199254740993", "9007199254740991"],
    ["integer_out_of_range", "peer_port", 65_536, "0 to 65535"],
    ["too_long", "service_id", "s".repeat(257), "256"],
    ["too_long", "service_id", "é".repeat(129), "256"],
    ["too_many", "subject_refs", Array.from({ length: 65 }, (_, index) => String(index)), "64"],
    ["lone_surrogate", "operation", "a\ud800b", "well-formed"],
    ["bodies_not_enabled", "request_body", "x", "leave it out"],
    ["bodies_not_enabled", "response_body", null, "leave it out"],
  ])("%s in %s", (code, field, value, allowed) => {
    const refusal = refused({ [field]: value });
    expect(refusal).toMatchObject({ code, field });
    expect(refusal.message).toContain(allowed);
    expect(refusal.message).toContain(field);
  });

  it.each<[string, unknown, string]>([
    ["lone_surrogate", { a: "\udc00" }, "attributes.a"],
    ["lone_surrogate", { "\ud800": "a" }, "attributes"],
    ["lone_surrogate", { a: { b: "\udc00" } }, "attributes.a"],
    ["lone_surrogate", { password: "\udc00" }, "attributes.password"],
    ["integer_out_of_range", { a: 2 ** 53 }, "attributes.a"],
    ["integer_out_of_range", { a: { b: [-(2 ** 60)] } }, "attributes.a"],
    ["too_long", { a: "x".repeat(32_769) }, "attributes.a"],
    ["too_long", { a: ["x".repeat(32_769)] }, "attributes.a"],
    ["too_long", { ["n".repeat(257)]: 1 }, "attributes"],
    ["too_many", Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`a${index}`, 1])), "attributes"],
    ["invalid_value", { "": 1 }, "attributes"],
    ["bodies_not_enabled", { request_body: "x" }, "attributes.request_body"],
    ["bodies_not_enabled", { response_body: { a: 1 } }, "attributes.response_body"],
    ["bodies_not_enabled", { "tallystick.request_body": "x" }, "attributes.tallystick.request_body"],
    ["invalid_value", { a: () => 1 }, "attributes.a"],
  ])("%s in an attribute", (code, attributes, field) => {
    expect(refused({ attributes })).toMatchObject({ code, field });
  });

  it("shows an integer as it was sent or not at all, never rounded", () => {
    const rounded = Number("9007199254740993");
    for (const changes of [{ duration_us: rounded }, { attributes: { a: rounded } }, { status_code: rounded }]) {
      const { message } = refused(changes);
      expect(message).not.toContain("9007199254740992");
      expect(message).toContain("above 9007199254740991");
    }
    expect(refused({ duration_us: "9007199254740993" }).message).toContain('"9007199254740993"');
  });

  it("takes the largest port there is", () => {
    expect(accepted({ ...REQUIRED, peer_port: 65_535 }).peer_port).toBe(65_535);
  });

  it("never shows a secret", () => {
    expect(refused({ status: "ghp_abcdefghijklmnopqrstuvwxyz0123456789" }).message).not.toContain("abcdefgh");
    expect(refused({ status: `password=${"x".repeat(300)}` }).message).not.toContain("xxx");
  });

  it("a record above the limit is refused with its size", () => {
    const attributes = Object.fromEntries(["a", "b", "c"].map((name) => [name, "x".repeat(25_000)]));
    const refusal = refused({ attributes });
    expect(refusal).toMatchObject({ code: "record_too_large" });
    expect(refusal.message).toMatch(/75\d{3} bytes.*61440/);
  });

  it("counts the limit in bytes of canonical JSON, to the byte", () => {
    const frame = utf8Length(canonicalJson(accepted({ ...REQUIRED, attributes: { a: "", b: "" } })));
    const room = LIMITS.canonicalRecordBytes - frame - 32_000;
    const fits = { a: "x".repeat(32_000), b: "x".repeat(room) };
    expect(utf8Length(canonicalJson(accepted({ ...REQUIRED, attributes: fits })))).toBe(LIMITS.canonicalRecordBytes);
    expect(refused({ attributes: { ...fits, b: `${fits.b}x` } }).code).toBe("record_too_large");
    expect(refused({ attributes: { a: "\u0001".repeat(12_000) } }).code).toBe("record_too_large");
  });
});

describe("values take their normal form", () => {
  it("times with any offset become UTC and the fewest of 0, 3 or 6 digits", () => {
    expect(accepted({ ...REQUIRED, timestamp: "2026-11-25T10:20:43.123000999+02:00" }).timestamp).toBe(
      "2026-11-25T08:20:43.123Z",
    );
  });

  it("a leap second is the microsecond before it, with a note", () => {
    expect(normalised({ ...REQUIRED, timestamp: "2016-12-31T23:59:60Z" }, testContext())).toMatchObject({
      record: { timestamp: "2016-12-31T23:59:59.999999Z" },
      notes: [{ code: "leap_second", field: "timestamp" }],
    });
  });

  it.each([
    ["9999-12-31T23:59:59Z", "2255-06-05T23:47:34.740991Z"],
    ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"],
  ])("a credential's far-off expiry %s is kept as the nearest time", (given, kept) => {
    expect(normalised({ ...REQUIRED, auth_expires_at: given }, testContext())).toMatchObject({
      record: { auth_expires_at: kept },
      notes: [{ code: "clamped_value", field: "auth_expires_at" }],
    });
  });

  it("numbers: status_code from an integer, integers from decimal strings, no minus zero", () => {
    const record = accepted({ ...REQUIRED, status_code: 404, attempt: "2", duration_us: -0 });
    expect(record).toMatchObject({ status_code: "404", attempt: 2 });
    expect(Object.is(record.duration_us, 0)).toBe(true);
  });

  it("hex in capitals becomes lower case; an all-zero trace id is none", () => {
    const trace_id = "4BF92F3577B34DA6A3CE929D0E0E4736";
    expect(accepted({ ...REQUIRED, trace_id }).trace_id).toBe(trace_id.toLowerCase());
    const outcome = normalised({ ...REQUIRED, span_id: "0".repeat(16) }, testContext());
    expect(outcome).toMatchObject({ kind: "ok", notes: [{ code: "ignored_value", field: "span_id" }] });
    expect(outcome.kind === "ok" && outcome.record).not.toHaveProperty("span_id");
  });

  it("arrays keep their order and lose repetitions; one string is an array of one", () => {
    expect(accepted({ ...REQUIRED, auth_scopes: ["b", "a", "b", ""] }).auth_scopes).toEqual(["b", "a"]);
    expect(accepted({ ...REQUIRED, data_categories: "pii" }).data_categories).toEqual(["pii"]);
  });

  it("control characters stay, escaped in JSON", () => {
    const record = accepted({ ...REQUIRED, error_message: "a\0b\u001b[31m\n" });
    expect(record.error_message).toBe("a\0b\u001b[31m\n");
    expect(canonicalJson(record)).toContain(String.raw`"a\u0000b\u001b[31m\n"`);
  });
});

describe("attributes", () => {
  it("fields that a record does not have move into attributes, with a note", () => {
    const outcome = normalised(
      { ...REQUIRED, color: "red", depth: 3, nested: { b: [1, null], a: true }, none: null },
      testContext(),
    );
    expect(outcome).toMatchObject({
      record: { attributes: { color: "red", depth: "3", nested: '{"a":true,"b":[1,null]}' } },
      notes: [
        {
          code: "unknown_field",
          field: "color",
          message: expect.stringContaining('"color", "depth", "nested"') as string,
        },
      ],
    });
  });

  it("an attribute of the same name is not overwritten", () => {
    expect(accepted({ ...REQUIRED, color: "red", attributes: { color: "blue" } }).attributes).toEqual({
      color: "blue",
      "field.color": "red",
    });
  });

  it("names with a meaning in JavaScript are names like any other", () => {
    const input = JSON.parse(
      '{"timestamp":"2026-11-25T08:20:43Z","event_type":"API_CALL","service_id":"a","status":"error","__proto__":{"admin":true},"constructor":"c","attributes":{"__proto__":"p","toString":"t"}}',
    ) as unknown;
    const record = accepted(input);
    expect(canonicalJson(record)).toContain(
      '"attributes":{"__proto__":"p","constructor":"c","field.__proto__":"{\\"admin\\":true}","toString":"t"}',
    );
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(Object.getPrototypeOf(record.attributes)).toBe(Object.prototype);
  });

  it("nesting is bounded, however deep the bomb", () => {
    const bomb = JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) as unknown;
    expect(refused({ attributes: { bomb } })).toMatchObject({ code: "too_deep", field: "attributes.bomb" });
    expect(refused({ bomb }).code).toBe("too_deep");
    const deepest = JSON.parse("[".repeat(LIMITS.attributeDepth) + "]".repeat(LIMITS.attributeDepth)) as unknown;
    expect(accepted({ ...REQUIRED, attributes: { deepest } }).attributes?.["deepest"]).toHaveLength(
      LIMITS.attributeDepth * 2,
    );
  });
});

describe("cutting to size", () => {
  const cut = { oversize: "cut" } as const;

  it("shortens the longest attribute values until the record fits, and names them with their sizes", () => {
    const attributes = { small: "s", stack: "é".repeat(16_000), body: "x".repeat(40_000), note: "y".repeat(9_000) };
    const outcome = normalised({ ...REQUIRED, attributes }, testContext(cut));
    if (outcome.kind !== "ok") throw new Error(outcome.message);
    const kept = outcome.record.attributes!;
    expect(utf8Length(canonicalJson(outcome.record))).toBeLessThanOrEqual(LIMITS.canonicalRecordBytes);
    expect(kept).toMatchObject({ small: "s", note: attributes.note });
    expect(attributes.body.startsWith(kept["body"]!)).toBe(true);
    expect(JSON.parse(kept["tallystick.truncated"]!)).toMatchObject({ body: 40_000 });
    expect(outcome.notes.map((note) => note.code)).toEqual(["truncated"]);
  });

  it("leaves a record that fits alone", () => {
    expect(accepted({ ...REQUIRED, attributes: { a: "b" } }, cut)).toEqual(
      accepted({ ...REQUIRED, attributes: { a: "b" } }),
    );
  });

  it("cuts free text, never an identifier", () => {
    expect(accepted({ ...REQUIRED, error_message: "é".repeat(10_000) }, cut).error_message).toBe("é".repeat(8_192));
    expect(normalised({ ...REQUIRED, request_id: "r".repeat(300) }, testContext(cut))).toMatchObject({
      code: "too_long",
    });
  });

  it("leaves no part of a secret that lay across the cut", () => {
    const text = `${"x".repeat(16_370)} ghp_abcdefghijklmnopqrstuvwxyz0123456789`;
    expect(accepted({ ...REQUIRED, error_message: text }, cut).error_message).not.toContain("ghp_");
  });
});

describe("the caller's credential", () => {
  it.each<[string, unknown, string | undefined]>([
    ["http.request.header.authorization", ["Bearer s3cret-token"], testFingerprint("s3cret-token")],
    ["http.request.header.authorization", '["Bearer s3cret-token"]', testFingerprint("s3cret-token")],
    ["Authorization", "bearer s3cret-token", testFingerprint("s3cret-token")],
    ["http.request.header.x_api_key", "s3cret-token", testFingerprint("s3cret-token")],
    ["X-Api-Key", "s3cret-token", testFingerprint("s3cret-token")],
    [
      "authorization",
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261125/eu/s3/aws4_request, Signature=ab",
      "AKIAIOSFODNN7EXAMPLE",
    ],
    ["authorization", 'Digest username="u", response="r"', undefined],
    ["http.response.header.authorization", "s3cret-token", undefined],
    ["proxy-authorization", "Basic s3cret-token", undefined],
    ["cookie", "session=s3cret-token", undefined],
  ])("%s: %s", (name, value, credential) => {
    const record = accepted({ ...REQUIRED, attributes: { [name]: value } });
    expect(record.credential_id).toBe(credential);
    expect(record.attributes?.[name]).toMatch(/^fp:[0-9a-f]{32}$/);
    expect(canonicalJson(record)).not.toContain("s3cret");
  });

  it("does not replace a credential_id that the producer sent, unless that is a secret itself", () => {
    const attributes = { authorization: "Bearer abc" };
    expect(accepted({ ...REQUIRED, credential_id: "kid-7", attributes }).credential_id).toBe("kid-7");
    expect(accepted({ ...REQUIRED, credential_id: "AKIAIOSFODNN7EXAMPLE" }).credential_id).toBe("AKIAIOSFODNN7EXAMPLE");
    const secret = "ghp_abcdefghijklmnopqrstuvwxyz0123456789";
    expect(accepted({ ...REQUIRED, credential_id: secret }).credential_id).toBe(testFingerprint(secret));
  });
});
