/** Batches of one service's records in normal form, each with its signature, made before anything is measured. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyObject } from "node:crypto";
import { normalise, targetOf, writeSlots } from "@tallystick/record";
import { signBatch } from "../../packages/server/src/intake/sign-batch.contract.ts";
import type { NumberedRecord } from "../../packages/server/src/intake/sign-batch.contract.ts";
import { generator, RECORD_BYTES } from "../generator.ts";

export interface Batch {
  readonly body: Buffer;
  readonly signature: string;
}

export interface PreparedOrder {
  readonly folder: string;
  readonly records: number;
  readonly batch: number;
  readonly service: string;
  readonly kid: string;
  readonly key: KeyObject;
  readonly startMs: number;
}

export function prepareBatches(order: PreparedOrder): void {
  const source = generator(11, order.startMs, 20);
  const text = Buffer.allocUnsafe(RECORD_BYTES * 4);
  for (let from = 0; from < order.records; from += order.batch) {
    const lines = source.batch(order.batch).toString("latin1").trim().split("\n");
    const records = lines.map((line, place) => normalOf(JSON.parse(line) as object, order, from + place, text));
    const signature = signBatch(
      records.map((record) => JSON.parse(record) as NumberedRecord),
      { kid: order.kid, alg: "ed25519", key: order.key },
    );
    const name = String(from).padStart(9, "0");
    writeFileSync(join(order.folder, `${name}.ndjson`), records.join("\n"));
    writeFileSync(join(order.folder, `${name}.signature`), signature);
  }
}

/** In order. */
export function preparedBatches(folder: string): readonly Batch[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".ndjson"));
  return names.sort().map((name) => ({
    body: readFileSync(join(folder, name)),
    signature: readFileSync(join(folder, name.replace(".ndjson", ".signature")), "utf8"),
  }));
}

function normalOf(record: object, { service }: PreparedOrder, seq: number, text: Buffer): string {
  const own = { side: "caller", service_id: service, recorder_id: service };
  const numbered = { ...record, ...own, producer_id: "bench", producer_epoch: "1", producer_seq: seq };
  const outcome = normalise(numbered, {
    service,
    principal: `key:${service}`,
    nowUs: Date.now() * 1_000,
    newId: () => `01a2168e-0000-7000-8000-${seq.toString(16).padStart(12, "0")}`,
    fingerprint: () => "fp:0",
    redactNames: new Set(),
    oversize: "refuse",
  });
  if (outcome.kind === "rejected") throw new Error(`${outcome.field}: ${outcome.message}`);
  return text.toString("utf8", 0, writeSlots(outcome.slots, targetOf(text), 0));
}
