/** How much a sender may send. Above it the answer is 429; nothing is dropped by us. */
export interface Quota {
  /** Null: no limit. */
  readonly recordsPerSecond: number | null;
  /** Of request bodies as they come, by days of UTC. Null: no limit. */
  readonly bytesPerDay: number | null;
}

export const NO_QUOTA: Quota = { recordsPerSecond: null, bytesPerDay: null };
export const MAX_RECORDS_PER_SECOND = 100_000_000;
export const MAX_BYTES_PER_DAY = Number.MAX_SAFE_INTEGER;

/** As a record of the control log and an answer of the API hold it. */
export function isQuotaNumber(value: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= most;
}
