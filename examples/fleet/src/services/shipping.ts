import type { ServiceSetup } from "../setup.ts";
import { openQueue } from "../queue.ts";
import { work } from "../trouble.ts";
import { callPeer, type Routes } from "../web.ts";

/** Consumes created orders and reserves the goods. */
export async function shipping(setup: ServiceSetup): Promise<Routes> {
  const queue = await openQueue(setup);
  await queue.consume("orders.created", async (message) => {
    await work(2, 10);
    await callPeer(setup, "inventory", "/reservations", { sku: message["sku"] });
  });
  return {
    "GET /healthz": async () => ({ ok: true }),
  };
}
