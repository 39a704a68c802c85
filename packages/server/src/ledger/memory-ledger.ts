import { bulkOver } from "../disk/bulk-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { Ledger } from "./ledger.ts";
import { openLedger } from "./local-ledger.ts";
import type { LedgerOptions } from "./local-ledger.ts";
import { MemoryHeadStore } from "./memory-head-store.ts";

export type MemoryLedgerOptions = Pick<
  LedgerOptions,
  "serverOrigin" | "signer" | "journal" | "clock" | "onFatal" | "publishIntervalMs"
>;

/** The same follower over memory: for tests and the simulator. Nothing survives it. */
export function memoryLedger(options: MemoryLedgerOptions): Promise<Ledger> {
  const disk = memoryDisk();
  return openLedger({ ...options, folder: "/ledger", heads: new MemoryHeadStore(), disk, bulk: bulkOver(disk) });
}
