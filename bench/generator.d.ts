/**
 * Seeded records of machine traffic, 840 bytes each as JSON: forty services calling each other with ids, traces,
 * credentials, peers and a few attributes. About 60 bytes of a record are random (ids, trace and span ids,
 * durations); the rest repeats as real traffic repeats.
 */
export declare const RECORD_BYTES = 840;
export interface Generator {
  /** NDJSON of `count` records; the next call goes on where this one ended. */
  batch(count: number): Buffer;
  /** request_id of record `n` (0-based). */
  requestId(n: number): string;
}
/** `startMs`: time of the first record; each next one is `stepUs` later. */
export declare function generator(seed: number, startMs: number, stepUs: number): Generator;
//# sourceMappingURL=generator.d.ts.map
