/**
 * The HTTP interface: routes over the seams, nothing else. It alone knows status codes. Declared here is what holds
 * for every route: who is asking, what an error looks like, which headers go out, what is logged (never a payload, a
 * secret or a query string).
 */
import cookie from "@fastify/cookie";
import fastify, { LogController } from "fastify";
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { acceptProxyHeaders } from "../access/proxy-protocol.ts";
import type { ProxiedConnections } from "../access/proxy-protocol.ts";
import type { TrustedProxies } from "../access/client-address.ts";
import type { AccessParts } from "../access/authenticate.ts";
import type { ConnectionCertificates } from "../access/connection-certificates.ts";
import type { Control } from "../control/control.ts";
import type { SigningParts } from "../control/signing-rotation.ts";
import { TallystickError } from "../errors.ts";
import type { Keyring } from "../kms/kms.ts";
import { alertsRoutes } from "./alerts-routes.ts";
import type { AlertsRoutesParts } from "./alerts-routes.ts";
import { blocksRoutes } from "./blocks-routes.ts";
import type { BlocksRoutesParts } from "./blocks-routes.ts";
import { notificationsRoutes } from "./notifications-routes.ts";
import type { NotificationsRoutesParts } from "./notifications-routes.ts";
import { respondRoutes } from "./respond-routes.ts";
import type { RespondRoutesParts } from "./respond-routes.ts";
import { silencesRoutes } from "./silences-routes.ts";
import { batchKeysRoutes } from "./batch-keys-routes.ts";
import { approvalsRoutes } from "./approvals-routes.ts";
import type { ApprovalsRoutesParts } from "./approvals-routes.ts";
import { answerClientError, answerExpectations } from "./client-error.ts";
import { API_CSP, dashboardFile, sendDashboardFile } from "./dashboard.ts";
import type { DashboardFiles } from "./dashboard.ts";
import { asTallystickError, PROBLEM_TYPE, problemOf, retryAfterOf } from "./errors.ts";
import { graphRoutes } from "./graph-routes.ts";
import { configRoute } from "./config-route.ts";
import type { ConfigRouteParts } from "./config-route.ts";
import { credentialsRoute } from "./credentials-route.ts";
import { coverageRoute } from "./coverage-route.ts";
import { healthRoutes } from "./health-routes.ts";
import type { HealthParts } from "./health-routes.ts";
import { keysRoutes } from "./keys-routes.ts";
import { kmsRoutes } from "./kms-routes.ts";
import { MAX_HEADER_BYTES, MAX_JSON_BODY_BYTES, MAX_PARAMETER_LENGTH, TIMEOUT_CHECK_MS } from "./limits.ts";
import { declaredPaths } from "./methods.ts";
import type { DeclaredPaths } from "./methods.ts";
import { erasureRoutes } from "./erasure-routes.ts";
import type { ErasureRoutesParts } from "./erasure-routes.ts";
import { deviceRoutes } from "./device-routes.ts";
import type { DeviceRoutesParts } from "./device-routes.ts";
import { exportRoute } from "./export-route.ts";
import type { ExportRouteParts } from "./export-route.ts";
import { describeApi, openApiRoute } from "./openapi.ts";
import { namesRoutes } from "./names-routes.ts";
import { oidcRoutes } from "./oidc-routes.ts";
import type { OidcRoutesParts } from "./oidc-routes.ts";
import { otlpError, otlpRoutes } from "./otlp-routes.ts";
import { detectorsRoutes } from "./detectors-routes.ts";
import type { DetectorsRoutesParts } from "./detectors-routes.ts";
import { producersRoute } from "./producers-route.ts";
import type { ProducersRouteParts } from "./producers-route.ts";
import { accessReportRoute } from "./access-report-route.ts";
import { payloadRoute } from "./payload-route.ts";
import type { PayloadRouteParts } from "./payload-route.ts";
import { recordsRoute } from "./records-route.ts";
import { guardRoutes } from "./route-access.ts";
import { searchRoutes } from "./search-routes.ts";
import type { SearchRoutesParts } from "./search-routes.ts";
import { tlsOptions } from "./tls.ts";
import type { TlsSettings } from "./tls.ts";
import type { CertificateRequired } from "./certificate-required.ts";
import { tallyRoutes } from "./tally-routes.ts";
import type { TallyRoutesParts } from "./tally-routes.ts";
import { holdsRoutes } from "./holds-routes.ts";
import { retentionRoutes } from "./retention-routes.ts";
import type { RetentionRoutesParts } from "./retention-routes.ts";
import { revocationRoutes } from "./revocation-routes.ts";
import { rulesRoutes } from "./rules-routes.ts";
import type { RulesRoutesParts } from "./rules-routes.ts";
import { savedSearchesRoutes } from "./saved-searches-routes.ts";
import { secretsRoutes } from "./secrets-routes.ts";
import { sessionRoutes } from "./session-routes.ts";
import type { SessionRoutesParts } from "./session-routes.ts";
import type { IntakeParts } from "./take-in.ts";
import { tailRoute } from "./tail-route.ts";
import type { TailRouteParts } from "./tail-route.ts";
import { usersRoutes } from "./users-routes.ts";
import { timelineRoutes } from "./timeline-routes.ts";
import { traceRoutes } from "./trace-routes.ts";
import { treesRoutes } from "./trees-routes.ts";

