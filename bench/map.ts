/**
 * The map of a large fleet in a real Chromium: until it is drawn, the frames while it is dragged and zoomed, and from a
 * press on an edge or a letter of a name to the next paint. `--picture FILE` keeps what is seen, and whole beside it.
 * `npm run bench -- map [--services 300] [--edges 2000] [--runs 8] [--picture FILE.png] [--data DIR]`
 * (DIR: a folder that is kept, and whose calls are those of an earlier run where there is one)
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { caughtUp, notYet, startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { seeded } from "../integrity/random.ts";
import { inDashboard, longestPress, spread, watchPresses } from "./browser.ts";
import { quantile, rounded } from "./measure.ts";

const { values: options } = parseArgs({
  options: {
    services: { type: "string", default: "300" },
    edges: { type: "string", default: "2000" },
    runs: { type: "string", default: "8" },
    picture: { type: "string" },
    data: { type: "string" },
  },
});
const SERVICES = Number(options.services);
const EDGES = Number(options.edges);
const RUNS = Number(options.runs);
const CALLS_AN_EDGE = 2;
const BATCH = 1_000;
const PERIOD = "from=now-1d";
const WAIT_MS = 300_000;
const AREAS = ["orders", "payments", "ledger", "catalogue", "delivery", "identity", "billing", "search", "support"];
const PARTS = ["gateway", "api", "worker", "store", "events", "rules", "reports", "sync", "cache", "audit", "batch"];

/** Services in tiers, each of which mostly calls those below it, as fleets do. */
function pairsOf(random: () => number): readonly (readonly [string, string])[] {
  const nameOf = (n: number) => {
    const part = PARTS[Math.floor(n / AREAS.length) % PARTS.length];
    const round = Math.floor(n / (AREAS.length * PARTS.length));
    return `${AREAS[n % AREAS.length]}-${part}${round === 0 ? "" : `-${round + 1}`}`;
  };
  const found = new Map<string, readonly [string, string]>();
  for (let n = 1; n < SERVICES; n++) found.set(`${n}`, [nameOf(Math.floor(n * random() * 0.7)), nameOf(n)]);
  while (found.size < EDGES) {
    const from = Math.floor(SERVICES * random() ** 1.5);
    const to = Math.min(SERVICES - 1, from + 1 + Math.floor((SERVICES - from) * random()));
    if (from !== to) found.set(`${from}:${to}`, [nameOf(from), nameOf(to)]);
  }
  return [...new Map([...found.values()].map((pair) => [pair.join(":"), pair])).values()];
}

async function seed(server: RunningServer, isKept: boolean): Promise<readonly (readonly [string, string])[]> {
  const random = seeded(7);
  const pairs = pairsOf(random);
  const nowMs = Date.now() - 120_000;
  const halves = pairs.flatMap(([caller, callee], edge) =>
    Array.from({ length: CALLS_AN_EDGE }, (_, n) => {
      const isFailing = edge % 53 === 0;
      const call = {
        timestamp: new Date(nowMs + edge).toISOString(),
        event_type: "API_CALL",
        service_id: caller,
        target_id: callee,
        request_id: `map-${edge}-${n}`,
        operation: "GET /things/{id}",
        protocol: "http",
        status: isFailing ? "error" : "success",
        duration_us: 1_000 + Math.floor(random() * 90_000),
      };
      return [
        { ...call, side: "caller" },
        { ...call, side: "callee" },
      ];
    }).flat(),
  );
  const sent = isKept ? [] : halves;
  for (let at = 0; at < sent.length; at += BATCH)
    await server.json("/v1/records", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(sent.slice(at, at + BATCH)),
    });
  await caughtUp(server, WAIT_MS);
  await until(WAIT_MS, "the tally to have settled all calls", async () => {
    const graph = server.json<{ readonly edges: readonly object[] }>(`/api/graph?${PERIOD}`);
    const found = await graph.catch(notYet);
    return (found !== undefined && found.edges.length >= pairs.length) || undefined;
  });
  return pairs;
}

/** What runs in the page: the time between frames. */
const BEGIN_FRAMES = `globalThis.frames = []; globalThis.isCounting = true; globalThis.lastFrame = performance.now();
(function step(now) {
  frames.push(now - lastFrame);
  lastFrame = now;
  if (isCounting) requestAnimationFrame(step);
})(lastFrame)`;
const END_FRAMES = `globalThis.isCounting = false, frames.slice(1)`;

