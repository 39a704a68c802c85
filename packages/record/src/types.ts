/** What a producer says. Every optional field is absent rather than empty (see fields.ts, normal form). */
export interface AuditRecord {
  readonly id: string;
  readonly timestamp: string;
  readonly event_type: string;
  readonly phase: string;
  readonly side: string;
  readonly service_id: string;
  readonly target_id: string;
  readonly recorder_id: string;
  readonly request_id: string;
  readonly attempt: number;
  readonly trace_id?: string;
  readonly span_id?: string;
  readonly parent_span_id?: string;
  readonly operation: string;
  readonly action?: string;
  readonly resource?: string;
  readonly protocol: string;
  readonly status: string;
  readonly status_code?: string;
  readonly error_type?: string;
  readonly error_message?: string;
  readonly duration_us?: number;
  readonly auth_method?: string;
  readonly credential_id?: string;
  readonly auth_token_id?: string;
  readonly auth_expires_at?: string;
  readonly auth_key_thumbprint?: string;
  readonly auth_nonce_digest?: string;
  readonly auth_signature_digest?: string;
  readonly auth_issuer?: string;
  readonly auth_subject?: string;
  readonly auth_scopes?: readonly string[];
  readonly auth_decision?: string;
  readonly peer_address?: string;
  readonly peer_port?: number;
  readonly peer_identity?: string;
  readonly tls_version?: string;
  readonly client_address?: string;
  readonly request_digest?: string;
  readonly response_digest?: string;
  readonly request_size?: number;
  readonly response_size?: number;
  readonly call_nonce_digest?: string;
  readonly request_payload?: string;
  readonly response_payload?: string;
  readonly data_class?: string;
  readonly data_categories?: readonly string[];
  readonly subject_refs?: readonly string[];
  readonly producer_id?: string;
  readonly producer_epoch?: string;
  readonly producer_seq?: number;
  readonly environment?: string;
  readonly region?: string;
  readonly host?: string;
  readonly service_version?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** authenticated: the principal may speak for the recorder; relayed: a relay that may carry it; claimed: neither. */
export type Standing = "authenticated" | "relayed" | "claimed";

/** What the server saw; never from the producer. */
export interface Observed {
  /** RFC 3339 UTC, always six fractional digits, by the server's clock; never goes back within a tree. */
  readonly received_at: string;
  readonly principal: string;
  readonly standing: Standing;
  readonly source_address: string;
  /** Intake protocol: json, ndjson, xml, otlp-traces, otlp-logs, tallystick (own records). */
  readonly intake: string;
  /** Present and true when the same id was stored before with other content. */
  readonly conflict?: true;
  /**
   * The hash of the leaf that stood here until it was erased, 64 hex digits; record and the rest are Tallystick's own
   * words then.
   */
  readonly erased?: string;
  /** Producer's clock minus the server's at the request, when the request said its time (Date header). */
  readonly clock_skew_us?: number;
  readonly signature?: { readonly alg: string; readonly kid: string; readonly verified: boolean };
}

/** The shape in which a record leaves every API. */
export interface StoredRecord {
  readonly tree: string;
  readonly leaf_index: number;
  readonly call_id: string;
  readonly record: AuditRecord;
  readonly observed: Observed;
}
