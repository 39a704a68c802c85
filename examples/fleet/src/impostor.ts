/**
 * The process that is in no diagram: it has a key of its own, as a batch job of last year may have, and calls
 * payments in the name of orders. It reports nothing to anybody. Payments lets it in (identity.ts says why), and only
 * the tally shows it: payments saw orders call, orders says nothing of it, and the key is none that orders ever used.
 */
import { credentials } from "./identity.ts";
import type { ServiceSetup } from "./setup.ts";

const VICTIM = "orders";

/** Charges something now and then; not at once, as somebody who looked on for a while. */
export function impersonate(setup: ServiceSetup): void {
  const everyMs = setup.impostorEveryMs;
  const charge = async (): Promise<void> => {
    await fetch(`${setup.peers["payments"]}/charges`, {
      method: "POST",
      headers: { ...credentials(VICTIM, setup.apiKey), "content-type": "application/json" },
      body: JSON.stringify({ order_id: `refund-${Date.now()}`, attempt: 1 }),
      signal: AbortSignal.timeout(everyMs),
    }).then((response) => response.arrayBuffer());
  };
  // Whether it got through is payments' business to record.
  setInterval(() => void charge().catch(() => {}), everyMs);
}