async function framesOf(page: Page, work: () => Promise<void>) {
  await page.evaluate(BEGIN_FRAMES);
  await work();
  const frames = (await page.evaluate<readonly number[]>(END_FRAMES)).toSorted((a, b) => a - b);
  return {
    frames: frames.length,
    median_ms: rounded(quantile(frames, 0.5)),
    p95_ms: rounded(quantile(frames, 0.95)),
    max_ms: rounded(frames.at(-1) ?? 0),
  };
}

async function pressed(page: Page, times: number, press: (run: number) => Promise<void>) {
  const paints: number[] = [];
  for (let run = 0; run < times; run++) {
    await longestPress(page);
    await press(run);
    paints.push(await longestPress(page));
  }
  return spread(paints);
}

async function measure(page: Page, url: string, edges: readonly (readonly [string, string])[]) {
  const drawing = page.getByRole("group", { name: /^Map of/ });
  const services = drawing.locator("[data-service]");
  const openMs: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const begun = performance.now();
    await page.goto(`${url}/map?${PERIOD}`);
    await services.last().waitFor();
    openMs.push(performance.now() - begun);
  }
  await watchPresses(page);
  const picture = async (name: string) => {
    if (options.picture !== undefined)
      await page.screenshot({ path: options.picture.replace(/(\.png)?$/, `${name}.png`) });
  };
  await picture("");
  const box = await drawing.locator("xpath=../..").boundingBox();
  if (box === null) throw new Error("the map is not drawn");
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const drag = async () => {
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let n = 1; n <= 60; n++) await page.mouse.move(x - n * 6, y - Math.sin(n / 8) * 80);
    await page.mouse.up();
  };
  const wheel = async () => {
    await page.mouse.move(x, y);
    for (let n = 0; n < 60; n++) await page.mouse.wheel(0, n < 30 ? -40 : 40);
  };
  const over = async () => {
    for (let n = 1; n <= 60; n++) await page.mouse.move(x - n * 6, y - Math.sin(n / 8) * 80);
  };
  const [dragged, zoomed] = [await framesOf(page, drag), await framesOf(page, wheel)];
  await page.getByRole("button", { name: "Show all" }).click();
  const draggedWhole = await framesOf(page, drag);
  await page.getByRole("button", { name: "Show all" }).click();
  await picture("-whole");
  const pointed = await framesOf(page, over);
  await picture("-pointed");
  await page.mouse.move(1, 1);
  const choose = await pressed(page, RUNS, (run) => services.nth((run * 97) % SERVICES).press("Enter"));
  await picture("-service");
  const callees = page.getByRole("complementary", { name: "Service" }).getByRole("listitem").getByRole("link");
  const edge = await pressed(page, RUNS, async () => {
    await callees.first().press("Enter");
    await page.getByRole("complementary", { name: "Edge" }).waitFor();
    await page.goBack();
    await callees.first().waitFor();
  });
  await callees.last().press("Enter");
  await page.getByRole("complementary", { name: "Edge" }).waitFor();
  await picture("-edge");
  await page.getByRole("button", { name: "Close" }).click();
  const find = page.getByRole("textbox", { name: "Find a service" });
  const filter = await pressed(page, "payments".length, (run) => find.press("payments"[run] ?? "p"));
  await picture("-found");
  const [caller = "", callee = ""] = edges[0] ?? [];
  await page.goto(`${url}/map?${PERIOD}&edge=${encodeURIComponent(`${caller}:${callee}`)}`);
  await page.getByRole("complementary", { name: "Edge" }).waitFor();
  return {
    open: spread(openMs),
    drag: dragged,
    zoom: zoomed,
    drag_whole: draggedWhole,
    point: pointed,
    choose_service: choose,
    choose_edge: edge,
    find_service: filter,
  };
}

async function main(): Promise<void> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), "tallystick-map-bench-"));
  const isKept = existsSync(join(data, "server.json"));
  const server = await startServer(data, { env: { TALLYSTICK_TALLY_DEADLINE: "2s" } });
  try {
    const edges = await seed(server, isKept);
    const measured = await inDashboard(server, (page) => measure(page, server.url, edges));
    const result = { bench: "map", services: SERVICES, edges: edges.length, ...measured };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await server.stop();
    if (options.data === undefined) rmSync(data, { recursive: true, force: true });
  }
}

await main();
