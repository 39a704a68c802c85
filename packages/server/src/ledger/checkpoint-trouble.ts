/** What keeps checkpoints from being signed, published or copied now, and since when. */
import type { Clock } from "../clock.ts";
import type { CopyStats } from "./copies.ts";
import type { LedgerNotice } from "./local-ledger.ts";

export interface CheckpointTrouble {
  /** `publish`, or the copy's name. */
  readonly step: string;
  /** Microseconds since 1970. */
  readonly sinceUs: number;
  /** Of the newest attempt. */
  readonly reason: string;
}

/** Remembers what the ledger says while it tries again. */
export class PublishingTrouble {
  readonly #clock: Pick<Clock, "nowUs">;
  #now: CheckpointTrouble | null = null;

  constructor(clock: Pick<Clock, "nowUs">) {
    this.#clock = clock;
  }

  take(notice: LedgerNotice): void {
    if (notice.kind === "recovered") this.#now = null;
    if (notice.kind !== "retry") return;
    const sinceUs = this.#now?.sinceUs ?? this.#clock.nowUs();
    this.#now = { step: "publish", sinceUs, reason: notice.error.message };
  }

  now(copies: readonly CopyStats[]): readonly CheckpointTrouble[] {
    const failing = copies.flatMap(({ name, failingSinceMs, lastError }) =>
      failingSinceMs === null ? [] : [{ step: name, sinceUs: failingSinceMs * 1_000, reason: lastError ?? "" }],
    );
    return this.#now === null ? failing : [this.#now, ...failing];
  }
}
