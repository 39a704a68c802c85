import { isUtf8 } from "node:buffer";

import type { Task } from "../compute/compute.ts";
import { isSignatureOf } from "../control/batch-secret.ts";
import { Batch } from "./batch.ts";
import { decompress } from "./decompress.ts";
import type { IntakeRequest, IntakeResult } from "./intake.ts";
import { decodeLogsJson, decodeTracesJson } from "./otlp/json.ts";
import { readLogs, readTraces } from "./otlp/otlp.ts";
import { decodeLogs, decodeTraces } from "./otlp/protobuf.ts";
import { readJson } from "./records/json.ts";
import { readNdjson } from "./records/ndjson.ts";
import { readXml } from "./records/xml.ts";
import { malformed, type Refused } from "./refused.ts";

/**
 * One request body to canonical records: decompressed and parsed within the limits of its settings, each record
 * normalised, redacted, written and hashed. Never throws for what a body holds: a record that cannot be taken is in
 * `rejected` under its line, its neighbours are not touched, and a body of which nothing can be read is `refused`.
 */
export const normaliseTask: Task<IntakeRequest, IntakeResult> = {
  name: "normalise",
  async run(request) {
    const { signed } = request;
    if (signed !== undefined && !isSignatureOf(signed, signed.key)) return { output: NOT_SIGNED, transfer: [] };
    const body = await decompress(request.body, request.encoding, request.settings.maxDecompressedBytes);
    const output = body.kind === "refused" ? body : read(withoutMark(body.bytes), request);
    return { output, transfer: output.kind === "prepared" ? buffersOf(output) : [] };
  },
};

const NOT_SIGNED: Refused = {
  kind: "refused",
  code: "signature_invalid",
  message: "the signature is not one of this key over this claim",
};

function read(body: Uint8Array, request: IntakeRequest): IntakeResult {
  const batch = new Batch(request, body.byteLength);
  switch (request.format) {
    case "ndjson":
      return readNdjson(body, request.settings.maxRecords, batch) ?? batch.finish();
    case "json":
      return readText(body, (text) => readJson(text, request.settings.maxRecords, batch)) ?? batch.finish();
    case "xml":
      return readText(body, (text) => readXml(text, request.settings.maxRecords, batch)) ?? batch.finish();
    case "otlp-traces-protobuf":
      return readTraces(decodeTraces(body), request, batch);
    case "otlp-traces-json":
      return readTraces(decodeTracesJson(utf8(body)), request, batch);
    case "otlp-logs-protobuf":
      return readLogs(decodeLogs(body), request, batch);
    case "otlp-logs-json":
      return readLogs(decodeLogsJson(utf8(body)), request, batch);
  }
}

function readText(body: Uint8Array, take: (text: string) => Refused | null): Refused | null {
  return isUtf8(body) ? take(utf8(body)) : malformed("the body is not UTF-8");
}

/**
 * OTLP's text may hold broken UTF-8, as its protobuf strings may: each broken piece becomes U+FFFD and the record is
 * kept.
 */
const utf8 = (body: Uint8Array): string => Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");

/**
 * A byte order mark says nothing about UTF-8. In protobuf the same bytes would be a field of an impossible wire type.
 */
function withoutMark(body: Uint8Array): Uint8Array {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body;
}

function buffersOf(result: Extract<IntakeResult, { readonly kind: "prepared" }>): readonly ArrayBuffer[] {
  const views = [result, ...result.routed].flatMap(({ records, lines, bodies }) => {
    const { bytes, offsets, digests, identities, identified, standings } = records;
    return [bytes, offsets, digests, identities, identified, standings, lines, ...bodies.map((body) => body.bytes)];
  });
  return views.map((view) => view.buffer).filter((buffer): buffer is ArrayBuffer => buffer instanceof ArrayBuffer);
}
