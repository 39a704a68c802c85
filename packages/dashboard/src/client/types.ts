import type { StoredRecord } from "@tallystick/record";

/** Answers of the server's API, as far as the dashboard reads them; the whole is in /api/openapi.json. */

export interface SearchPage {
  readonly records: readonly StoredRecord[];
  readonly next: string | null;
  readonly elapsed_ms: number;
  readonly scanned_rows: number;
  readonly partial?: boolean;
}

export interface HistogramBucket {
  /** RFC 3339. */
  readonly from: string;
  readonly count: number;
  readonly by_status: Readonly<Record<string, number>>;
  readonly p50_us?: number | null;
  readonly p95_us?: number | null;
}

export interface Histogram {
  readonly buckets: readonly HistogramBucket[];
  readonly bucket_ms: number;
  readonly total: number;
  readonly partial?: boolean;
}

export interface ProvenRecord extends StoredRecord {
  /** Exact text of the leaf: its UTF-8 bytes are what the tree holds. */
  readonly leaf: string;
  /** c2sp.org/tlog-proof@v1, or null until a checkpoint covers the leaf. */
  readonly proof: string | null;
}

export interface Tree {
  readonly tree: string;
  readonly origin: string;
  readonly size: number;
  readonly vkey: string;
}

export interface Session {
  readonly authenticated: boolean;
  readonly name: string | null;
  readonly role: string | null;
  readonly permissions: readonly string[];
  /** How one logs in here, beside a one-time link. */
  readonly methods: readonly ("password" | "oidc")[];
}
