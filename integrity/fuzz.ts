/**
 * Malformed bodies, queries and paths at every endpoint: no crash, no 5xx but an honest 503, no hang, and a valid
 * record beside a broken one is kept. Seeded: the seed of a failing run is printed.
 *
 * `npm run integrity -- fuzz [--bodies 100000] [--seed N] [--small]`
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { startServer, until, type RunningServer } from "./running-server.ts";

const { values: options } = parseArgs({
  options: {
    bodies: { type: "string", default: "100000" },
    seed: { type: "string", default: String(randomBytes(4).readInt32LE()) },
    small: { type: "boolean", default: false },
  },
});
const BODIES = options.small ? 3_000 : Number(options.bodies);
const IN_FLIGHT = 8;
const HANG_MS = 20_000;
const EPOCH = `fuzz-${randomBytes(4).toString("hex")}`;

interface Shot {
  readonly method: string;
  readonly path: string;
  readonly type?: string;
  readonly encoding?: string;
  readonly body?: Buffer;
  /** Id of a valid record that this body carries beside the broken ones. */
  readonly neighbour?: string;
}

const article =
  '{"timestamp":"2023-10-05T08:20:43Z","event_type":"API_CALL","service_id":"service-a","target_id":"service-b",' +
  '"request_id":"xyz-123","status":"success"}';
const span =
  '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"scopeSpans":[{"spans":[' +
  '{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","kind":3,"name":"GET /x","startTimeUnixNano":"1",' +
  '"endTimeUnixNano":"2","attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}}]}]}]}]}';

const nasty = fc.oneof(
  fc.string({ maxLength: 200, unit: "binary" }),
  fc.json({ maxDepth: 4 }),
  fc.constantFrom("", "null", "[]", "{}", "[[[[", '"', "\u0000", "\ud800", "NaN", "-0", "1e999", "[1,2]", "\ufeff{}"),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => "[".repeat(depth)),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => '{"a":'.repeat(depth)),
  mutated(article),
  mutated(span),
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

const bytes = fc.oneof(
  { weight: 3, arbitrary: nasty.map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array)) },
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

const neighbours: fc.Arbitrary<Shot> = fc.tuple(fc.array(nasty, { maxLength: 3 }), fc.uuid()).map(([broken, id]) => {
  const valid = article.replace("{", `{"id":"${id}","producer_epoch":"${EPOCH}",`);
  const lines = [
    ...broken.map((text) => text.replaceAll(/[\r\n]/g, " ")),
    valid,
    ...broken.map((text) => text.split("\n")[0]),
  ];
  return {
    method: "POST",
    path: "/v1/records",
    type: "application/x-ndjson",
    body: Buffer.from(lines.join("\n")),
    neighbour: id,
  };
});

const queries: fc.Arbitrary<Shot> = fc
  .tuple(
    fc.constantFrom(
      "/api/search?limit=5&q=",
      "/api/histogram?q=",
      "/api/facets?fields=status&q=",
      "/api/export?q=service_id:x AND ",
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

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });

function shoot(server: RunningServer, shot: Shot): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string | number> = { authorization: `Bearer ${server.token}` };
    if (shot.type) headers["content-type"] = shot.type;
    if (shot.encoding) headers["content-encoding"] = shot.encoding;
    if (shot.body !== undefined) headers["content-length"] = shot.body.length;
    const sending = request(`${server.url}${shot.path}`, { method: shot.method, agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sending.setTimeout(HANG_MS, () => sending.destroy(new Error(`no answer in ${HANG_MS} ms`)));
    sending.on("error", (error: NodeJS.ErrnoException) =>
      // The server may close a connection whose request it refused before all of it was sent.
      ["ECONNRESET", "EPIPE"].includes(error.code ?? "")
        ? resolve({ status: 0, headers: {}, text: "" })
        : reject(error),
    );
    sending.end(shot.body);
  });
}

function judge(shot: Shot, reply: Reply): string | null {
  if (reply.status >= 500 && !(reply.status === 503 && reply.headers["retry-after"] !== undefined)) return "5xx";
  if (shot.neighbour !== undefined && reply.status !== 200) return `a valid neighbour was refused with ${reply.status}`;
  return null;
}

async function main(): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "tallystick-fuzz-"));
  const server = await startServer(data);
  const all = fc.oneof(
    { weight: 5, arbitrary: bodies },
    { weight: 2, arbitrary: neighbours },
    { weight: 2, arbitrary: queries },
    { weight: 1, arbitrary: paths },
  );
  const shots = fc.sample(all, { seed: Number(options.seed), numRuns: BODIES });
  const statuses: Record<string, number> = {};
  const kept: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < shots.length) {
      const shot = shots[next++]!;
      const reply = await shoot(server, shot);
      const wrong = server.process.exitCode === null ? judge(shot, reply) : "the server ended";
      if (wrong !== null) throw new Error(`${wrong}: ${describe(shot)} → ${reply.status} ${reply.text.slice(0, 500)}`);
      statuses[reply.status] = (statuses[reply.status] ?? 0) + 1;
      if (shot.neighbour !== undefined) kept.push(shot.neighbour);
      if (next % 500 === 0) process.stderr.write(`\r${next}/${shots.length}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    await allKept(server, kept);
    if ((await server.stop()) !== 0) throw new Error("the server did not stop cleanly");
  } catch (error) {
    process.stderr.write(`\nseed ${options.seed}\n${server.log().slice(-3_000)}\n`);
    await server.kill();
    throw error;
  } finally {
    agent.destroy();
    rmSync(data, { recursive: true, force: true });
  }
  process.stdout.write(
    `\n${JSON.stringify({ property: "fuzz", seed: options.seed, bodies: shots.length, statuses, neighbours_kept: kept.length })}\n`,
  );
}

async function allKept(server: RunningServer, kept: readonly string[]): Promise<void> {
  const expected = new Set(kept);
  await until(60_000, `${expected.size} valid neighbours to be found`, async () => {
    const text = await (await server.fetch(`/api/export?format=ndjson&q=producer_epoch:${EPOCH}`)).text();
    return text.split("\n").filter(Boolean).length === expected.size ? true : undefined;
  });
}

function describe(shot: Shot): string {
  return `${shot.method} ${shot.path} ${shot.type ?? ""} ${shot.encoding ?? ""} ${shot.body?.subarray(0, 300).toString("latin1") ?? ""}`;
}

await main();
