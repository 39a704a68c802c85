import { happens } from "./trouble.ts";

const SKUS = ["walnut-desk", "oak-chair", "brass-lamp"];
const MAX_IN_FLIGHT = 32;

/**
 * Customers: `rate` visits a second, two thirds looking, one third buying, a few asking for an order that is not
 * there.
 */
export function startLoad(storefront: string, rate: number): () => void {
  let inFlight = 0;
  const visit = async (): Promise<void> => {
    if (inFlight >= MAX_IN_FLIGHT) return;
    inFlight += 1;
    try {
      await fetch(...request(storefront)).then((response) => response.arrayBuffer());
    } catch {
      // A storefront that does not answer is part of the picture; the fleet's own records tell it.
    } finally {
      inFlight -= 1;
    }
  };
  const timer = setInterval(() => void visit(), 1_000 / Math.max(rate, 0.1));
  return () => clearInterval(timer);
}

function request(storefront: string): [string, RequestInit?] {
  if (happens(0.05, 1)) return [`${storefront}/orders/unknown-${Date.now() % 100}`];
  if (happens(0.6, 1)) return [`${storefront}/products`];
  const sku = SKUS[Math.floor(Math.random() * SKUS.length)];
  const headers = { "content-type": "application/json" };
  return [`${storefront}/checkout`, { method: "POST", headers, body: JSON.stringify({ sku }) }];
}
