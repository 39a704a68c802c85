import type { LedgerSigner } from "./signed-head.ts";

/** The keys that sign, which another set can replace while the ledger runs. */
export class SignerInUse implements LedgerSigner {
  #signer: LedgerSigner;

  constructor(signer: LedgerSigner) {
    this.#signer = signer;
  }

  /** From the next head on. */
  use(signer: LedgerSigner): void {
    this.#signer = signer;
  }

  get publicKey(): Uint8Array {
    return this.#signer.publicKey;
  }

  get older(): NonNullable<LedgerSigner["older"]> {
    return this.#signer.older ?? [];
  }

  get successions(): NonNullable<LedgerSigner["successions"]> {
    return this.#signer.successions ?? [];
  }

  sign(message: Uint8Array): Uint8Array {
    return this.#signer.sign(message);
  }
}
