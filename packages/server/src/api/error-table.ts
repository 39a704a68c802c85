import type { ErrorCode } from "../errors.ts";

export interface ErrorEntry {
  readonly status: number;
  /** The same for every problem of this code (RFC 9457 §3.1.3). */
  readonly title: string;
  /** What the reader can do about it, when the error itself does not say. */
  readonly hint: string;
  /** When it happens; for the documentation. */
  readonly says: string;
}

const entry = (status: number, title: string, hint: string, says: string): ErrorEntry => ({
  status,
  title,
  hint,
  says,
});

/** The only place where an error code meets an HTTP status. docs/errors is generated from it. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorEntry>> = {
  bad_request: entry(
    400,
    "The request is not valid",
    "Compare it with /api/openapi.json.",
    "A parameter, header or field is missing, unknown or out of its bounds; `detail` names it.",
  ),
  query_syntax: entry(
    400,
    "The query cannot be read",
    "Quote values with spaces or colons; docs/guides/query-language.md shows the language.",
    "The search query has a fault at the column in `at`.",
  ),
  query_too_large: entry(
    400,
    "The query is too large",
    "Split it, or use fewer terms and wildcards.",
    "The query is longer or deeper than its bounds.",
  ),
  cursor_invalid: entry(
    400,
    "The cursor is not valid",
    "Start again without a cursor.",
    "The cursor was changed, belongs to another query, or comes from another server.",
  ),
  position_gone: entry(
    410,
    "The position is no longer kept",
    "Start the tail again without Last-Event-ID; search finds what lies between.",
    "A live tail was resumed from a place that is no longer kept.",
  ),
  unauthenticated: entry(
    401,
    "Authentication is needed",
    "Send `Authorization: Bearer TOKEN`; `tallystick login-link` opens the dashboard.",
    "No credentials were sent, or they open nothing: unknown, mistyped or revoked.",
  ),
  certificate_required: entry(
    401,
    "A client certificate is needed",
    "Connect with a client certificate of an authority in `tls.client_ca`, as curl does with --cert and --key.",
    "The path or the log is named in `tls.client_required`, and the connection has no client certificate.",
  ),
  certificate_refused: entry(
    401,
    "The client certificate is not accepted",
    "Use a certificate that an authority in `tls.client_ca` issued for clients and that is within its time, or none.",
    "The client showed a certificate that does not check; other credentials do not make up for it.",
  ),
  connection_stale: entry(
    503,
    "Connect again",
    "Send the same request again over a new connection.",
    "The connection's client certificate was checked against authorities that have been replaced since.",
  ),
  issuer_unavailable: entry(
    503,
    "Nobody can say now whether the token holds",
    "Send the same request again after the seconds in Retry-After; see the server's log for what its issuer answered.",
    "A JWT of a known issuer came, and the issuer's keys could not be read yet or for a day.",
  ),
  impersonation: entry(
    403,
    "The sender may not speak for that service",
    "Send each service's records with its own credentials, bind the sender to the service, or send `side: observer` where it speaks as itself.",
    "A record speaks for a service that its sender is not bound to, and `access.impersonation` says refuse. Nothing was stored.",
  ),
  blocked: entry(
    403,
    "The credential is blocked",
    "Ask whoever runs this log; `tallystick respond list` says why, and `tallystick respond undo` ends it.",
    "A response blocks the credential that records were sent with. Nothing was stored.",
  ),
  forbidden: entry(
    403,
    "Not permitted",
    "Use a key whose role permits it; producers write, readers read, the administrator manages.",
    "The credentials are known, and their role does not permit this.",
  ),
  not_found: entry(
    404,
    "Not found",
    "Look at /api/openapi.json for the paths there are.",
    "There is no such path, tree, tile, record or key.",
  ),
  method_not_allowed: entry(
    405,
    "Method not allowed",
    "Use one of the methods in the Allow header.",
    "The path exists and does not take this method.",
  ),
  request_timeout: entry(
    408,
    "The request took too long to arrive",
    "Send the whole request at once; `http.request_timeout_s` sets the time.",
    "The request did not arrive whole in time, and the connection was closed.",
  ),
  expectation_failed: entry(
    417,
    "The expectation cannot be met",
    "Leave the Expect header out, or send 100-continue.",
    "The Expect header asks for something other than 100-continue.",
  ),
  headers_too_large: entry(
    431,
    "The headers are too large",
    "Send fewer and shorter headers; together with the URL they are at most 64 KiB.",
    "The request's line and headers are above the limit.",
  ),
  body_too_large: entry(
    413,
    "The body is too large",
    "Send smaller batches; a body is at most 20 MiB before and after decompression.",
    "The request body is above the limit. Nothing of it was stored.",
  ),
  too_many_records: entry(
    413,
    "Too many records",
    "Send at most 10,000 records in one request.",
    "The request holds more records than the limit. Nothing of it was stored.",
  ),
  unsupported_media_type: entry(
    415,
    "Content type not supported",
    "Use one of the content types that the answer's Accept-Post header lists.",
    "The Content-Type header names a format that this path does not take.",
  ),
  unsupported_encoding: entry(
    415,
    "Content encoding not supported",
    "Send gzip or zstd, or no Content-Encoding.",
    "The Content-Encoding header names an encoding that this path does not take.",
  ),
  malformed_body: entry(
    400,
    "The body cannot be read",
    "Check the body's syntax and that Content-Type and Content-Encoding say what it is.",
    "The body as a whole is not what its headers say. Nothing of it was stored.",
  ),
  signature_invalid: entry(
    400,
    "The batch's signature is wrong",
    "Sign what docs/formats/batch-signature.md says, with a batch key that is not revoked; nothing was stored.",
    "Tallystick-Signature does not fit the records, its key, or its own form. The attempt is recorded.",
  ),
  rate_limited: entry(
    429,
    "Too many requests",
    "Wait for the seconds in Retry-After.",
    "A key or an address has used up its allowance. Nothing of the request was stored.",
  ),
  journal_unavailable: entry(
    503,
    "Records cannot be stored now",
    "Send the same request again after the seconds in Retry-After; with ids or an Idempotency-Key nothing is stored twice.",
    "The journal cannot make records durable now, or too much is waiting. Nothing of the request was stored.",
  ),
  journal_full: entry(
    503,
    "The disk is full",
    "Free space on the data folder's disk; the server goes on by itself.",
    "There is no space for new records. Reading goes on.",
  ),
  shutting_down: entry(
    503,
    "The server is shutting down",
    "Send the same request again after the seconds in Retry-After.",
    "The server ends and takes nothing new.",
  ),
  not_published: entry(
    409,
    "Not published yet",
    "Ask again in a second, or send records with ?wait=published.",
    "No signed checkpoint covers the record yet, so there is no proof of it.",
  ),
  index_unavailable: entry(
    503,
    "The index does not answer now",
    "Ask again after the seconds in Retry-After; intake goes on and nothing is lost.",
    "The search index is starting, being rebuilt or being restarted.",
  ),
  query_timeout: entry(
    504,
    "The query took too long",
    "Narrow the time range or the query.",
    "The query reached its time limit before it had an answer.",
  ),
  query_limit: entry(
    422,
    "The query needs too much",
    "Narrow the time range or the query.",
    "The query reached its limit of memory or rows.",
  ),
  folder_locked: entry(
    503,
    "The data folder is in use",
    "Stop the other process, or name another folder.",
    "Another Tallystick process works on the data folder.",
  ),
  folder_format: entry(
    500,
    "The data folder cannot be used",
    "Use the version of Tallystick that wrote it, or restore it from a copy.",
    "The data folder has a newer format or is damaged.",
  ),
  config_invalid: entry(
    500,
    "The configuration is not valid",
    "Correct the place that `detail` names; docs/reference/configuration.md describes every key.",
    "The configuration has a fault. Seen at start only.",
  ),
  key_unavailable: entry(
    503,
    "A key cannot be read",
    "Put the KMS key back that the folder was made with.",
    "A data key cannot be unwrapped: the KMS key is missing or another.",
  ),
  kms_unreachable: entry(
    503,
    "The key management does not answer",
    "Retry after the time in Retry-After; look at the KMS or HSM, and at `kms` in the configuration.",
    "Something needs a key that is not unlocked yet, and the KMS does not answer. What is unlocked goes on.",
  ),
  journal_corrupt: entry(
    500,
    "The journal is damaged",
    "Run `tallystick verify` on the folder and restore it from a copy.",
    "A journal file does not check. The server stops rather than go on.",
  ),
  backup_damaged: entry(
    500,
    "The backup is damaged",
    "Use another backup; make backups to more than one place.",
    "A file of a backup is missing or is not what was backed up. Nothing was restored.",
  ),
  payload_damaged: entry(
    500,
    "A body cannot be read",
    "Run `tallystick fsck` on the folder and restore the file from a copy.",
    "A payload file does not open, or a body does not give the commitment that its record names.",
  ),
  payload_erased: entry(
    410,
    "The body was erased",
    "The ERASURE record that `detail` names says who erased it, when and why.",
    "A body that was kept was erased; its record, its commitment and every proof remain.",
  ),
  ledger_rollback: entry(
    500,
    "The ledger went back",
    "Restore the newest copy of the data folder; somebody or something put an older one in its place.",
    "The head store knows a newer state than the data folder holds.",
  ),
  ledger_mismatch: entry(
    500,
    "The ledger does not fit the journal",
    "Run `tallystick verify` on the folder and restore it from a copy.",
    "A tree rebuilt from the journal does not have the root that was signed.",
  ),
  disk_failed: entry(
    503,
    "The disk failed",
    "Look at the server's log and the machine's disk.",
    "Reading or writing a file failed.",
  ),
  name_taken: entry(409, "The name is taken", "Choose another name.", "Something with this name exists already."),
  held: entry(
    409,
    "A hold keeps it",
    "Release the hold first, if it may be.",
    "What should be erased or deleted is kept by a legal hold; `detail` names it.",
  ),
  not_pending: entry(
    409,
    "It waits for nobody",
    "Look at its state with `tallystick approvals`, and propose it anew when it is still wanted.",
    "A proposal was decided, carried out or left to expire already.",
  ),
  provider_unreachable: entry(
    503,
    "The identity provider does not answer",
    "Look at `oidc.issuer` in the configuration and at the provider; `tallystick login-link` lets in meanwhile.",
    "A login needs the OpenID Connect provider, which cannot be reached or is none.",
  ),
  access_unrecorded: entry(
    503,
    "The read cannot be recorded",
    "Free space for the data folder; what was reserved for records of access is used up.",
    "Every read is recorded before it is answered, and the journal does not take the record.",
  ),
  internal: entry(
    500,
    "An error of Tallystick's own",
    "Report it with the request's id and the server's log.",
    "Something went wrong that should not; the server's log has it under the request's id.",
  ),
};
