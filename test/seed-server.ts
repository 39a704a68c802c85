/** Brings the seeded shop into a running server, each service with its own key, and what people decided there. */
import { caughtUp, type RunningServer } from "../integrity/running-server.ts";
import { shopRecords, type ShopOptions } from "./seeded-shop.ts";

const BATCH_RECORDS = 2_000;
const CAUGHT_UP_MS = 120_000;

export async function seedShop(server: RunningServer, options: ShopOptions): Promise<void> {
  for (const [writer, records] of shopRecords(options)) {
    const key = await post<{ readonly secret: string }>(server, "/api/keys", { name: writer, service: writer });
    for (let at = 0; at < records.length; at += BATCH_RECORDS) {
      const lines = records.slice(at, at + BATCH_RECORDS).map((record) => JSON.stringify(record));
      await server.json("/v1/records", {
        method: "POST",
        headers: { "content-type": "application/x-ndjson", authorization: `Bearer ${key.secret}` },
        body: lines.join("\n"),
      });
    }
  }
  await caughtUp(server, CAUGHT_UP_MS);
}

export function post<T>(server: RunningServer, path: string, body: object): Promise<T> {
  return server.json<T>(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
