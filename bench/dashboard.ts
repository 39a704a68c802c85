/**
 * The dashboard over many records, in a real Chromium: the search page opened, scrolled far and back, values, a record;
 * then every screen gone to by its key or its link, several times. Of each: from the press to the next paint, which is
 * the page's own work; and to the whole answer, with the server's and the engine's.
 * `npm run bench -- dashboard [--records 1000000] [--scrolls 20] [--runs 8] [--data DIR]`
 * (DIR: a folder kept by an earlier run, of `bench -- search` too; 60,000 records are added where none is fresh)
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import type { AuditRecord, StoredRecord } from "@tallystick/record";
import { caughtUp, notYet, startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { inDashboard, longestPress, spread, watchPresses } from "./browser.ts";
import { runLoader } from "./load.ts";
import { quantile, rounded } from "./measure.ts";

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "1000000" },
    scrolls: { type: "string", default: "20" },
    runs: { type: "string", default: "8" },
    data: { type: "string" },
  },
});
const RECORDS = Number(options.records);
const SEED = 3;
const STEP_US = 10_000;
const CATCH_UP_TIMEOUT_MS = 1_800_000;

/** Screens that show the last hour are measured with as many in it. */
const LAST_HOUR_RECORDS = 60_000;
const HOUR_MS = 3_600_000;
const FRESH_MS = 600_000;

async function load(server: RunningServer, records: number, stepUs: number, seed: number): Promise<void> {
  const startMs = Date.now() - (records * stepUs) / 1_000;
  const order = { url: server.url, token: server.token, records };
  const pace = { what: "records", batch: 1_000, connections: 8, seed, startMs, stepUs } as const;
  await runLoader({ ...order, ...pace }, (n) => process.stderr.write(`\r${n} loaded`));
  await caughtUp(server, CATCH_UP_TIMEOUT_MS);
  // Calls are drawn once they are settled.
  await until(CATCH_UP_TIMEOUT_MS, "calls of the last hour to be settled", async () => {
    const graph = await server.json<{ readonly edges: readonly object[] }>("/api/graph?from=now-1h").catch(notYet);
    return graph !== undefined && graph.edges.length > 0 ? true : undefined;
  });
  process.stderr.write("\n");
}

/** In ms; `paint` of scrolling is the longest frame until the rows are there. */
interface Taken {
  readonly paint: number;
  readonly answer: number;
}

/** What runs in the page. */
const scrollTo = (part: number): string => `new Promise((done) => {
  const table = document.querySelector('[role=table][aria-label=Records]');
  const begun = performance.now();
  let [last, longest, frames] = [begun, 0, 0];
  table.scrollTop = (table.scrollHeight - table.clientHeight) * ${part};
  const look = (now) => {
    longest = Math.max(longest, now - last);
    last = now;
    const waits = [...table.querySelectorAll(".sr-only")].some((part) => part.textContent === "not loaded yet");
    if (frames++ < 3 || waits) requestAnimationFrame(look);
    else done({ paint: longest, answer: now - begun });
  };
  requestAnimationFrame(look);
})`;
const FRAMES = `new Promise((done) => {
  const table = document.querySelector('[role=table][aria-label=Records]');
  const frames = [];
  let last = performance.now();
  const step = (now) => {
    frames.push(now - last);
    last = now;
    table.scrollTop += 400;
    if (frames.length < 120) requestAnimationFrame(step);
    else done(frames);
  };
  requestAnimationFrame(step);
})`;

function figures(taken: readonly Taken[]) {
  return { paint: spread(taken.map(({ paint }) => paint)), answer: spread(taken.map(({ answer }) => answer)) };
}

/** Presses, then waits for what shows the answer. */
async function pressed(page: Page, press: () => Promise<void>, answer: () => Promise<void>): Promise<Taken> {
  await longestPress(page);
  const begun = performance.now();
  await press();
  await answer();
  return { answer: performance.now() - begun, paint: await longestPress(page) };
}

async function repeated(times: number, once: (run: number) => Promise<Taken>): Promise<readonly Taken[]> {
  const taken: Taken[] = [];
  for (let run = 0; run < times; run++) taken.push(await once(run));
  return taken;
}

