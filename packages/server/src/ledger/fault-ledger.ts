import type { TallystickError } from "../errors.ts";
import type { Ledger } from "./ledger.ts";

type LedgerCall = "checkpoint" | "chain" | "tile" | "entries" | "proof" | "published" | "close";

export interface FaultLedger extends Ledger {
  /** The next call of that name rejects with the error; the one after works again. */
  failNext(call: LedgerCall, error: TallystickError): void;
}

/** Wraps a ledger for tests of what stands before it. */
export function faultLedger(inner: Ledger): FaultLedger {
  const queued = new Map<LedgerCall, TallystickError[]>();
  const unless = async <T>(call: LedgerCall, run: () => Promise<T>): Promise<T> => {
    const error = queued.get(call)?.shift();
    if (error !== undefined) throw error;
    return run();
  };
  return {
    positions: () => inner.positions(),
    verifierKey: (tree) => inner.verifierKey(tree),
    origin: (tree) => inner.origin(tree),
    checkpoint: (tree) => unless("checkpoint", () => inner.checkpoint(tree)),
    chain: (tree) => unless("chain", () => inner.chain(tree)),
    tile: (tree, path) => unless("tile", () => inner.tile(tree, path)),
    entries: (tree, path) => unless("entries", () => inner.entries(tree, path)),
    proof: (tree, index) => unless("proof", () => inner.proof(tree, index)),
    published: (tree, size, timeoutMs) => unless("published", () => inner.published(tree, size, timeoutMs)),
    forget: (tree) => inner.forget(tree),
    close: () => unless("close", () => inner.close()),
    failNext: (call, error) => void queued.set(call, [...(queued.get(call) ?? []), error]),
  };
}
