import type { Fault, Http, VerifyResult } from "@tallystick/verify";

import type { EffectiveConfig } from "../config/config.ts";
import type { BackupResult } from "../retain/backup.ts";
import type { RestoredLog } from "../retain/restore.ts";
import type { SigningRotation } from "../control/signing-rotation.ts";
import type { Rewrapped } from "../kms/kms.ts";
import type { Check } from "./doctor-checks.ts";
import type { Terminal } from "./terminal.ts";

/** What commands need from outside; `main.ts` hands it in. */
export interface CliParts {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Our own pipelines of rules. */
  readonly pipelinesFolder: string;
  readonly fetch: typeof globalThis.fetch;
  /** The verifier's way to a server. */
  readonly http: Http;
  /** Standard output for what is no text line; resolves when it takes more. */
  readonly rawOut: (bytes: Uint8Array) => Promise<void>;
  /** All of standard input as text. */
  readonly readStdin: () => Promise<string>;
  /** Calls back at the first SIGTERM or SIGINT; a second one ends the process at once. */
  readonly onStop: (stop: () => void) => void;
  /** `stopped` ends a start that waits for its KMS, with the error `shutting_down`. */
  readonly startServer: (request: FolderRequest, stopped: Promise<void>) => Promise<RunningServer>;
  readonly folder: FolderWork;
}

/** A data folder and what is configured about it. */
export interface FolderRequest {
  /** Absolute. */
  readonly folder: string;
  readonly config: EffectiveConfig;
  /** Where the configuration's relative paths start. */
  readonly base: string;
}

export interface RunningServer {
  readonly url: string;
  readonly folder: string;
  /** True at a folder's first start. */
  readonly isFresh: boolean;
  readonly adminToken: string;
  /** A fresh one-time link to the dashboard. */
  loginLink(): string;
  /** Stops within ten seconds and loses nothing. Idempotent. */
  close(): Promise<void>;
  /** Rejects when the server has to stop by itself; never resolves. */
  readonly failed: Promise<never>;
}

/** What a verifier knew before it looked. */
export interface KnownBefore {
  readonly vkey: string | null;
  readonly since: Uint8Array | null;
  readonly integrityKey: Uint8Array | null;
  /** Check the signatures of producers as well. */
  readonly producers?: boolean;
}

/** What `fsck` found. */
export interface FolderCheck {
  readonly verify: VerifyResult;
  readonly index: { readonly compared: boolean; readonly faults: readonly Fault[] };
  /** Trees whose derived files were written again, and `index` where that was built anew. */
  readonly repaired: readonly string[];
}

/** What a restore made. */
export interface RestoreResult {
  /** When the backup was made. */
  readonly madeAt: string;
  readonly files: number;
  readonly logs: readonly RestoredLog[];
  /** Erasures made after the backup, which the first start carries out. */
  readonly erasures: number;
}

export type LeafProgress = (tree: string, leaves: number) => void;

/** Work on a data folder without its server. */
export interface FolderWork {
  /** Writes nothing; works beside a running server. */
  verify(request: FolderRequest, known: KnownBefore, onProgress: LeafProgress): Promise<VerifyResult>;
  /**
   * Verification, and the index compared with the journal; with `repair` what is derived is put right, and the folder
   * must be free.
   */
  check(request: FolderRequest, repair: boolean, onProgress: LeafProgress): Promise<FolderCheck>;
  /** Builds the index anew; how many records it holds then. */
  reindex(request: FolderRequest, onProgress: (done: number, total: number) => void): Promise<number>;
  /** Hex of the key that checks segments' HMACs, and opens nothing. */
  exportIntegrityKey(request: FolderRequest): Promise<string>;
  /** A copy as it lies, sealed; works beside a running server. */
  backup(
    request: FolderRequest,
    target: string,
    onProgress: (files: number, bytes: number) => void,
  ): Promise<BackupResult>;
  /** A folder of a backup; what it names must be empty. */
  restore(
    request: FolderRequest,
    wishes: { readonly source: string; readonly erasures: string | null; readonly acceptLoss: boolean },
    onProgress: (done: number, total: number) => void,
  ): Promise<RestoreResult>;
  /** What is wrong or unwise about the folder and its configuration. */
  examine(request: FolderRequest): Promise<readonly Check[]>;
  /** A new KMS key, and every data key under it; the folder must be free. */
  rotate(request: FolderRequest): Promise<Rewrapped>;
  /** A new key for checkpoints, both signing for a while; the folder must be free. */
  rotateSigning(request: FolderRequest, overlapMs: number): Promise<SigningRotation>;
  /** Every data key under the KMS that `to` names; the folder must be free. */
  rewrap(request: FolderRequest, to: FolderRequest): Promise<Rewrapped>;
}