async function measure(page: Page, url: string, newest: AuditRecord) {
  const runs = Number(options.runs);
  const rows = page.getByRole("table", { name: "Records" }).getByRole("row");
  const counted = page.getByRole("status").getByText(/^[\d,]+ records$/);
  const open = await repeated(runs, async () => {
    const begun = performance.now();
    await page.goto(`${url}/search?from=all`);
    await rows.nth(5).waitFor();
    const answer = performance.now() - begun;
    await counted.waitFor();
    return { paint: answer, answer: performance.now() - begun };
  });
  const count = await counted.textContent();
  await watchPresses(page);
  // Not in order, and to both ends.
  const far = await repeated(Number(options.scrolls), (run) =>
    page.evaluate<Taken>(scrollTo(run % 5 === 4 ? (run % 2 === 0 ? 0 : 1) : ((run * 0.618) % 1) * 0.998)),
  );
  await page.evaluate(scrollTo(0));
  const frames = (await page.evaluate<readonly number[]>(FRAMES)).toSorted((a, b) => a - b);
  await page.evaluate(scrollTo(0));
  const record = await repeated(runs, async (run) => {
    const proven = page.getByText(/Proven in this browser/);
    const taken = await pressed(
      page,
      () => rows.nth(run + 3).click(),
      () => proven.waitFor(),
    );
    await page
      .getByRole("complementary", { name: /^Record/ })
      .getByRole("button", { name: "Close" })
      .click();
    await proven.waitFor({ state: "detached" });
    return taken;
  });
  const values = page.getByRole("complementary", { name: "Values" });
  await values.getByRole("button").first().waitFor();
  const error = values.getByRole("region", { name: "status" }).getByRole("button", { name: /^error/ });
  const idle = page.locator("header").getByRole("button", { name: "Stop" });
  const value = await repeated(runs, async () => {
    const before = await counted.textContent();
    const isOther = async (): Promise<void> => {
      while ((await counted.textContent()) === before) await longestPress(page);
      await idle.waitFor({ state: "detached" });
    };
    return pressed(page, () => error.click(), isOther);
  });
  const screens = await openScreens(page);
  return {
    found: count,
    open_page: { first_rows: figures(open).paint, whole: figures(open).answer },
    scroll_far: figures(far),
    scroll_on: { median_frame_ms: rounded(quantile(frames, 0.5)), max_frame_ms: rounded(frames.at(-1) ?? 0) },
    open_record: figures(record),
    choose_value: figures(value),
    screens,
    loaded_anew: await loadScreens(page, url, newest),
  };
}

async function newestOf(server: RunningServer): Promise<AuditRecord> {
  const { records } = await server.json<{ readonly records: readonly StoredRecord[] }>("/api/search?limit=1");
  const [newest] = records;
  if (newest === undefined) throw new Error("the folder has no record");
  return newest.record;
}

/** By their key after `g`. */
const KEYS = {
  overview: "o",
  alerts: "l",
  rules: "r",
  map: "m",
  tally: "t",
  producers: "p",
  integrity: "i",
  access: "a",
  keeping: "k",
  settings: "e",
} as const;
/** By their link in an open record; the service's is its name. */
const LINKS = { call: /halves/, trace: /^Trace$/, credential: /^Credential$/, service: /^[a-z]/ } as const;
/** The first brings code and answers; at later ones all that is known is drawn at once. */
const VISITS = 4;
const LOOKS = 3;
const NEXT_FRAME = "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))";

/** Until the screen has all that it asks for. */
async function whole(page: Page): Promise<void> {
  // What came may ask for more.
  for (let look = 0; look < LOOKS; look++) {
    await page.evaluate(NEXT_FRAME);
    await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    await page.getByRole("banner").getByRole("button", { name: "Stop" }).waitFor({ state: "detached" });
  }
}

/** Goes from screen to screen as a person does, each to the end of all that it asks. */
async function openScreens(page: Page) {
  const found: Record<string, ReturnType<typeof figures>> = {};
  const visits = async (name: string, press: () => Promise<void>, prepare = async () => {}) => {
    const taken = await repeated(VISITS, async () => {
      await page.keyboard.press("g");
      await page.keyboard.press("s");
      await whole(page);
      await prepare();
      await whole(page);
      return pressed(page, press, () => whole(page));
    });
    found[name] = figures(taken);
  };
  for (const [name, key] of Object.entries(KEYS))
    await visits(name, async () => {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
    });
  const row = page.getByRole("table", { name: "Records" }).getByRole("row").nth(3);
  const record = page.getByRole("complementary", { name: /^Record/ });
  for (const [name, link] of Object.entries(LINKS))
    await visits(
      name,
      () => record.getByRole("link", { name: link }).last().click(),
      () => row.click(),
    );
  return found;
}

/** The newest record's service over a day, and its credential, in a page that is loaded anew: until it is whole. */
async function loadScreens(page: Page, url: string, { service_id: service, credential_id: credential }: AuditRecord) {
  const linked = { service: `/service?name=${service}&from=now-1d`, credential: `/credential?id=${credential ?? ""}` };
  const found: Record<string, ReturnType<typeof figures>> = {};
  for (const [name, path] of Object.entries(linked)) {
    const begun = performance.now();
    await page.goto(`${url}${path}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    const paint = performance.now() - begun;
    await whole(page);
    found[name] = figures([{ paint, answer: performance.now() - begun }]);
  }
  return found;
}

async function main(): Promise<void> {
  const data = options.data ?? mkdtempSync(join(tmpdir(), "tallystick-dashboard-bench-"));
  const isLoaded = existsSync(join(data, "server.json"));
  const server = await startServer(data);
  try {
    if (!isLoaded) await load(server, RECORDS, STEP_US, SEED);
    else if (Date.now() - Date.parse((await newestOf(server)).timestamp) > FRESH_MS)
      // Of another seed, since the same calls would be known and old.
      await load(server, LAST_HOUR_RECORDS, (HOUR_MS * 1_000) / LAST_HOUR_RECORDS, Math.floor(Date.now() / 1_000));
    const newest = await newestOf(server);
    const measured = await inDashboard(server, (page) => measure(page, server.url, newest));
    const result = { bench: "dashboard", records: RECORDS, ...measured };
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await server.stop();
    if (options.data === undefined) rmSync(data, { recursive: true, force: true });
  }
}

await main();
