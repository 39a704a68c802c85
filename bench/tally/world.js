/**
 * The services of the tally's benches: who calls whom, how each pair of them names a call, and how wrong their clocks
 * are. A third of it is as a fleet with OpenTelemetry and addresses alone is, since that is what most fleets are.
 */
const SERVICES = 40;
const EDGES = 160;
const VERBS = ["GET", "POST", "PUT"];
const NAMES = [
  "billing",
  "catalog",
  "checkout",
  "delivery",
  "fraud",
  "gateway",
  "identity",
  "notify",
  "reports",
  "risk",
];
const NOUNS = ["orders", "invoices", "users", "sessions", "carts", "shipments", "prices", "stock", "ledgers"];
const SKEWS_MS = { 2: 300, 3: -300, 6: 1_500, 9: -1_500 };
export const SERVICE_NAMES = Array.from({ length: SERVICES }, (_, n) => nameOf(n));
export const ALL_EDGES = Array.from({ length: EDGES }, (_, n) => edgeOf(n));
/** Parties that never record: an acquirer by name, a partner's web hook by address. */
export const THIRD_PARTIES = ["acquirer", "address:hooks.partner.example:443"];
export const BROKER = "broker";
export const CONSUMERS = 3;
export function edgesOf(...styles) {
  return ALL_EDGES.filter(({ style }) => styles.includes(style));
}
/** How far the clock of a service is off, constant, in microseconds. */
export function skewUs(service) {
  return (SKEWS_MS[Number(service.slice(service.lastIndexOf("-") + 1)) % 10] ?? 0) * 1_000;
}
/** A service other than the two of the edge. */
export function strangerTo({ caller, callee }) {
  return SERVICE_NAMES.find((name) => name !== caller && name !== callee) ?? "stranger";
}
function nameOf(n) {
  return `${NAMES[n % NAMES.length]}-${n}`;
}
/** Each service calls four others; every second one by request id, the rest by trace. */
function edgeOf(n) {
  const from = n % SERVICES;
  const to = (from + 1 + ((n * 7) % (SERVICES - 1))) % SERVICES;
  const noun = NOUNS[n % NOUNS.length];
  return {
    caller: nameOf(from),
    callee: nameOf(to),
    style: from % 2 === 1 ? "named" : from % 4 === 0 ? "addressed" : "traced",
    verb: VERBS[n % VERBS.length],
    route: `/${noun}/{id}`,
    credential: `sha256:${n.toString(16).padStart(2, "0").repeat(32)}`,
    callerAddress: `10.4.${from}.1`,
    calleeAddress: `${nameOf(to)}.internal:8443`,
  };
}
//# sourceMappingURL=world.js.map
