/**
 * Seeded records of machine traffic, 840 bytes each as JSON: forty services calling each other with ids, traces,
 * credentials, peers and a few attributes. About 60 bytes of a record are random (ids, trace and span ids,
 * durations); the rest repeats as real traffic repeats.
 */
export const RECORD_BYTES = 840;
const SERVICES = 40;
const VERBS = ["GET", "POST", "PUT", "DELETE"];
const ACTIONS = { GET: "read", POST: "create", PUT: "update", DELETE: "delete" };
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
const HEX_DIGITS = Buffer.from("0123456789abcdef");
/** `startMs`: time of the first record; each next one is `stepUs` later. */
export function generator(seed, startMs, stepUs) {
  const random = xorshift(seed);
  const edges = Array.from({ length: 200 }, (_, n) => edge(n, random));
  const writeMoment = moments();
  let n = 0;
  const writeNext = (line) => {
    const at = startMs * 1_000 + n * stepUs;
    const from = edges[random() % edges.length];
    const failed = random() % 100;
    const outcome = failed < 2 ? OUTCOMES[0] : failed < 4 ? OUTCOMES[1] : failed < 5 ? OUTCOMES[2] : OUTCOMES[3];
    const start = line.at;
    writeMoment(line, Math.floor(at / 1_000), random);
    const object = random() % 100_000;
    line.padded(at % 1_000, 3);
    line.copy(from.names);
    line.text(requestId(n));
    line.copy(PIECES.trace);
    line.hex(32, random);
    line.copy(PIECES.span);
    line.hex(16, random);
    line.copy(PIECES.parent);
    line.hex(16, random);
    line.copy(from.operation);
    line.decimal(object);
    line.copy(outcome);
    line.decimal(200 + (random() % 90_000));
    line.copy(from.identity);
    line.decimal(n);
    line.copy(PIECES.requestSize);
    line.decimal(random() % 4_096);
    line.copy(PIECES.responseSize);
    line.decimal(random() % 16_384);
    line.copy(from.attributes);
    line.copy(PADDING.subarray(0, Math.max(start + RECORD_BYTES - CLOSING.length - line.at, 0)));
    line.copy(CLOSING);
    n += 1;
  };
  return {
    batch(count) {
      const line = new LineWriter(count * MAX_RECORD_BYTES);
      for (let i = 0; i < count; i += 1) writeNext(line);
      return line.written();
    },
    requestId,
  };
}
/** ASCII into one buffer, without a string a record: a loader must leave the cores to what it loads. */
class LineWriter {
  at = 0;
  #bytes;
  constructor(capacity) {
    this.#bytes = Buffer.allocUnsafe(capacity);
  }
  copy(piece) {
    this.#bytes.set(piece, this.at);
    this.at += piece.length;
  }
  text(ascii) {
    for (let i = 0; i < ascii.length; i += 1) this.#bytes[this.at++] = ascii.charCodeAt(i);
  }
  /** Random digits; a draw gives four. */
  hex(digits, random) {
    for (let left = digits; left > 0; left -= 4) {
      const word = random();
      for (let shift = 4 * Math.min(left, 4) - 4; shift >= 0; shift -= 4) {
        this.#bytes[this.at++] = HEX_DIGITS[(word >> shift) & 15];
      }
    }
  }
  decimal(value) {
    this.padded(value, String(value).length);
  }
  padded(value, digits) {
    let rest = value;
    for (let at = this.at + digits - 1; at >= this.at; at -= 1) {
      this.#bytes[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.at += digits;
  }
  written() {
    return this.#bytes.subarray(0, this.at);
  }
}
const OUTCOMES = [
  pieceOf('","status":"error","status_code":"503","error_type":"UpstreamUnavailable","duration_us":'),
  pieceOf('","status":"denied","status_code":"403","error_type":"PolicyDenied","duration_us":'),
  pieceOf('","status":"timeout","status_code":"504","error_type":"DeadlineExceeded","duration_us":'),
  pieceOf('","status":"success","status_code":"200","duration_us":'),
];
const PIECES = {
  trace: pieceOf('","trace_id":"'),
  span: pieceOf('","span_id":"'),
  parent: pieceOf('","parent_span_id":"'),
  requestSize: pieceOf(',"request_size":'),
  responseSize: pieceOf(',"response_size":'),
};
/** The last attribute is filled up to it, so that the line has exactly RECORD_BYTES with its newline. */
const PADDING = pieceOf("7d9fc6b5d4-x2x8q-canary-blue-".repeat(20));
const CLOSING = pieceOf('"}}\n');
/** Room for a record that is longer than it should be. */
const MAX_RECORD_BYTES = RECORD_BYTES + 64;
function pieceOf(ascii) {
  return Buffer.from(ascii, "latin1");
}
function requestId(n) {
  return `req-${n.toString(36).padStart(8, "0")}`;
}
function edge(n, random) {
  const caller = `${NAMES[n % NAMES.length]}-${n % SERVICES}`;
  const callee = `${NAMES[random() % NAMES.length]}-${random() % SERVICES}`;
  const verb = VERBS[random() % VERBS.length];
  const noun = NOUNS[random() % NOUNS.length];
  const key = Array.from({ length: 8 }, () => (random() & 0xffff).toString(16).padStart(4, "0")).join("");
  const version = `2.${random() % 9}.${random() % 20}`;
  return {
    names: pieceOf(
      `Z","event_type":"API_CALL","side":"caller","service_id":"${caller}","target_id":"${callee}","request_id":"`,
    ),
    operation: pieceOf(
      `","operation":"${verb} /${noun}/{id}","action":"${ACTIONS[verb]}","protocol":"http","resource":"/${noun}/`,
    ),
    identity: pieceOf(
      `,"auth_method":"mtls","credential_id":"${key}","peer_address":"10.4.${n}.${random() % 250}","peer_port":8443,` +
        `"producer_id":"${caller}-7d9f","environment":"prod","service_version":"${version}","producer_seq":`,
    ),
    attributes: pieceOf(`,"attributes":{"http.route":"/${noun}/{id}","pod":"${caller}-`),
  };
}
/** Writes id and the first part of the time; what is the same in a millisecond is kept. */
function moments() {
  let kept = { ms: -1, opening: pieceOf(""), time: pieceOf("") };
  return (line, ms, random) => {
    if (ms !== kept.ms) {
      const hex = ms.toString(16).padStart(12, "0");
      const second = new Date(ms).toISOString().slice(0, 23);
      const opening = pieceOf(`{"id":"${hex.slice(0, 8)}-${hex.slice(8)}-7`);
      kept = { ms, opening, time: pieceOf(`","timestamp":"${second}`) };
    }
    line.copy(kept.opening);
    line.hex(3, random);
    line.text("-8");
    line.hex(3, random);
    line.text("-");
    line.hex(12, random);
    line.copy(kept.time);
  };
}
/** Marsaglia's xorshift32: fast, seeded, good enough to make ids that do not repeat within a run. */
function xorshift(seed) {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
//# sourceMappingURL=generator.js.map
