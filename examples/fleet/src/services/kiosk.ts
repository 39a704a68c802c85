import type { ServiceSetup } from "../setup.ts";
import { happens } from "../trouble.ts";
import { callPeer, type Routes } from "../web.ts";

const SKUS = ["walnut-desk", "oak-chair", "brass-lamp"];
const MAX_IN_FLIGHT = 32;
const PATIENCE_MS = 10_000;

/**
 * Where customers stand: `rate` visits a second at the storefront, two thirds looking, one third buying, a few asking
 * for an order that is not there.
 */
export async function kiosk(setup: ServiceSetup): Promise<Routes> {
  let inFlight = 0;
  const visit = async (): Promise<void> => {
    if (inFlight >= MAX_IN_FLIGHT) return;
    inFlight += 1;
    try {
      await callPeer(setup, "storefront", ...request(), PATIENCE_MS);
    } catch {
      // A storefront that refuses or does not answer is part of the picture; the records of both tell it.
    } finally {
      inFlight -= 1;
    }
  };
  setInterval(() => void visit(), 1_000 / Math.max(setup.rate, 0.1));
  return {
    "GET /healthz": async () => ({ ok: true }),
  };
}

function request(): [path: string, body: unknown] {
  if (happens(0.05, 1)) return [`/orders/unknown-${Date.now() % 100}`, undefined];
  if (happens(0.6, 1)) return ["/products", undefined];
  return ["/checkout", { sku: SKUS[Math.floor(Math.random() * SKUS.length)] }];
}
