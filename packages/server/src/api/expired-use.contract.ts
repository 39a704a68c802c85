/** A call whose credential had expired an hour before: what a detector finds at once, whatever else is known. */
import { expect } from "vitest";

import type { TestServer } from "../machine.contract.ts";

export const EXPIRED = "fp:expired";

export async function useExpired(server: TestServer): Promise<void> {
  const use = {
    timestamp: new Date().toISOString(),
    event_type: "API_CALL",
    side: "callee",
    service_id: "web",
    target_id: "orders",
    operation: "GET /orders",
    status: "success",
    credential_id: EXPIRED,
    auth_expires_at: new Date(Date.now() - 3_600_000).toISOString(),
  };
  const sent = { method: "POST", body: JSON.stringify(use), headers: { "content-type": "application/json" } };
  expect((await server.fetch("/v1/records", sent)).status).toBe(200);
}
