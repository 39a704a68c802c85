/**
 * One half of a seeded call as a line of NDJSON: about as long as the spine's bench records, and the same bytes each
 * time, its id as well, so that sending it again stores nothing twice.
 */
import { RECORD_BYTES } from "../generator.js";
import { drawOf } from "./calls.js";
import { BROKER, SERVICE_NAMES, skewUs, strangerTo, THIRD_PARTIES } from "./world.js";
/** Attribute by which a run finds the records of the calls that it broke or delayed; pairing does not look at it. */
export const SEEDED_ATTRIBUTE = "bench.seeded";
export const SEEDED_LATE = "late";
const PADDING = "7d9fc6b5d4-x2x8q-canary-blue-".repeat(20);
const TEN_MINUTES_US = 600_000_000;
const GAVE_UP_US = 350_000;
const OUTCOMES = [
  { status: "success", code: "200" },
  { status: "error", code: "503" },
  { status: "denied", code: "403" },
  { status: "timeout", code: "504" },
  { status: "error", code: "404" },
];
export function halfRecord(call, half, timeline) {
  const draw = drawOf(timeline.seed ^ 0x51f1_5eed, call.n);
  const isMessage = call.shape === "message";
  const trace = hex(draw, 8);
  const span = hex(draw, 4);
  const told = tell(call, half, draw, timeline);
  const verb = half.side === "caller" ? "PUBLISH" : "CONSUME";
  const open =
    `{"id":"${idOf(call, half, timeline)}","timestamp":"${momentText(told.beginUs)}",` +
    `"event_type":"${isMessage ? `MESSAGE_${verb}` : "API_CALL"}","side":"${half.side}","attempt":${half.attempt},` +
    (isMessage ? messageParties(call, half) : callParties(call, half, timeline.seed)) +
    identifiers(call, half, trace, span) +
    (isMessage ? messageOperation(call, half) : operation(call, half)) +
    `"status":"${told.status}",${told.code === "" ? "" : `"status_code":"${told.code}",`}` +
    `${told.errorType === "" ? "" : `"error_type":"${told.errorType}",`}"duration_us":${told.durationUs},` +
    (isMessage ? "" : content(call, half, draw)) +
    `"environment":"prod","service_version":"2.${call.n % 9}.1","attributes":{${attributes(call)}"pod":"`;
  return `${open}${PADDING.slice(0, Math.max(RECORD_BYTES - open.length - 4, 0))}"}}\n`;
}
/** When each side began, by its own clock, and what it saw. Each side takes the same numbers from `draw`. */
function tell(call, half, draw, timeline) {
  const { shape, edge } = call;
  const isCaller = half.side === "caller";
  const busyUs = 800 + (draw() % 90_000);
  const wayUs = 150 + (draw() % 2_500);
  const troubled = draw() % 100;
  const outcome = OUTCOMES[call.broken === null && troubled <= 4 ? troubled : 0];
  const startUs = timeline.startMs * 1_000 + call.n * timeline.stepUs;
  const againUs = 20_000 + (draw() % 400_000);
  const untilReadUs = 700 - (draw() % 1_500);
  const turn = shape === "retried" && !isCaller ? 1 : half.number;
  const laterUs = turn * againUs + (isCaller ? 0 : wayUs);
  const wrongUs = shape === "discrepancy_time" && !isCaller ? TEN_MINUTES_US : 0;
  const clockUs = half.side === "observer" ? 0 : skewUs(recorderOf(call, half));
  const beginUs = startUs + laterUs + wrongUs + clockUs;
  const durationUs = isCaller ? busyUs : Math.max(busyUs - wayUs - untilReadUs, 1);
  const seen = { status: outcome.status, code: outcome.code, errorType: "", durationUs };
  // OpenTelemetry's Node SDK begins its spans at whole milliseconds.
  const at = { beginUs: edge.style === "named" ? beginUs : beginUs - (beginUs % 1_000) };
  return { ...seen, ...at, ...exception(call, half, durationUs) };
}
/** Where what a half saw is not the common outcome. */
function exception({ shape }, { side, number }, durationUs) {
  const isCaller = side === "caller";
  const ok = { status: "success", code: "200" };
  switch (shape) {
    case "message":
      // What a consumer makes of a message is no business of its publisher.
      return number === 2 ? { status: "error", code: "", errorType: "Error" } : { status: "success", code: "" };
    case "late_success":
      if (!isCaller) return { ...ok, durationUs: GAVE_UP_US * 2 + durationUs };
      return { status: "timeout", code: "", errorType: "TimeoutError", durationUs: GAVE_UP_US };
    case "cancelled":
      return isCaller ? { status: "unknown", code: "" } : ok;
    case "cut_off":
      return isCaller ? { status: "error", code: "", errorType: "UND_ERR_SOCKET" } : ok;
    case "refused":
      return { status: "error", code: "", errorType: "ECONNREFUSED", durationUs: 900 };
    case "retried":
      return isCaller && number === 0 ? { status: "error", code: "", errorType: "UND_ERR_SOCKET" } : ok;
    case "discrepancy_status":
      return isCaller ? ok : { status: "error", code: "500", errorType: "InternalError" };
    default:
      return {};
  }
}
function recorderOf(call, half) {
  if (half.side === "caller") return call.edge.caller;
  return call.shape === "message" ? consumerOf(call, half.number) : call.edge.callee;
}
function consumerOf({ edge }, number) {
  const first = SERVICE_NAMES.indexOf(edge.callee);
  return SERVICE_NAMES[(first + number) % SERVICE_NAMES.length];
}
function callParties({ edge, shape, n }, { side }, seed) {
  const isCaller = side === "caller";
  const isAddressed = edge.style === "addressed";
  const third = THIRD_PARTIES[n % THIRD_PARTIES.length];
  const target =
    shape === "third_party" ? third : isAddressed && isCaller ? `address:${edge.calleeAddress}` : edge.callee;
  const outside = `address:198.51.100.${(n ^ seed) & 127}`;
  const seen = isAddressed && !isCaller ? `address:${edge.callerAddress}` : edge.caller;
  return `"service_id":"${shape === "outside_caller" ? outside : seen}","target_id":"${target}",${side === "observer" ? '"recorder_id":"mesh-proxy",' : ""}`;
}
function messageParties(call, half) {
  if (half.side === "caller") return `"service_id":"${call.edge.caller}","target_id":"${BROKER}",`;
  return `"service_id":"${BROKER}","target_id":"${consumerOf(call, half.number)}",`;
}
function identifiers({ edge, shape, n }, half, trace, span) {
  const request = `"request_id":"req-${n.toString(36).padStart(8, "0")}",`;
  if (edge.style === "named") return request;
  if (shape === "outside_caller") return `${request}"trace_id":"${trace}","span_id":"${span}",`;
  const own = ((Number.parseInt(span.slice(0, 8), 16) ^ (half.number + 1)) >>> 0).toString(16);
  const spans =
    half.side === "caller"
      ? `"span_id":"${span}",`
      : `"span_id":"${own.padStart(8, "0")}${span.slice(8)}","parent_span_id":"${span}",`;
  return `"trace_id":"${trace}",${spans}`;
}
function operation({ edge, shape, n }, { side }) {
  const isCaller = side === "caller";
  const verb = shape === "discrepancy_operation" && !isCaller ? "DELETE" : edge.verb;
  const told = edge.style !== "named" && isCaller ? verb : `${verb} ${edge.route}`;
  return `"operation":"${told}","protocol":"http","resource":"${edge.route.replace("{id}", String(n % 100_000))}",`;
}
function messageOperation({ edge, n }, { side }) {
  const topic = `${edge.callee}.changed`;
  return `"operation":"${side === "caller" ? "publish" : "consume"} ${topic}","protocol":"kafka","resource":"${topic}","producer_epoch":"m${n % 7}",`;
}
/** Sizes, digests, credential and peer, as far as the style of the edge tells them. */
function content(call, { side }, draw) {
  const { edge, shape } = call;
  const isCallee = side === "callee";
  const requestSize = draw() % 4_096;
  const responseSize = (draw() % 16_384) + (isCallee && shape === "discrepancy_size" ? 1_024 : 0);
  const credential =
    isCallee && shape !== "outside_caller" ? `"auth_method":"mtls","credential_id":"${edge.credential}",` : "";
  if (edge.style === "addressed" || side === "observer") return credential;
  const sizes = `"request_size":${requestSize},"response_size":${responseSize},`;
  if (edge.style === "traced") return credential + sizes;
  const request = digest(draw, isCallee && shape === "discrepancy_request_digest");
  const response = digest(draw, isCallee && shape === "discrepancy_response_digest");
  const peer = !isCallee ? edge.callee : shape === "discrepancy_identity" ? strangerTo(edge) : edge.caller;
  return (
    `${credential}${sizes}"request_digest":"sha256:${request}","response_digest":"sha256:${response}",` +
    `"peer_identity":"spiffe://fleet.example/${peer}",`
  );
}
/** As random as the spine's bench records are, not more. */
function digest(draw, isWrong) {
  const right = hex(draw, 4);
  const wrong = hex(draw, 4);
  return (isWrong ? wrong : right).repeat(4);
}
function attributes({ n, shape, edge, broken, late }) {
  const message =
    shape === "message"
      ? `"messaging.destination.name":"${edge.callee}.changed","messaging.message.id":"msg-${n.toString(36)}",`
      : "";
  const seeded = broken ?? (late ? SEEDED_LATE : "");
  return message + (seeded === "" ? "" : `"${SEEDED_ATTRIBUTE}":"${seeded}",`);
}
const SIDES = { caller: "1", callee: "2", observer: "3" };
function idOf({ n }, half, { seed, startMs, stepUs }) {
  const time = Math.floor(startMs + (n * stepUs) / 1_000)
    .toString(16)
    .padStart(12, "0");
  const part = `${SIDES[half.side]}${half.number}${half.attempt}`;
  const tail = n.toString(16).padStart(8, "0") + (seed & 0xffff).toString(16).padStart(4, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${part}-8000-${tail}`;
}
const HEX = Array.from({ length: 65_536 }, (_, n) => n.toString(16).padStart(4, "0"));
function hex(draw, words) {
  let text = "";
  for (let i = 0; i < words; i += 1) text += HEX[draw() & 0xffff];
  return text;
}
const seconds = new Map();
const MAX_SECONDS = 1_000;
/** RFC 3339 of microseconds since 1970; the texts of seconds are kept for the halves that share them. */
function momentText(us) {
  const second = Math.floor(us / 1e6);
  let text = seconds.get(second);
  if (text === undefined) {
    if (seconds.size >= MAX_SECONDS) seconds.clear();
    text = new Date(second * 1_000).toISOString().slice(0, 20);
    seconds.set(second, text);
  }
  return `${text}${String(us - second * 1e6).padStart(6, "0")}Z`;
}
//# sourceMappingURL=half-record.js.map
