/**
 * OpenTelemetry as any service would set it up: the HTTP, fetch and PostgreSQL instrumentations, spans sent as OTLP
 * to Tallystick with the service's own key. The two hooks are the ten lines that tell the log who the caller proved
 * to be.
 */
import { createRequire } from "node:module";
import type { IncomingMessage } from "node:http";
import type { Span } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { PgInstrumentation } from "@opentelemetry/instrumentation-pg";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { callerOf, fingerprint, shownKey } from "./identity.ts";
import type { Peers, ServiceSetup } from "./setup.ts";

// The instrumentations patch what `require` loads after `start`, so the instrumented modules are loaded through it.
export const load = createRequire(import.meta.url);

export function startTelemetry(setup: ServiceSetup): NodeSDK {
  process.env["OTEL_SERVICE_NAME"] = setup.name;
  process.env["OTEL_RESOURCE_ATTRIBUTES"] = "service.version=1.4.2,deployment.environment.name=demo";
  process.env["OTEL_BSP_SCHEDULE_DELAY"] = "400";
  process.env["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database";
  const sdk = new NodeSDK({
    traceExporter: new OTLPTraceExporter({
      url: `${setup.tallystickUrl}/v1/traces`,
      headers: { authorization: `Bearer ${setup.tallystickKey}` },
    }),
    instrumentations: [
      new HttpInstrumentation({
        ignoreOutgoingRequestHook: (request) => request.path === "/v1/traces",
        requestHook: (span, request) => markCaller(span, request, setup),
      }),
      new UndiciInstrumentation({
        requestHook: (span, request) => markTarget(span, request.origin, setup.peers),
      }),
      new PgInstrumentation({
        requireParentSpan: true,
        ignoreConnectSpans: true,
        requestHook: (span) => markDatabase(span),
      }),
    ],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  load("node:http");
  return sdk;
}

/** Callee's side: whom the caller says to be, the fingerprint of the key it showed (never the key), and the decision. */
function markCaller(span: Span, request: unknown, setup: ServiceSetup): void {
  const headers = (request as Partial<IncomingMessage>).headers;
  if (headers === undefined) return;
  const key = shownKey(headers);
  const caller = callerOf(headers, setup.issuedKeys);
  const decision = key === undefined ? "not_evaluated" : caller === null ? "deny" : "allow";
  span.setAttribute("tallystick.auth_decision", decision);
  if (key === undefined) return;
  span.setAttribute("tallystick.auth_method", "api_key");
  span.setAttribute("tallystick.credential_id", fingerprint(key));
  if (caller === null) return;
  span.setAttribute("tallystick.auth_subject", caller.clientId);
  span.setAttribute("tallystick.service_id", caller.clientId);
}

/** Caller's side: the name of the service behind an address, as service discovery would know it. */
function markTarget(span: Span, origin: string, peers: Peers): void {
  const target = Object.entries(peers).find(([, url]) => url === origin)?.[0];
  if (target !== undefined) span.setAttribute("service.peer.name", target);
}

function markDatabase(span: Span): void {
  span.setAttribute("service.peer.name", "orders-db");
}
