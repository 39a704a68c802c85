/** A route that somebody forgets to say something of keeps the server from starting. */
import Fastify from "fastify";
import type { RouteShorthandOptions } from "fastify";
import { expect, it } from "vitest";

import type { AccessRecorder } from "../access/access-recorder.ts";
import { guardRoutes } from "./route-access.ts";
import type { RouteAccessParts } from "./route-access.ts";
import { NO_RECORDS } from "./recorded-reads.ts";

/** No request comes, so only what is looked at while routes are declared is there. */
const parts = {
  accesses: {} as AccessRecorder,
  certificateRequired: { routes: [], logs: [] },
} as unknown as RouteAccessParts;

function declared(options: RouteShorthandOptions): () => void {
  const app = Fastify();
  guardRoutes(app, parts);
  return () => void app.get("/api/forgotten", options, () => "");
}

it("a route without a permission is refused", () => {
  expect(declared({})).toThrow("GET /api/forgotten does not say who may reach it");
});

it("a route that gives something away, and does not say how that is recorded, is refused", () => {
  for (const access of ["read", "payloads", "audit"] as const)
    expect(declared({ config: { access } }), access).toThrow("does not say how its reads are recorded");
  expect(declared({ config: { access: "read", reads: NO_RECORDS } })).not.toThrow();
});
