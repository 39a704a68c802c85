/**
 * What `fuzz.ts` sends: malformed bodies, queries and paths, and valid records with broken ones beside them, in every
 * format that intake reads.
 */
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";

/** Marks the valid records of one run. */
export const EPOCH = `fuzz-${randomBytes(4).toString("hex")}`;

export interface Shot {
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly encoding?: string;
  readonly body?: Buffer;
  /** What the valid record is known by that this body carries beside the broken ones. */
  readonly neighbour?: string;
}

const article =
  '{"timestamp":"2023-10-05T08:20:43Z","event_type":"API_CALL","service_id":"service-a","target_id":"service-b",' +
  '"request_id":"xyz-123","status":"success"}';
const span =
  '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeSpans":[{"spans":[' +
  '{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","kind":3,"name":"GET /x","startTimeUnixNano":"1544712660000000000",' +
  '"endTimeUnixNano":"1544712661000000000","attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}}]}]}]}]}';

const xml = `<records><record>${Object.entries(JSON.parse(article) as Record<string, string>)
  .map(([name, value]) => `<${name}>${value}</${name}>`)
  .join("")}<attributes><entry key="k">v</entry></attributes></record></records>`;

const nasty = fc.oneof(
  fc.string({ maxLength: 200, unit: "binary" }),
  fc.json({ maxDepth: 4 }),
  fc.constantFrom("", "null", "[]", "{}", "[[[[", '"', "\u0000", "\ud800", "NaN", "-0", "1e999", "[1,2]", "\ufeff{}"),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => "[".repeat(depth)),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => '{"a":'.repeat(depth)),
  mutated(article),
  mutated(span),
  mutated(xml),
);

/** A valid text with one place cut, repeated or replaced. */
function mutated(valid: string): fc.Arbitrary<string> {
  return fc
    .tuple(
      fc.nat(valid.length),
      fc.nat(40),
      fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('"', "\\", "}", "9".repeat(30))),
    )
    .map(([at, length, inserted]) => valid.slice(0, at) + inserted + valid.slice(at + length));
}

/** A protobuf field with a length (wire type 2) or a fixed 64-bit number (wire type 1). */
function field(number: number, value: Buffer | bigint): Buffer {
  if (typeof value === "bigint") {
    const bytes = Buffer.alloc(9, number * 8 + 1);
    bytes.writeBigUInt64LE(value, 1);
    return bytes;
  }
  const length = value.length < 128 ? [value.length] : [(value.length & 127) | 128, value.length >> 7];
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), value]);
}

const text = (number: number, value: string) => field(number, Buffer.from(value));
const attribute = (key: string, value: string) => Buffer.concat([text(1, key), field(2, text(1, value))]);

/** A client's span as OTLP's protobuf has it. */
function protobufSpan(traceId: string, epoch: string): Buffer {
  return Buffer.concat([
    field(1, Buffer.from(traceId, "hex")),
    field(2, Buffer.from("eee19b7ec3c1b174", "hex")),
    text(5, "GET /x"),
    Buffer.from([6 * 8, 3]),
    field(7, 1_544_712_660_000_000_000n),
    field(8, 1_544_712_661_000_000_000n),
    field(9, attribute("tallystick.producer_epoch", epoch)),
  ]);
}

function protobufBody(spans: readonly Buffer[]): Buffer {
  const resource = field(1, field(1, attribute("service.name", "a")));
  return field(1, Buffer.concat([resource, field(2, Buffer.concat(spans.map((span) => field(2, span))))]));
}

const protobuf = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }).map((changes) => {
  const body = protobufBody([protobufSpan("5b8efff798038103d269b633813fc60c", "mutated")]);
  for (const [at, value] of changes) body[at % body.length] = value;
  return body;
});

const bytes = fc.oneof(
  { weight: 3, arbitrary: nasty.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)) },
  { weight: 1, arbitrary: protobuf },
);

const bodies: fc.Arbitrary<Shot> = fc
  .tuple(
    fc.constantFrom(
      "/v1/records",
      "/v1/records?wait=nonsense",
      "/v1/traces",
      "/v1/logs",
      "/api/keys",
      "/api/login-link",
    ),
    fc.constantFrom(
      "application/json",
      "application/x-ndjson",
      "application/xml",
      "application/x-protobuf",
      "text/plain",
      "",
    ),
    fc.constantFrom("", "", "", "gzip", "zstd", "deflate", "br"),
    bytes,
    fc.boolean(),
  )
  .map(([path, type, encoding, body, packed]) => ({
    method: "POST",
    path,
    type,
    encoding,
    body: packed && encoding === "gzip" ? gzipSync(body) : body,
  }));

const neighbours: fc.Arbitrary<Shot> = fc
  .tuple(
    fc.constantFrom(ndjsonWith, jsonWith, xmlWith, spansWith, logsWith, protobufWith),
    fc.array(nasty, { maxLength: 3 }),
    fc.uuid(),
    fc.boolean(),
  )
  .map(([make, broken, id, packed]) => {
    const { path, type, body, known } = make(broken, id);
    const sent = packed ? gzipSync(body) : Buffer.from(body);
    return { method: "POST", path, type, body: sent, neighbour: known, ...(packed ? { encoding: "gzip" } : {}) };
  });

