import { expect, test } from "vitest";

import { encodeExportResponse, encodeStatus, partialSuccess } from "./response.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("all taken: partial_success stays unset", () => {
  expect(hex(encodeExportResponse("traces", "protobuf", null))).toBe("");
  expect(text(encodeExportResponse("logs", "json", null))).toBe("{}");
});

test("some rejected: their number and why, in both encodings", () => {
  const partial = { rejected: 300, message: "no" };
  // partial_success = 1 { rejected = 1: varint 300, error_message = 2: "no" }
  expect(hex(encodeExportResponse("traces", "protobuf", partial))).toBe("0a0708ac0212026e6f");
  expect(JSON.parse(text(encodeExportResponse("traces", "json", partial)))).toEqual({
    partialSuccess: { rejectedSpans: "300", errorMessage: "no" },
  });
  expect(JSON.parse(text(encodeExportResponse("logs", "json", partial)))).toEqual({
    partialSuccess: { rejectedLogRecords: "300", errorMessage: "no" },
  });
});

test("errors are a google.rpc.Status", () => {
  expect(hex(encodeStatus("protobuf", 3, "bad"))).toBe("08031203626164");
  expect(JSON.parse(text(encodeStatus("json", 14, "later")))).toEqual({ code: 14, message: "later" });
});

test("a partial success names the first few and counts the rest", () => {
  const records = {
    count: 0,
    bytes: new Uint8Array(),
    offsets: new Uint32Array(1),
    digests: new Uint8Array(),
    identities: new Uint8Array(),
    identified: new Uint8Array(),
    standings: new Uint8Array(),
  };
  const rejected = Array.from({ length: 7 }, (_, at) => ({
    line: at + 1,
    code: "missing_field",
    message: "no start time",
  }));
  const result = {
    kind: "prepared",
    records,
    lines: new Uint32Array(),
    rejected,
    notes: [],
    claims: [],
    leftOut: 0,
    bodies: [],
    routed: [],
  } as const;
  const partial = partialSuccess("traces", result);
  expect(partial?.rejected).toBe(7);
  expect(partial?.message).toMatch(/^span 1: no start time \(missing_field\); .*; and 2 more$/);
  expect(partialSuccess("logs", { ...result, rejected: [] })).toBeNull();
});
