/** Brings the seeded shop into a running server, each service with its own key, and what people decided there. */
import { caughtUp, type RunningServer } from "../integrity/running-server.ts";
import type { ShopIds } from "./screens.ts";
import { IMPOSTOR_KEY, shopRecords, type ShopOptions } from "./seeded-shop.ts";

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

/** What people decided at this server, so that the screens about them have something to show. */
export async function seedDecisions(server: RunningServer): Promise<void> {
  await post(server, "/api/users", { name: "ada", role: "investigator" });
  await post(server, "/api/users", { name: "bea", role: "auditor", scope: { data_classes: ["public", "internal"] } });
  await post(server, "/api/parties", { name: "payments-db", reason: "a database: it has no recorder of its own" });
  await post(server, "/api/aliases", { name: "address:10.9.0.16", service: "orders" });
  await post(server, "/api/holds", {
    name: "chargeback-17",
    query: "subject_refs:customer-17",
    owner: "legal, matter 2026-31",
    reason: "a customer disputes two charges",
  });
  await post(server, "/api/erasures", { subject: "customer-0", reason: "asked to be forgotten" });
}

const LONG_TRACE = "0123456789abcdef".repeat(2);

/** One call that asks a database many times, of which the last fails. */
export async function seedLongTrace(server: RunningServer, calls: number): Promise<void> {
  // Before the last hour, whose picture it would spoil.
  const startMs = Date.now() - 3 * 3_600_000;
  const span = (n: number) => (n + 1).toString(16).padStart(16, "0");
  const at = (n: number) => ({ timestamp: new Date(startMs + n).toISOString(), trace_id: LONG_TRACE });
  const visit = { event_type: "API_CALL", service_id: "kiosk", target_id: "storefront", operation: "GET /catalogue" };
  const whole = { ...at(0), ...visit, protocol: "http", status: "success", duration_us: calls * 1_500 };
  const queries = Array.from({ length: calls - 1 }, (_, n) => ({
    ...at(n + 1),
    event_type: "DB_QUERY",
    side: "caller",
    service_id: "storefront",
    target_id: "catalogue-db",
    span_id: span(n + 2),
    parent_span_id: span(1),
    operation: `SELECT page ${n}`,
    protocol: "sql",
    duration_us: 900,
    ...(n === calls - 2
      ? { status: "error", error_type: "Teapot", error_message: "the last of many" }
      : { status: "success" }),
  }));
  await post(server, "/v1/records", [
    { ...whole, side: "caller", span_id: span(0) },
    { ...whole, side: "callee", span_id: span(1), parent_span_id: span(0) },
    ...queries,
  ]);
  await caughtUp(server, CAUGHT_UP_MS);
}

/** Calls of a service whose ways are other ones later: one is gone, one is new, one became slower.
 * All of them begin at `atMs`. */
export async function seedMint(server: RunningServer, when: "earlier" | "later", atMs: number): Promise<void> {
  const call = (n: number, callee: string, durationMs: number) => ({
    timestamp: new Date(atMs).toISOString(),
    event_type: "API_CALL",
    service_id: "mint",
    target_id: callee,
    side: "caller",
    request_id: `${when}-${callee}-${n}`,
    operation: "GET /coins",
    status: "success",
    duration_us: durationMs * 1_000,
  });
  const calls = Array.from({ length: 20 }, (_, n) =>
    when === "earlier" ? [call(n, "archive", 5), call(n, "vault", 5)] : [call(n, "vault", 80), call(n, "scale", 5)],
  );
  await post(server, "/v1/records", calls.flat());
}

/** Undefined until the tally has judged the impostor's calls. */
export async function idsOf(server: RunningServer): Promise<ShopIds | undefined> {
  const { breaks } = await server.json<{ readonly breaks: readonly { readonly call_id: string }[] }>(
    "/api/tally?from=now-1d&kind=unpaired_callee&limit=1",
  );
  const found = async (q: string) => {
    const query = new URLSearchParams({ q, from: "now-1d", limit: "1" });
    const page = await server.json<{ readonly records: readonly Found[] }>(`/api/search?${query.toString()}`);
    return page.records[0];
  };
  const failed = await found("callee:payments side:callee status:error");
  const withBody = await found("callee:payments side:callee request_payload:* -subject_refs:customer-0");
  const { edges } = await server.json<ServiceMap>("/api/graph?from=now-1d");
  // Counted after the verdict is told, and a map that was opened before looks again only after a minute.
  const isOnMap = edges.some((edge) => edge.callee === "payments" && (edge.states["unpaired_callee"] ?? 0) > 0);
  if (breaks.length === 0 || failed === undefined || withBody === undefined || !isOnMap) return undefined;
  return {
    failedCall: failed.call_id,
    failedTrace: failed.record.trace_id,
    callWithBody: withBody.call_id,
    longTrace: LONG_TRACE,
    impostorKey: IMPOSTOR_KEY,
  };
}

interface ServiceMap {
  readonly edges: readonly { readonly callee: string; readonly states: Readonly<Record<string, number>> }[];
}

interface Found {
  readonly call_id: string;
  readonly record: { readonly trace_id: string };
}