export interface ApiParts
  extends
    AccessParts,
    Omit<SessionRoutesParts, "oidc" | "control" | "accesses">,
    HealthParts,
    SearchRoutesParts,
    TailRouteParts,
    ExportRouteParts,
    TallyRoutesParts,
    RetentionRoutesParts,
    ProducersRouteParts,
    DetectorsRoutesParts,
    PayloadRouteParts,
    ErasureRoutesParts,
    AlertsRoutesParts,
    ConfigRouteParts,
    NotificationsRoutesParts,
    RespondRoutesParts,
    BlocksRoutesParts,
    RulesRoutesParts,
    Omit<ApprovalsRoutesParts, "control">,
    Pick<DeviceRoutesParts, "devices">,
    Pick<OidcRoutesParts, "oidc"> {
  readonly control: Control;
  readonly keyring: Keyring;
  readonly signing: SigningParts;
  readonly redactionKey: Uint8Array;
  readonly proxies: TrustedProxies;
  readonly intake: IntakeParts;
  readonly dashboard: DashboardFiles;
  readonly log: FastifyBaseLogger;
  readonly http: HttpSettings;
}

export interface HttpSettings {
  readonly tls: TlsSettings | null;
  readonly certificates: ConnectionCertificates;
  readonly certificateRequired: CertificateRequired;
  readonly publicOrigin: string | null;
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly maxConnections: number;
}

/** The server, routes declared, not listening yet. */
export async function buildApi(parts: ApiParts): Promise<FastifyInstance> {
  const app = instance(parts);
  const paths = declaredPaths(app);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.server.maxConnections = parts.http.maxConnections;
  app.server.headersTimeout = Math.min(parts.http.headersTimeoutMs, parts.http.requestTimeoutMs);
  answerExpectations(app.server);
  // Fastify's own; no path takes plain text.
  app.removeContentTypeParser("text/plain");
  await describeApi(app, parts.version);
  await app.register(cookie);
  const connections: ProxiedConnections = acceptProxyHeaders(app.server, parts.proxies, parts.clock, (refused) =>
    parts.log.warn(refused, "a connection was closed: its PROXY protocol header is malformed or late"),
  );
  guardRoutes(app, { ...parts, ...parts.http, connections: () => connections });
  app.addHook("onRequest", async (request) => refuseMalformed(request));
  app.addHook("onSend", async (request, reply) => addHeaders(parts, request, reply));
  app.addHook("onResponse", async (request, reply) => logAnswer(request, reply));
  app.setErrorHandler((error, request, reply) => sendProblem(asTallystickError(error), request, reply));
  app.setNotFoundHandler((request, reply) => notFound(parts, paths, request, reply));
  await app.register(async (scope) => readingOwnBodies(scope, () => recordsRoute(scope, parts)));
  await app.register(async (scope) => {
    readingOwnBodies(scope, () => otlpRoutes(scope, parts.intake));
    scope.setErrorHandler((error, request, reply) => {
      const known = asTallystickError(error);
      return otlpError(request, reply, known) ?? sendProblem(known, request, reply);
    });
  });
  treesRoutes(app, parts);
  payloadRoute(app, parts);
  erasureRoutes(app, parts);
  searchRoutes(app, parts);
  accessReportRoute(app, parts);
  tallyRoutes(app, parts);
  traceRoutes(app, parts);
  timelineRoutes(app, parts);
  graphRoutes(app, parts);
  coverageRoute(app, parts);
  namesRoutes(app, parts);
  tailRoute(app, parts);
  exportRoute(app, parts);
  producersRoute(app, parts);
  detectorsRoutes(app, parts);
  keysRoutes(app, parts);
  usersRoutes(app, parts);
  approvalsRoutes(app, parts);
  deviceRoutes(app, parts);
  oidcRoutes(app, parts);
  kmsRoutes(app, parts);
  batchKeysRoutes(app, parts);
  secretsRoutes(app, parts);
  credentialsRoute(app, parts);
  configRoute(app, parts);
  revocationRoutes(app, { ...parts, issuers: parts.jwts.issuers });
  sessionRoutes(app, parts);
  healthRoutes(app, parts);
  retentionRoutes(app, parts);
  holdsRoutes(app, parts);
  alertsRoutes(app, parts);
  silencesRoutes(app, parts);
  notificationsRoutes(app, parts);
  respondRoutes(app, parts);
  blocksRoutes(app, parts);
  rulesRoutes(app, parts);
  savedSearchesRoutes(app, parts);
  openApiRoute(app);
  await app.ready();
  return app;
}