interface Neighbour {
  readonly path: string;
  readonly type: string;
  readonly body: string | Buffer;
  readonly known: string;
}

const validOf = (id: string) => article.replace("{", `{"id":"${id}","producer_epoch":"${EPOCH}",`);

function ndjsonWith(broken: readonly string[], id: string): Neighbour {
  const lines = [
    ...broken.map((text) => text.replaceAll(/[\r\n]/g, " ")),
    validOf(id),
    ...broken.map((text) => text.split("\n")[0]),
  ];
  return { path: "/v1/records", type: "application/x-ndjson", body: lines.join("\n"), known: `record ${id}` };
}

/** Of the broken texts only what is JSON can stand beside something. */
function jsonOf(broken: readonly string[]): readonly string[] {
  return broken.map((text) => {
    try {
      return JSON.stringify(JSON.parse(text));
    } catch {
      return JSON.stringify(text.slice(0, 100));
    }
  });
}

function jsonWith(broken: readonly string[], id: string): Neighbour {
  const body = `[${[...jsonOf(broken), validOf(id), ...jsonOf(broken)].join(",")}]`;
  return { path: "/v1/records", type: "application/json", body, known: `record ${id}` };
}

function xmlWith(broken: readonly string[], id: string): Neighbour {
  const others = broken.map((text) => `<record><status>${text.replaceAll(/[^ -;=?-~]|&/g, " ")}</status></record>`);
  const more = `<record><id>${id}</id><producer_epoch>${EPOCH}</producer_epoch>`;
  const valid = xml.slice("<records>".length, -"</records>".length).replace("<record>", more);
  const body = `<records>${others.join("")}${valid}${others.join("")}</records>`;
  return { path: "/v1/records", type: "application/xml", body, known: `xml ${id}` };
}

const marked = `{"key":"tallystick.producer_epoch","value":{"stringValue":"${EPOCH}"}}`;
const hexOf = (id: string) => id.replaceAll("-", "");

function spansWith(broken: readonly string[], id: string): Neighbour {
  const valid = span
    .replace("5b8efff798038103d269b633813fc60c", hexOf(id))
    .replace(`"attributes":[{"key":"http`, `"attributes":[${marked},{"key":"http`);
  const [before = "", after = ""] = valid.split(`"spans":[`);
  const body = `${before}"spans":[${[...jsonOf(broken), after].join(",")}`;
  return { path: "/v1/traces", type: "application/json", body, known: `span ${id}` };
}

function logsWith(broken: readonly string[], id: string): Neighbour {
  const valid = `{"timeUnixNano":"1544712660000000000","body":{"stringValue":"${id}"},"attributes":[${marked}]}`;
  const items = [...jsonOf(broken).filter((text) => !text.startsWith("{")), valid];
  const body = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${items.join(",")}]}]}]}`;
  return { path: "/v1/logs", type: "application/json", body, known: `log ${id}` };
}

function protobufWith(broken: readonly string[], id: string): Neighbour {
  const others = broken.map((text) => Buffer.from(text).subarray(0, 300));
  const body = protobufBody([...others, protobufSpan(hexOf(id), EPOCH)]);
  return { path: "/v1/traces", type: "application/x-protobuf", body, known: `span ${id}` };
}

const queries: fc.Arbitrary<Shot> = fc
  .tuple(
    fc.constantFrom(
      "/api/search?limit=5&q=",
      "/api/histogram?q=",
      "/api/facets?fields=status&q=",
      "/api/export?q=service_id:x AND ",
      "/api/export?after=",
      "/api/search?cursor=",
      "/api/search?from=",
      "/api/tail?q=%5B&x=",
    ),
    fc.oneof(
      nasty,
      fc.string({ maxLength: 60 }),
      fc.constantFrom(
        "a:(b",
        "a:[1 TO",
        "((((",
        'x:"',
        "a:>",
        "NOT",
        "* OR",
        "a:{* TO *}",
        "'; DROP TABLE records; --",
      ),
    ),
  )
  .map(([path, text]) => ({
    method: "GET",
    path: encodeURI(path) + encodeURIComponent(Buffer.from(text.slice(0, 3_000)).toString()),
  }));

const paths: fc.Arbitrary<Shot> = fc
  .tuple(
    fc.constantFrom("GET", "HEAD", "PUT", "DELETE", "PATCH", "POST", "OPTIONS"),
    fc.constantFrom("/trees/", "/trees/default/2026-11/tile/", "/api/records/", "/api/keys/", "/login?token=", "/"),
    fc.oneof(
      fc.webPath(),
      fc.constantFrom("../../etc/passwd", "..%2f..%2fkms.key", "%00", "0/x-01", "entries/999", "0/000.p/256"),
    ),
  )
  .map(([method, prefix, rest]) => ({ method, path: prefix + rest.replace(/^\//, "") }));

export const shots = fc.oneof(
  { weight: 5, arbitrary: bodies },
  { weight: 2, arbitrary: neighbours },
  { weight: 2, arbitrary: queries },
  { weight: 1, arbitrary: paths },
);
