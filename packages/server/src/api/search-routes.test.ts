/** Search, counts, tail and export over a real engine. */
import type { StoredRecord } from "@tallystick/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { serverEvents } from "../cli/server-events.ts";
import { runLine } from "../cli/command-line.contract.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const data = () => `${folder.path}/data`;
const TREE = `default/${new Date().toISOString().slice(0, 7)}`;
const RECORDS = 60;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(data(), "search:\n  tails: 3\n", withEngine());
  await send(0, RECORDS);
  await until(async () => (await search("")).records.length === RECORDS);
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

async function send(from: number, count: number): Promise<void> {
  const records = Array.from({ length: count }, (_, n) => ({
    timestamp: new Date(Date.UTC(2026, 0, 1) + (from + n) * 1_000).toISOString(),
    event_type: "API_CALL",
    service_id: (from + n) % 2 === 0 ? "orders" : "payments",
    target_id: "=cmd|' /C calc'!A0",
    request_id: `visit-${from + n}`,
    status: (from + n) % 10 === 0 ? "error" : "success",
  }));
  const response = await server.fetch("/v1/records?wait=published", {
    method: "POST",
    body: JSON.stringify(records),
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(200);
}

async function until(check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 30_000;
  while (!(await check().catch(() => false))) {
    if (performance.now() > end) throw new Error("waited too long");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Page {
  readonly records: readonly StoredRecord[];
  readonly next: string | null;
}

async function get<Answer>(path: string): Promise<Answer> {
  const response = await server.fetch(path);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}
const search = (q: string, more = "") => get<Page>(`/api/search?limit=1000&q=${encodeURIComponent(q)}${more}`);
const numbers = (records: readonly StoredRecord[]) => records.map(({ record }) => Number(record.request_id.slice(6)));

describe("search", () => {
  it("gives records in their one shape, newest first or oldest first", async () => {
    const { records, next } = await search("request_id:visit-7");
    expect(next).toBeNull();
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      tree: TREE,
      leaf_index: 8,
      call_id: expect.any(String),
      observed: { principal: "admin" },
    });
    expect(numbers((await search("status:error")).records)).toEqual([50, 40, 30, 20, 10, 0]);
    expect(numbers((await search("status:error", "&order=oldest")).records)).toEqual([0, 10, 20, 30, 40, 50]);
    expect(numbers((await search("*", "&from=2026-01-01T00:00:10Z&to=2026-01-01T00:00:12Z")).records)).toEqual([
      11, 10,
    ]);
  });

  it("pages through every record once, whatever arrives meanwhile", async () => {
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page: Page = await get<Page>(`/api/search?limit=7${more}`);
      if (cursor === null) await send(1_000, 5);
      seen.push(...numbers(page.records));
      cursor = page.next;
    } while (cursor !== null);
    expect(seen).toEqual(Array.from({ length: RECORDS }, (_, n) => RECORDS - 1 - n));
  });

  it("says the column of a fault in a query", async () => {
    const response = await server.fetch(`/api/search?q=${encodeURIComponent("status:(error")}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "query_syntax", at: { column: expect.any(Number) } });
  });

  it("counts by time, by value and by field", async () => {
    const histogram = await get<{
      total: number;
      bucket_ms: number;
      buckets: readonly { from: string; by_status: Record<string, number> }[];
    }>("/api/histogram?from=2026-01-01T00:00:00Z&to=2026-01-01T00:01:00Z&width=10s");
    expect(histogram).toMatchObject({ total: RECORDS, bucket_ms: 10_000 });
    expect(histogram.buckets[0]).toMatchObject({ from: "2026-01-01T00:00:00Z", by_status: { error: 1, success: 9 } });
    const facets = await get<{
      facets: readonly { field: string; values: readonly { value: string; count: number }[] }[];
    }>("/api/facets?fields=service_id&to=2026-01-01T00:01:00Z");
    expect(facets.facets[0]?.values).toEqual([
      { value: "orders", count: RECORDS / 2 },
      { value: "payments", count: RECORDS / 2 },
    ]);
    const { fields } = await get<{ fields: readonly { name: string }[] }>("/api/fields");
    expect(fields.map(({ name }) => name)).toContain("request_id");
  });
});

describe("a tail", () => {
  /** The first records of a tail, or with count 0 the position that it begins at. */
  async function events(
    count: number,
    lastEventId: string | null,
    query = "",
  ): Promise<readonly { id: string; number: number }[]> {
    const headers: Record<string, string> = lastEventId === null ? {} : { "last-event-id": lastEventId };
    const response = await server.fetch(`/api/tail?${query}`, { headers });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const found: { id: string; number: number }[] = [];
    for await (const { id, event, data: text } of serverEvents(response.body as unknown as AsyncIterable<Uint8Array>)) {
      if (event === "record") found.push({ id: id ?? "", number: numbers([JSON.parse(text) as StoredRecord])[0]! });
      else if (count === 0) found.push({ id: id ?? "", number: -1 });
      if (found.length > 0 && found.length >= count) break;
    }
    return found;
  }

  it("shows what comes, and goes on exactly after the last event that a reader had", async () => {
    const [start] = await events(0, null);
    await send(2_000, 10);
    const first = await events(4, start!.id);
    expect(first.map(({ number }) => number)).toEqual([2_000, 2_001, 2_002, 2_003]);
    const rest = await events(6, first.at(-1)!.id);
    expect(rest.map(({ number }) => number)).toEqual([2_004, 2_005, 2_006, 2_007, 2_008, 2_009]);
    const matching = await events(2, start!.id, `q=${encodeURIComponent("status:error OR request_id:visit-2003")}`);
    expect(matching.map(({ number }) => number)).toEqual([2_000, 2_003]);
    expect(matching[0]!.id).toMatch(new RegExp(`${TREE}:\\d+`));
  });

  it.each([
    ["an id that is none", "nonsense", 400, "cursor_invalid"],
    ["an id beyond the journal", `${TREE}:999999`, 410, "position_gone"],
    ["an id of a tree that is no longer kept", "default/1999-01:7", 410, "position_gone"],
  ])("is refused for %s", async (_, id, status, code) => {
    const response = await server.fetch("/api/tail", { headers: { "last-event-id": id } });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([status, code]);
  });

  it("is one of a bounded number", async () => {
    const controllers = Array.from({ length: 3 }, () => new AbortController());
    for (const { signal } of controllers) await server.fetch("/api/tail", { signal });
    expect((await server.fetch("/api/tail")).status).toBe(429);
    for (const controller of controllers) controller.abort();
    await until(async () => {
      const one = new AbortController();
      const { status } = await server.fetch("/api/tail", { signal: one.signal });
      one.abort();
      return status === 200;
    });
  });
});

describe("an export", () => {
  it("is every matching record, in every format", async () => {
    const ndjson = await (await server.fetch("/api/export?q=status:error&to=2026-01-01T00:01:00Z")).text();
    expect(
      ndjson
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as StoredRecord).record.request_id),
    ).toEqual(["visit-50", "visit-40", "visit-30", "visit-20", "visit-10", "visit-0"]);
    const csv = await server.fetch("/api/export?format=csv&q=request_id:visit-3");
    expect(csv.headers.get("content-type")).toContain("text/csv");
    expect(await csv.text()).toContain("'=cmd|");
    const xml = await (await server.fetch("/api/export?format=xml&q=request_id:visit-3")).text();
    expect(xml).toContain("visit-3");
    const proven = await (await server.fetch("/api/export?proofs=true&q=request_id:visit-3")).text();
    expect((JSON.parse(proven) as { proof: string }).proof).toContain("c2sp.org/tlog-proof@v1");
  });
});

describe("a streamed export that breaks in the middle", () => {
  const LONG = 2_500;
  const question = `from=2026-01-02&to=2026-01-03`;
  beforeAll(async () => {
    await send(86_400, LONG);
    await until(async () => (await search("*", `&${question}`)).records.length === 1_000);
  });

  /** What arrives before the connection is cut, up to the end of the last whole record; and that record's place. */
  async function broken(format: "ndjson" | "csv" | "xml", more: string) {
    const response = await server.fetch(`/api/export?${question}&format=${format}${more}`);
    const reader = response.body!.getReader();
    const parts: Uint8Array[] = [];
    while (parts.reduce((sum, part) => sum + part.length, 0) < 150_000) {
      const { value } = await reader.read();
      if (value === undefined) break;
      parts.push(value);
    }
    await reader.cancel();
    const [end, place] = PLACES[format];
    const text = Buffer.concat(parts).toString("utf8");
    const whole = text.slice(0, text.lastIndexOf(end) + end.length);
    const [, tree, index] = [...whole.matchAll(place)].at(-1)!;
    return { whole, after: `${tree}:${index}`, cursor: response.headers.get("tallystick-cursor")! };
  }
  const PLACES = {
    ndjson: ["\n", /^\{"tree":"([^"]+)","leaf_index":(\d+)/gm],
    csv: ["\r\n", /^([a-z0-9-]+\/[^,]+),(\d+),/gm],
    xml: ["</stored_record>\n", /<tree>([^<]+)<\/tree><leaf_index>(\d+)</g],
  } as const;

  it.each(["ndjson", "csv", "xml"] as const)("goes on as %s with nothing lost and nothing twice", async (format) => {
    const one = await broken(format, "");
    // These come later and lie within the question's time: the run that was begun does not have them.
    await send(86_400, 20);
    const two = await broken(format, `&cursor=${one.cursor}&after=${one.after}`);
    expect(two.after).not.toBe(one.after);
    const last = await server.fetch(
      `/api/export?${question}&format=${format}&cursor=${two.cursor}&after=${encodeURIComponent(two.after)}`,
    );
    const text = one.whole + two.whole + (await last.text());
    const unbroken = await server.fetch(`/api/export?${question}&format=${format}&cursor=${one.cursor}`);
    expect(text === (await unbroken.text())).toBe(true);
    expect([...text.matchAll(PLACES[format][1])].length).toBeGreaterThanOrEqual(LONG);
  });
});

describe("the command line", () => {
  it("searches, exports and proves what is in the index", async () => {
    const found = await runLine(["search", "status:error", "request_id:visit-10", "--data", data()]);
    expect([found.exitCode, found.out]).toEqual([0, expect.stringMatching(/orders → =cmd.*error.*visit-10/)]);
    const json = await runLine(["search", "status:error", "--limit", "2", "--json", "--data", data()]);
    expect(json.json<Page>().records).toHaveLength(2);
    const nothing = await runLine(["search", "request_id:nobody", "--data", data()]);
    expect([nothing.exitCode, nothing.out]).toEqual([0, ""]);
    const exported = await runLine(["export", "-q", "status:error", "--to", "2026-01-01T00:01:00Z", "--data", data()]);
    expect(exported.out.trimEnd().split("\n")).toHaveLength(6);
    const proven = await runLine(["prove", "-q", "request_id:visit-10", "--data", data()]);
    expect([proven.exitCode, proven.out]).toEqual([0, expect.stringContaining("proven: leaf 11")]);
    expect((await runLine(["prove", "-q", "status:error", "--data", data()])).err).toContain("More than one record");
    expect((await runLine(["prove", "-q", "request_id:nobody", "--data", data()])).exitCode).toBe(1);
    const fault = await runLine(["search", "status:(", "--data", data()]);
    expect([fault.exitCode, fault.err]).toEqual([2, expect.stringMatching(/Column \d+: (?!.*column)/)]);
  });

  it("tails until it is stopped", async () => {
    let stop = () => {};
    const tail = runLine(["tail", "--own", "--json", "--data", data()], {
      onStop: (callback) => void (stop = callback),
    });
    await until(async () => (await (await server.fetch("/metrics")).text()).includes("tallystick_tails 1"));
    await send(3_000, 1);
    await until(async () => (await search("request_id:visit-3000")).records.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    stop();
    const { exitCode, out } = await tail;
    expect(exitCode).toBe(0);
    expect(out === "" || out.includes("visit-3000")).toBe(true);
  });

  it("builds the index anew while the server runs", async () => {
    const { exitCode, out } = await runLine(["reindex", "--data", data()]);
    expect([exitCode, out]).toEqual([0, expect.stringMatching(/^indexed [\d,]+ records/)]);
    expect((await search("request_id:visit-7")).records).toHaveLength(1);
  });
});