function instance({ http, log }: ApiParts): FastifyInstance {
  const options = {
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "request_id" }),
    bodyLimit: MAX_JSON_BODY_BYTES,
    requestTimeout: http.requestTimeoutMs,
    // Node's own refusal of a request without Host has no body; refuseMalformed refuses it.
    http: {
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      requireHostHeader: false,
    },
    forceCloseConnections: "idle" as const,
    // Its own 503 is no problem+json; guardRoutes refuses what still comes over open connections.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      void sendProblem(asTallystickError(error), request, reply),
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH, ignoreTrailingSlash: false },
    ajv: {
      customOptions: {
        removeAdditional: false as const,
        coerceTypes: "array" as const,
        strict: false,
        allErrors: false,
      },
    },
    genReqId: () => crypto.randomUUID(),
  };
  if (http.tls === null) return fastify(options);
  const app = fastify({ ...options, https: { ...tlsOptions(http.tls), ...options.http } });
  http.certificates.watch(app.server);
  return app;
}

/** In this scope Fastify leaves the body alone: the route reads it once, as one buffer. */
function readingOwnBodies(scope: FastifyInstance, declare: () => void): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
  declare();
}

/** What Node and Fastify would take in silence. */
function refuseMalformed(request: FastifyRequest): void {
  if (request.raw.httpVersion === "1.1" && request.headers.host === undefined)
    throw new TallystickError("bad_request", "An HTTP/1.1 request has a Host header.");
  if (request.is404) return;
  try {
    decodeURIComponent(request.url.split("?").slice(1).join("?"));
  } catch (cause) {
    throw new TallystickError("bad_request", "The URL's query is not validly encoded: a % begins two hex digits.", {
      cause,
    });
  }
}

function addHeaders(parts: ApiParts, request: FastifyRequest, reply: FastifyReply): void {
  reply.header("x-content-type-options", "nosniff");
  reply.header("x-request-id", request.id);
  if (!reply.hasHeader("referrer-policy")) reply.header("referrer-policy", "no-referrer");
  if (!reply.hasHeader("content-security-policy")) reply.header("content-security-policy", API_CSP);
  if (!reply.hasHeader("cross-origin-resource-policy")) reply.header("cross-origin-resource-policy", "same-origin");
  if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
  if (parts.http.tls !== null) reply.header("strict-transport-security", "max-age=31536000");
}

function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  const line = {
    method: request.method,
    // The pattern, not the address: ids and tokens may stand in the latter.
    route: request.routeOptions.url ?? "unknown",
    status: reply.statusCode,
    elapsed_ms: Math.round(reply.elapsedTime * 10) / 10,
    client: request.client,
    principal: request.principal?.name ?? null,
  };
  // "Not ready yet" is an answer, not a failure.
  const isFailure = reply.statusCode >= 500 && request.routeOptions.url !== "/readyz";
  if (isFailure) request.log.warn(line, "request failed");
  else request.log.debug(line, "request");
}

function sendProblem(error: TallystickError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.code === "internal" || error.fatal) request.log.error({ err: error.cause ?? error }, error.message);
  const problem = problemOf(error);
  const retryAfterS = retryAfterOf(error);
  if (retryAfterS !== null) reply.header("retry-after", retryAfterS);
  return reply.code(problem.status).type(PROBLEM_TYPE).send(problem);
}

function notFound(parts: ApiParts, paths: DeclaredPaths, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split("?", 1)[0]!;
  const methods = paths.methodsOf(path);
  if (methods.length > 0) {
    reply.header("allow", methods.join(", "));
    return sendProblem(
      new TallystickError("method_not_allowed", `This path takes ${methods.join(", ")}.`),
      request,
      reply,
    );
  }
  const file = dashboardFile(parts.dashboard, request);
  if (file !== null) return sendDashboardFile(request, reply, file);
  const isHome = path === "/" && parts.dashboard.size === 0;
  const message = isHome ? "The dashboard was not built." : "There is no such path.";
  return sendProblem(
    new TallystickError("not_found", message, isHome ? { hint: "Run `npm run build`." } : {}),
    request,
    reply,
  );
}
