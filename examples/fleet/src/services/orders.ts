import type * as Pg from "pg";
import type { ServiceSetup } from "../setup.ts";
import { load } from "../telemetry.ts";
import { openQueue } from "../queue.ts";
import { callPeer, HttpError, type Routes } from "../web.ts";

const MAX_CHARGE_ATTEMPTS = 3;
const CHARGE_TIMEOUT_MS = 350;

export async function orders(setup: ServiceSetup): Promise<Routes> {
  const { Pool } = load("pg") as typeof Pg;
  const database = new Pool({ connectionString: setup.peers["orders-db"] ?? "", max: 4 });
  database.on("error", () => {});
  await database.query("CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, sku text, state text)");
  const queue = await openQueue(setup);
  return {
    "POST /orders": async ({ body }) => {
      const id = String(body["order_id"]);
      await database.query("INSERT INTO orders (id, sku, state) VALUES ($1, $2, 'new')", [id, body["sku"]]);
      await charge(setup, id);
      await database.query("UPDATE orders SET state = 'paid' WHERE id = $1", [id]);
      await queue.publish("orders.created", { order_id: id, sku: body["sku"] });
      return { id, state: "paid" };
    },
    "GET /orders/{id}": async ({ path }) => {
      const { rows } = await database.query("SELECT id, sku, state FROM orders WHERE id = $1", [path[1]]);
      if (rows.length === 0) throw new HttpError(404, "no such order");
      return rows[0] as unknown;
    },
  };
}

/** A failed or late charge is tried again; a declined card is not. */
async function charge(setup: ServiceSetup, id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await callPeer(setup, "payments", "/charges", { order_id: id, attempt }, CHARGE_TIMEOUT_MS);
      return;
    } catch (error) {
      const final = error instanceof HttpError && error.status < 500;
      if (final) throw error;
      if (attempt === MAX_CHARGE_ATTEMPTS) throw new HttpError(504, "payment did not answer", { cause: error });
    }
  }
}
