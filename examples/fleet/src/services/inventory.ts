import type { ServiceSetup } from "../setup.ts";
import { happens, work } from "../trouble.ts";
import { HttpError, type Routes } from "../web.ts";

const PRODUCTS = [
  { sku: "walnut-desk", price_cents: 42_900 },
  { sku: "oak-chair", price_cents: 12_900 },
  { sku: "brass-lamp", price_cents: 5_900 },
];

export async function inventory(setup: ServiceSetup): Promise<Routes> {
  return {
    "GET /products": async () => {
      await work(2, 12);
      return PRODUCTS;
    },
    "POST /reservations": async ({ body }) => {
      await work(3, 20);
      if (happens(0.03, setup.trouble)) throw new HttpError(409, "out of stock");
      return { reserved: body["sku"] };
    },
  };
}
