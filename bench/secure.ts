/**
 * What security costs, each measured against the same work without it, in turns on the same machine:
 * ingest over TLS 1.3 with client certificates against plain loopback; signed batches against the same batches
 * unsigned; searches with a scope that names everything one by one, and with one of five services,
 * against searches without one. Medians of the rounds, and of the ratios within each.
 * `npm run bench -- secure [--only wire,signed,scopes] [--records 300000] [--rounds 3] [--search-records 1000000]
 * [--runs 15]`
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { caughtUp, startServer, type RunningServer } from "../integrity/running-server.ts";
import { generator } from "./generator.ts";
import { runLoader } from "./load.ts";
import type { LoadOrder } from "./loader.ts";
import { cpuSeconds, quantile, rounded } from "./measure.ts";
import { prepareBatches } from "./secure/prepared.ts";
import { clientOf, fetchAs, makeCertificates, startSecurely } from "./secure/wire.ts";

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "300000" },
    rounds: { type: "string", default: "3" },
    "search-records": { type: "string", default: "1000000" },
    runs: { type: "string", default: "15" },
    only: { type: "string", default: "wire,signed,scopes" },
  },
});
const RECORDS = Number(options.records);
const ROUNDS = Number(options.rounds);
const SEARCH_RECORDS = Number(options["search-records"]);
const BATCH = 1_000;
const CATCH_UP_TIMEOUT_MS = 600_000;
const home = mkdtempSync(join(tmpdir(), "tallystick-secure-"));
const certificates = join(home, "tls");

interface Speed {
  readonly acknowledged: number;
  readonly searchable: number;
  /** Microseconds of the server's and the engine's processors for a record, until it is searchable. */
  readonly cpuUs: number;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const median = (values: readonly number[]): number =>
  quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );

/** Loads and waits until all is searchable; records a second by both. */
async function load(server: RunningServer, order: Partial<LoadOrder>): Promise<Speed> {
  const records = order.records ?? RECORDS;
  const started = performance.now();
  const whole: LoadOrder = {
    url: server.url,
    token: server.token,
    what: "records",
    records,
    batch: BATCH,
    connections: 4,
    seed: 1,
    startMs: Date.now() - records / 50,
    stepUs: 20,
    ...order,
  };
  const spent = (): number => [server.pid, ...server.children()].reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const before = spent();
  const report = await runLoader(whole, () => undefined);
  if (report.acknowledged !== records) throw new Error(`${report.acknowledged} of ${records} were acknowledged`);
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  return {
    acknowledged: records / (report.elapsedMs / 1_000),
    searchable: records / ((performance.now() - started) / 1_000),
    cpuUs: ((spent() - before) / records) * 1e6,
  };
}

/**
 * Each side on a fresh folder, in turns, the first one last in every other round: what the machine does meanwhile, and
 * what it becomes over time, falls on both. A ratio is that of two neighbours; the median of the rounds' counts.
 */
async function inTurns(name: string, sides: readonly [Side, Side]) {
  const rounds: (readonly [Speed, Speed])[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const speeds = new Map<Side, Speed>();
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const speed = await side.run();
      speeds.set(side, speed);
      const [acknowledged, searchable] = [speed.acknowledged, speed.searchable].map(Math.round);
      const cpu = `${rounded(speed.cpuUs)} us of CPU a record`;
      say(`${name} ${side.name}: ${acknowledged} acknowledged/s, ${searchable} searchable/s, ${cpu}`);
    }
    const [without, with_] = sides.map((side) => speeds.get(side)!);
    rounds.push([without!, with_!]);
  }
  const perSecond = (of: (speed: Speed) => number) =>
    Object.fromEntries(
      sides.map(({ name: side }, place) => [side, Math.round(median(rounds.map((pair) => of(pair[place]!))))]),
    );
  const ratios = (of: (speed: Speed) => number) =>
    rounds.map(([without, with_]) => rounded(of(with_) / of(without), 3));
  const [acknowledged, searchable] = [({ acknowledged: one }: Speed) => one, ({ searchable: one }: Speed) => one];
  return {
    acknowledged_per_second: perSecond(acknowledged),
    searchable_per_second: perSecond(searchable),
    ratios_acknowledged: ratios(acknowledged),
    ratio_acknowledged: median(ratios(acknowledged)),
    ratios_searchable: ratios(searchable),
    ratio_searchable: median(ratios(searchable)),
    cpu_us_a_record: Object.fromEntries(
      sides.map(({ name: side }, place) => [side, rounded(median(rounds.map((pair) => pair[place]!.cpuUs)), 2)]),
    ),
  };
}

interface Side {
  readonly name: string;
  readonly run: () => Promise<Speed>;
}

