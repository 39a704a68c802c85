/**
 * Seeded records of machine traffic, 840 bytes each as JSON: forty services calling each other with ids, traces,
 * credentials, peers and a few attributes. About 60 bytes of a record are random (ids, trace and span ids,
 * durations); the rest repeats as real traffic repeats.
 */

export const RECORD_BYTES = 840;
const SERVICES = 40;
const VERBS = ["GET", "POST", "PUT", "DELETE"] as const;
const ACTIONS = { GET: "read", POST: "create", PUT: "update", DELETE: "delete" } as const;
const NOUNS = [
  "orders",
  "payments",
  "invoices",
  "users",
  "sessions",
  "carts",
  "shipments",
  "prices",
  "stock",
  "ledgers",
];
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
const HEX = Array.from({ length: 65_536 }, (_, n) => n.toString(16).padStart(4, "0"));

export interface Generator {
  /** NDJSON of `count` records; the next call goes on where this one ended. */
  batch(count: number): string;
  /** request_id of record `n` (0-based). */
  requestId(n: number): string;
}

/** `startMs`: time of the first record; each next one is `stepUs` later. */
export function generator(seed: number, startMs: number, stepUs: number): Generator {
  const random = xorshift(seed);
  const hex = (words: number): string => {
    let text = "";
    for (let i = 0; i < words; i += 1) text += HEX[random() & 0xffff];
    return text;
  };
  const edges = Array.from({ length: 200 }, (_, n) => edge(n, random));
  const momentOf = moments();
  let n = 0;
  const next = (): string => {
    const at = startMs * 1_000 + n * stepUs;
    const from = edges[random() % edges.length]!;
    const failed = random() % 100;
    const moment = momentOf(at);
    const id = `${moment.uuid}7${hex(1).slice(1)}-8${hex(1).slice(1)}-${hex(3)}`;
    const outcome = failed < 2 ? OUTCOMES[0] : failed < 4 ? OUTCOMES[1] : failed < 5 ? OUTCOMES[2] : OUTCOMES[3];
    const object = random() % 100_000;
    const line =
      `{"id":"${id}","timestamp":"${moment.second}${String(at % 1_000).padStart(3, "0")}Z",${from.names}` +
      `"request_id":"${requestId(n)}","trace_id":"${hex(8)}","span_id":"${hex(4)}","parent_span_id":"${hex(4)}",` +
      `${from.operation}/${object}",${outcome}"duration_us":${200 + (random() % 90_000)},` +
      `${from.identity}"producer_seq":${n},` +
      `"request_size":${random() % 4_096},"response_size":${random() % 16_384},`;
    n += 1;
    return pad(line, from.attributes);
  };
  return {
    batch(count) {
      let text = "";
      for (let i = 0; i < count; i += 1) text += next();
      return text;
    },
    requestId,
  };
}

const OUTCOMES = [
  '"status":"error","status_code":"503","error_type":"UpstreamUnavailable",',
  '"status":"denied","status_code":"403","error_type":"PolicyDenied",',
  '"status":"timeout","status_code":"504","error_type":"DeadlineExceeded",',
  '"status":"success","status_code":"200",',
] as const;

function requestId(n: number): string {
  return `req-${n.toString(36).padStart(8, "0")}`;
}

function edge(n: number, random: () => number) {
  const caller = `${NAMES[n % NAMES.length]}-${n % SERVICES}`;
  const callee = `${NAMES[random() % NAMES.length]}-${random() % SERVICES}`;
  const verb = VERBS[random() % VERBS.length]!;
  const noun = NOUNS[random() % NOUNS.length]!;
  const key = Array.from({ length: 8 }, () => HEX[random() & 0xffff]).join("");
  const version = `2.${random() % 9}.${random() % 20}`;
  return {
    names: `"event_type":"API_CALL","side":"caller","service_id":"${caller}","target_id":"${callee}",`,
    operation: `"operation":"${verb} /${noun}/{id}","action":"${ACTIONS[verb]}","protocol":"http","resource":"/${noun}`,
    identity:
      `"auth_method":"mtls","credential_id":"${key}","peer_address":"10.4.${n}.${random() % 250}","peer_port":8443,` +
      `"producer_id":"${caller}-7d9f","environment":"prod",` +
      `"service_version":"${version}",`,
    attributes: `"attributes":{"http.route":"/${noun}/{id}","pod":"${caller}-`,
  };
}

/** Closes the record, its last attribute filled so that the line has exactly RECORD_BYTES with its newline. */
function pad(line: string, attributes: string): string {
  const open = line + attributes;
  const missing = RECORD_BYTES - open.length - 4;
  return `${open}${PADDING.slice(0, Math.max(missing, 0))}"}}\n`;
}

const PADDING = "7d9fc6b5d4-x2x8q-canary-blue-".repeat(20);

/** Texts of a millisecond, kept for the records that share it. */
function moments(): (us: number) => { readonly second: string; readonly uuid: string } {
  let kept = { ms: -1, second: "", uuid: "" };
  return (us) => {
    const ms = Math.floor(us / 1_000);
    if (ms === kept.ms) return kept;
    const time = ms.toString(16).padStart(12, "0");
    kept = { ms, second: new Date(ms).toISOString().slice(0, 23), uuid: `${time.slice(0, 8)}-${time.slice(8)}-` };
    return kept;
  };
}

/** Marsaglia's xorshift32: fast, seeded, good enough to make ids that do not repeat within a run. */
function xorshift(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}
