import { randomUUID } from "node:crypto";
import type { ServiceSetup } from "../setup.ts";
import { callPeer, type Routes } from "../web.ts";

export async function storefront(setup: ServiceSetup): Promise<Routes> {
  return {
    "GET /products": () => callPeer(setup, "inventory", "/products"),
    "POST /checkout": ({ body }) => callPeer(setup, "orders", "/orders", { order_id: randomUUID(), sku: body["sku"] }),
    "GET /orders/{id}": ({ path }) => callPeer(setup, "orders", `/orders/${path[1]}`),
  };
}
