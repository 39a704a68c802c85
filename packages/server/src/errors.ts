/**
 * Operating errors. One class, one frozen list of codes; `api/` alone turns a code into an HTTP status. A message
 * says what happened, to what, and what to do; it never holds a payload or a secret. Broken invariants are `assert`,
 * not these.
 */

export const ERROR_CODES = [
  "bad_request",
  "query_syntax",
  "query_too_large",
  "cursor_invalid",
  "position_gone",
  "unauthenticated",
  "certificate_required",
  "certificate_refused",
  "connection_stale",
  "issuer_unavailable",
  "impersonation",
  "blocked",
  "forbidden",
  "not_found",
  "method_not_allowed",
  "request_timeout",
  "expectation_failed",
  "headers_too_large",
  "body_too_large",
  "too_many_records",
  "unsupported_media_type",
  "unsupported_encoding",
  "malformed_body",
  "signature_invalid",
  "rate_limited",
  "journal_unavailable",
  "journal_full",
  "shutting_down",
  "not_published",
  "index_unavailable",
  "query_timeout",
  "query_limit",
  "folder_locked",
  "folder_format",
  "config_invalid",
  "key_unavailable",
  "kms_unreachable",
  "journal_corrupt",
  "payload_damaged",
  "backup_damaged",
  "payload_erased",
  "ledger_rollback",
  "ledger_mismatch",
  "disk_failed",
  "name_taken",
  "not_pending",
  "held",
  "access_unrecorded",
  "provider_unreachable",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorDetail {
  /** What the reader can do about it; one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** The process must stop; a restart recovers or refuses loudly. */
  readonly fatal?: boolean;
  /** Seconds after which a retry makes sense. */
  readonly retryAfterS?: number;
  /** Where: file, offset, line, column, tree, index … */
  readonly at?: Readonly<Record<string, string | number>>;
}

export class TallystickError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly fatal: boolean;
  readonly retryAfterS: number | undefined;
  readonly at: Readonly<Record<string, string | number>>;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = "TallystickError";
    this.code = code;
    this.hint = detail.hint;
    this.fatal = detail.fatal ?? false;
    this.retryAfterS = detail.retryAfterS;
    this.at = detail.at ?? {};
  }
}

export function isTallystickError(value: unknown, code?: ErrorCode): value is TallystickError {
  return value instanceof TallystickError && (code === undefined || value.code === code);
}