let folders = 0;
async function on(start: (data: string) => Promise<RunningServer>, work: (server: RunningServer) => Promise<Speed>) {
  const data = join(home, `data-${folders++}`);
  const server = await start(data);
  try {
    return await work(server);
  } finally {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

const json = { "content-type": "application/json" };

/** Both sides are bound relays, so that their records stand alike. */
function wire() {
  const plain = () =>
    on(startServer, async (server) => {
      const body = JSON.stringify({ name: "bench", relay: true, services: "*" });
      const { secret } = await server.json<{ secret: string }>("/api/keys", { method: "POST", body, headers: json });
      return load(server, { token: secret });
    });
  const secure = () =>
    on(
      (data) => startSecurely(data, certificates, ["*"]),
      (server) => load(server, { token: "", tls: clientOf(certificates, "producer") }),
    );
  return inTurns("wire", [
    { name: "plain", run: plain },
    { name: "tls_1_3_mtls", run: secure },
  ]);
}

/** The producer's own work of signing is not measured: it is done before, and elsewhere. */
function signed() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const pem = publicKey.export({ type: "spki", format: "pem" });
  const run = (isSigned: boolean) => () =>
    on(startServer, async (server) => {
      const folder = join(home, "prepared");
      const key = JSON.stringify({ name: "bench", service: "orders" });
      const { secret } = await server.json<{ secret: string }>("/api/keys", {
        method: "POST",
        body: key,
        headers: json,
      });
      const body = JSON.stringify({ name: "bench", service: "orders", alg: "ed25519", public_key: pem });
      const made = await server.json<{ kid: string }>("/api/batch-keys", { method: "POST", body, headers: json });
      mkdirSync(folder);
      try {
        const batches = { folder, records: RECORDS, batch: BATCH, service: "orders", kid: made.kid, key: privateKey };
        prepareBatches({ ...batches, startMs: Date.now() - RECORDS / 50 });
        return await load(server, { token: secret, what: "prepared", prepared: { folder, signed: isSigned } });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  return inTurns("signed batches", [
    { name: "unsigned", run: run(false) },
    { name: "ed25519", run: run(true) },
  ]);
}

/** One folder, two readers: one sees all, the other is granted everything by name. */
async function scopes() {
  const data = join(home, "search");
  const plain = await startServer(data);
  const startMs = Date.now() - SEARCH_RECORDS * 10;
  await load(plain, { records: SEARCH_RECORDS, startMs, stepUs: 10_000, seed: 3, connections: 8 });
  const listed = await plain.json<Facets>("/api/facets?fields=service_id&limit=100&from=now-400d");
  await plain.stop();
  const services = listed.facets[0]?.values.map(({ value }) => value) ?? [];
  const server = await startSecurely(data, certificates, services);
  try {
    const ids = generator(3, startMs, 10_000);
    const search = (q: string) => `/api/search?limit=50&q=${encodeURIComponent(q)}`;
    const asked = {
      by_request_id: (run: number) => search(`request_id:${ids.requestId((run * 61_195) % SEARCH_RECORDS)}`),
      three_words_newest_first: () => search("carts canary denied"),
      errors_by_service: () => "/api/facets?fields=service_id&q=status:error&from=now-400d",
      histogram_of_all: () => "/api/histogram?from=now-400d",
    };
    const result: Record<string, object> = { services: services.length as never };
    for (const [name, path] of Object.entries(asked)) result[name] = await compared(server, name, path);
    return result;
  } finally {
    await server.stop();
  }
}

interface Facets {
  readonly facets: readonly { readonly values: readonly { readonly value: string }[] }[];
}

async function compared(server: RunningServer, name: string, path: (run: number) => string) {
  const readers = {
    whole: await fetchAs(certificates, "reader"),
    scoped: await fetchAs(certificates, "scoped"),
    narrow: await fetchAs(certificates, "narrow"),
  };
  const times: Record<string, number[]> = { whole: [], scoped: [], narrow: [] };
  const answers = new Set<string>();
  for (let run = -3; run < Number(options.runs); run += 1) {
    for (const [reader, fetch] of Object.entries(readers)) {
      const started = performance.now();
      const response = await fetch(`${server.url}${path(run + 3)}`);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${name}: ${response.status} ${text.slice(0, 300)}`);
      if (run >= 0) times[reader]?.push(performance.now() - started);
      const { records, facets, total } = JSON.parse(text) as {
        readonly records?: readonly unknown[];
        readonly facets?: unknown;
        readonly total?: number;
      };
      // Who sees a part has another answer.
      if (reader !== "narrow") answers.add(`${run} ${JSON.stringify(facets ?? total ?? records?.length)}`);
    }
  }
  const [whole = 0, scoped = 0, narrow = 0] = Object.values(times).map(median);
  say(`search ${name}: ${rounded(whole)} ms, all by name ${rounded(scoped)} ms, five services ${rounded(narrow)} ms`);
  return {
    whole_ms: rounded(whole, 2),
    scoped_ms: rounded(scoped, 2),
    narrow_ms: rounded(narrow, 2),
    ratio: rounded(scoped / whole, 3),
    ratio_narrow: rounded(narrow / whole, 3),
    same_answers: answers.size === Number(options.runs) + 3,
  };
}

async function main(): Promise<void> {
  try {
    await makeCertificates(certificates);
    const parts: Record<string, () => Promise<object>> = {
      wire,
      signed,
      scopes: async () => ({ records: SEARCH_RECORDS, ...(await scopes()) }),
    };
    const result: Record<string, unknown> = { bench: "secure", records: RECORDS, rounds: ROUNDS };
    for (const name of options.only.split(",")) result[name] = await parts[name]?.();
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

await main();
