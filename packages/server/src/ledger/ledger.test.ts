import { describe, expect, it } from "vitest";
import { TallystickError } from "../errors.ts";
import { faultLedger } from "./fault-ledger.ts";
import { LedgerBench } from "./ledger-bench.contract.ts";
import { ledgerContract } from "./ledger.contract.ts";
import type { Ledger } from "./ledger.ts";
import { memoryLedger } from "./memory-ledger.ts";

function inMemory({ signer, journal, clock }: LedgerBench): Promise<Ledger> {
  const onFatal = (error: Error): never => {
    throw error;
  };
  return memoryLedger({ serverOrigin: "log.example", signer, journal, clock, onFatal });
}

describe("the ledger in files", () => ledgerContract((bench) => bench.open()));
describe("the ledger in memory", () => ledgerContract(inMemory));
describe("the fault-injecting ledger", () => ledgerContract(async (bench) => faultLedger(await inMemory(bench))));

describe("the fault-injecting ledger", () => {
  it("fails the next call and works again after it", async () => {
    const bench = new LedgerBench();
    bench.journal.openTree("default/2026-11");
    const ledger = faultLedger(bench.use(await inMemory(bench)));
    await bench.untilPublished("default/2026-11");
    ledger.failNext("proof", new TallystickError("not_published", "injected"));
    await expect(ledger.proof("default/2026-11", 0)).rejects.toThrow("injected");
    expect(await ledger.proof("default/2026-11", 0)).toContain("index 0");
  });
});
