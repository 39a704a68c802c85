import type { Binding } from "../access/access.ts";
import type { PreparedRecords } from "../journal/journal.ts";
import type { NewBody } from "../payload/body-tasks.ts";
import type { SignedRequest } from "./signed-batch.ts";

/** What the `normalise` task gets: one request body as it came off the wire (still compressed), and who sent it. */
export interface IntakeRequest {
  readonly body: Uint8Array;
  readonly format:
    | "json"
    | "ndjson"
    | "xml"
    | "otlp-traces-protobuf"
    | "otlp-traces-json"
    | "otlp-logs-protobuf"
    | "otlp-logs-json";
  readonly encoding: "identity" | "gzip" | "zstd" | "deflate";
  readonly sender: Binding & { readonly principal: string };
  /** Batches without ids of their own: ids are derived from it and the line. */
  readonly idempotencyKey: string | null;
  /** Absent when the batch came unsigned. */
  readonly signed?: SignedRequest;
  readonly nowUs: number;
  /** 32 bytes: HMAC key for fingerprints of redacted values. */
  readonly redactionKey: Uint8Array;
  readonly settings: IntakeSettings;
  /** JSON of RoutedLog[]; absent when there are none, or the sender writes into one log whatever he sends. */
  readonly routes?: string;
}

export interface IntakeSettings {
  readonly maxDecompressedBytes: number;
  readonly maxRecords: number;
  /** Names (lower case) whose values are fingerprinted, beside the built-in ones. */
  readonly redactNames: readonly string[];
  readonly otlpInternal: "drop" | "keep";
  /** JSON of AmendSettings: what is done to bodies, and the rules of classes. */
  readonly amendments: string;
}

/** A body that a prepared record brings. */
export interface PreparedBody extends NewBody {
  /** Place of the record in the batch. */
  readonly record: number;
  /** Where in the batch's bytes its commitment belongs, 64 hexadecimal digits. */
  readonly at: number;
}

export interface LineNote {
  /** 1-based position of the record in the request; for OTLP the span's or log record's. */
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

/** Records of one request that go to one log, as if they had come alone. */
export interface LogPart {
  /** Null: the sender's own. */
  readonly log: string | null;
  readonly records: PreparedRecords;
  /** Line of each record. */
  readonly lines: Uint32Array;
  /** To be stored before the records are; then their commitments are written into them (`commit.ts`). */
  readonly bodies: readonly PreparedBody[];
}

/** Records that speak for a service whose name the sender may not use. */
export interface Claim {
  readonly name: string;
  readonly count: number;
  /** Of the first of them. */
  readonly line: number;
}

export type IntakeResult =
  | {
      readonly kind: "prepared";
      /** Those that go to the sender's own log. */
      readonly records: PreparedRecords;
      readonly lines: LogPart["lines"];
      readonly bodies: LogPart["bodies"];
      /** Those that are routed to other logs; none is empty. */
      readonly routed: readonly LogPart[];
      readonly rejected: readonly LineNote[];
      readonly notes: readonly LineNote[];
      /** By name; beyond MAX_CLAIMED_NAMES the rest is counted under the last. */
      readonly claims: readonly Claim[];
      /** OTLP INTERNAL spans left out. */
      readonly leftOut: number;
      /** `timestamp` of a signed batch's last record. */
      readonly signedAt?: string;
    }
  /** The request as a whole cannot be taken. */
  | {
      readonly kind: "refused";
      readonly code:
        | "malformed_body"
        | "body_too_large"
        | "too_many_records"
        | "unsupported_encoding"
        | "signature_invalid";
      readonly message: string;
    };
