/**
 * The dashboard as a person uses it, in a real Chromium against a real server with the seeded shop: logging in, finding
 * the failing call and the impostor, proofs checked in the page, hostile values that stay text, and every screen under
 * axe in both schemes.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BIN, notYet, until } from "../integrity/running-server.ts";
import { watchPage } from "../packages/server/src/secret-watch.contract.ts";
import { figureTests } from "./dashboard-figures.contract.ts";
import { peopleTests } from "./dashboard-people.contract.ts";
import { searchTests } from "./dashboard-search.contract.ts";
import { SETTLED_MS, startWalk, WIDE, type Walk } from "./dashboard-walk.ts";
import { DENIED_RULE, screensOf } from "./screens.ts";
import { seedMint } from "./seed-server.ts";
import { HOSTILE } from "./seeded-shop.ts";

const FIRST_LOAD_BYTES = 250_000;
const DIST = new URL("../packages/dashboard/dist/", import.meta.url);
vi.setConfig({ testTimeout: 180_000 });
let walk: Walk;
const opened: Walk["opened"] = (path, within) => walk.opened(path, within);

beforeAll(async () => {
  walk = await startWalk();
}, 180_000);
afterAll(() => walk?.end());

peopleTests(() => walk);
searchTests(() => walk);
figureTests(() => walk);

test("the failing call is two clicks from the overview, with its other half, its credential and its proof", async () => {
  const page = await opened("/");
  await page.getByText("Failing in the last hour").getByRole("link", { name: "payments", exact: true }).click();
  await page.getByText(/Failing since .*% of/).waitFor();
  const changes = page.getByRole("region", { name: "What changed" });
  await changes.getByText("1.5.0").first().waitFor();
  const rows = (table: string) => page.getByRole("table", { name: table }).getByRole("row");
  await rows("Callers").filter({ hasText: "orders" }).getByRole("link").nth(1).waitFor();
  await rows("Callees").filter({ hasText: "payments-db" }).first().waitFor();
  // By errors at first, by its own time where one asks for it.
  const works = rows("Operations and queries");
  await works
    .nth(1)
    .getByText(/ · [\d.]+%/)
    .waitFor();
  await page.getByRole("columnheader", { name: "self time" }).getByRole("button").click();
  await page.locator("th[aria-sort=descending]", { hasText: "self time" }).waitFor();
  await page.getByRole("button", { name: "Show an example call" }).click();
  const halves = page.getByRole("region", { name: "Both halves", exact: true });
  for (const side of ["caller as orders", "callee as payments"])
    await halves.getByRole("columnheader", { name: side }).waitFor();
  await halves.getByText("PoolTimeout").nth(1).waitFor();
  await page
    .getByText("who sent it may speak for this recorder")
    .or(page.getByText(/^(relayed|claimed)$/))
    .first()
    .waitFor();
  await page
    .getByText(/Proven in this browser/)
    .first()
    .waitFor();
  await page
    .getByRole("img", { name: /The path of \d+ hashes/ })
    .first()
    .waitFor();
  await halves.getByRole("row", { name: "credential_id" }).getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: "Credential" }).waitFor();
  await page.goBack();
  await halves.waitFor();
  await page.goBack();
  await page.getByText(/Failing since/).waitFor();
  await page.getByRole("region", { name: "Verdict" }).getByRole("link", { name: "Show it" }).click();
  await halves.getByText("QueryCanceled").first().waitFor();
  await page.close();
});

test("the impostor stands out on the map, to the calls that the caller knows nothing of", async () => {
  const page = await opened("/map");
  await page.getByRole("button", { name: /orders calls payments: .* not known to orders/ }).click();
  await page.getByText(/in the name of orders, and orders knows nothing of/).waitFor();
  await page.getByRole("link", { name: "Show them" }).click();
  await page.getByRole("img", { name: /^Records over time: \d+ in / }).waitFor();
  await page.getByRole("region", { name: "By kind" }).getByRole("button").first().waitFor();
  await page.getByRole("table", { name: "Breaks" }).getByRole("row").nth(1).getByRole("link").first().click();
  await page.getByText("callee only").waitFor();
  await page.getByRole("columnheader", { name: /caller recorded nothing/ }).waitFor();
  await page.getByRole("link", { name: /^(Its trace|What belongs to it)$/ }).click();
  await page.getByRole("img", { name: "caller recorded nothing" }).first().waitFor();
  await page.close();
});

test("a sealed body opens for a reason, is checked in the page, and stays text", async () => {
  const page = await opened(`/call?id=${encodeURIComponent(walk.ids.callWithBody)}`);
  const body = page.getByRole("region", { name: "Request body" });
  await body.getByText("text/plain").waitFor();
  expect(await body.getByRole("button", { name: "Open" }).isDisabled()).toBe(true);
  await body.getByLabel("Reason to open the request body").fill("test of the call's screen");
  await page.keyboard.press("Enter");
  await body.getByText("It gives the record's commitment.").waitFor();
  await body.getByText("<img src=x").waitFor();
  expect(await page.title()).toBe("Tallystick");
  await page.close();
});

test("a trace of a thousand calls is drawn row by row", async () => {
  const page = await opened(`/trace?id=${walk.ids.longTrace}`);
  const rows = page.getByRole("table", { name: "Calls" }).getByRole("row");
  await rows.nth(5).waitFor();
  expect(await rows.count()).toBeLessThan(80);
  await page.getByRole("button", { name: /First failure/ }).click();
  await page.getByRole("complementary", { name: "Call" }).getByText("the last of many").waitFor();
  await page.goto(`${walk.server.url}/trace?id=${walk.ids.failedTrace}`);
  await rows
    .getByRole("img", { name: /^caller \d/ })
    .first()
    .waitFor();
  await rows
    .getByRole("img", { name: /^callee \d/ })
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Critical path" }).click();
  await page.getByRole("button", { name: /First failure: INSERT charges/ }).click();
  const call = page.getByRole("complementary", { name: "Call" });
  await call.getByText("on the critical path").waitFor();
  await rows.filter({ hasText: "POST /charges" }).first().click();
  await call.getByText("network", { exact: true }).waitFor();
  await page.close();
});

const RUNBOOK = "https://runbooks.example/refused";

test("a rule is written with its faults under their lines, tried on the past, kept, switched on, and changed again", async () => {
  const page = await opened("/rules");
  await page.getByRole("row", { name: /An edge is slow/ }).waitFor();
  await page.getByRole("link", { name: "New rule" }).click();
  const box = page.getByRole("textbox", { name: "Text of the rule" });
  const text = await box.inputValue();
  await box.fill(text.replace("status: denied", "status|contain: denied"));
  await page
    .getByRole("status")
    .getByText(/Line 14, column \d+: .*contain/)
    .waitFor();
  expect(await page.getByRole("button", { name: /^Save/ }).isDisabled()).toBe(true);
  await box.fill(`${text}  other:\n    stat`);
  await page.getByRole("option", { name: /^status / }).click();
  expect(await box.inputValue()).toMatch(/ {4}status: $/);
  await box.fill(text.replace("status: denied", "callee: inventory\n    status: denied"));
  const past = page.getByRole("region", { name: "On the past" });
  await past.getByText(/^\d+ hits, [\d.,]+ a day$/).waitFor();
  await past
    .getByRole("table", { name: "Records that it finds" })
    .getByText("storefront → inventory")
    .first()
    .waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByRole("dialog", { name: "Leave this rule?" }).getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Save, switched off" }).click();
  await page.getByRole("heading", { level: 1, name: "A call is refused" }).waitFor();
  await page.getByRole("switch", { name: /^Run/ }).click();
  await page.getByRole("switch", { name: /^Run/, checked: true }).waitFor();
  await page.getByRole("button", { name: "Edit" }).click();
  await box.fill((await box.inputValue()).replace("level: medium", `level: low\nrunbook_url: ${RUNBOOK}`));
  await page.getByRole("button", { name: "Save as a new version" }).click();
  await page.getByText("version 2", { exact: true }).waitFor();
  expect(await page.getByRole("link", { name: RUNBOOK }).getAttribute("href")).toBe(RUNBOOK);
  const history = page.getByRole("table", { name: "Changes of the rule" });
  await until(30_000, "the change to be searchable", async () => {
    await page.reload();
    const panel = page.getByRole("region", { name: "History" });
    await panel.waitFor();
    await panel.locator("[aria-busy]").waitFor({ state: "detached" });
    return (await history.getByRole("row").count()) > 3 ? true : undefined;
  });
  await history.getByRole("link", { name: "show 1" }).click();
  await page.getByText("version 1, which is not in force").waitFor();
  await page.close();
});

test("an alert is taken on and resolved by keys alone, with its evidence, both halves and its steps beneath", async () => {
  const page = await opened("/alerts?group=rule");
  const line = page.getByRole("button", { name: /calls of orders to payments that orders does not record/ });
  await line.waitFor();
  await page.getByRole("list", { name: "A callee records calls that their caller does not" }).waitFor();
  await until(30_000, "keys to come to the alert", async () => {
    await page.keyboard.press("j");
    return (await line.evaluate((row) => row === row.ownerDocument.activeElement)) || undefined;
  });
  await page.keyboard.press("Enter");
  await line.and(page.locator("[aria-current=true]")).waitFor();
  await page.getByRole("region", { name: "What shows it" }).getByRole("button").first().waitFor();
  await page.getByRole("columnheader", { name: /caller recorded nothing/ }).waitFor();
  const steps = page.getByRole("region", { name: "What became of it" });
  await page.keyboard.press("a");
  await steps.getByText("acknowledged", { exact: true }).waitFor();
  await page.keyboard.press("r");
  await steps.getByText("resolved", { exact: true }).waitFor();
  await line.waitFor({ state: "detached" });
  await page.goto(`${walk.server.url}/alerts?tab=channels`);
  const channels = page.getByRole("table", { name: "Channels" });
  await channels.getByRole("button", { name: "Send a test" }).click();
  await channels.getByText("arrived").waitFor();
  await channels.getByText(/^It answered 2\d\d\.$/).waitFor();
  expect(walk.channel.heard).toContain("alert.test");
  await page.close();
});

test("a detector shows what it learned, and is taught for a reason", async () => {
  const page = await opened("/rules?tab=detectors");
  await page.getByRole("button", { name: /first-seen-edge/ }).click();
  const learned = page.getByRole("table", { name: "What it learned" });
  await learned
    .getByRole("row", { name: /orders payments edge/ })
    .first()
    .waitFor();
  const form = page.getByRole("region", { name: "Say that something is expected" });
  await form.getByLabel("Subject").fill("reports");
  await form.getByLabel("Value").fill("payments");
  await form.getByLabel("Why it is expected").fill("release 41 reads balances");
  await page.keyboard.press("Enter");
  await form.getByText("Taught.").waitFor();
  await until(30_000, "what was taught to be searchable", async () => {
    await page.reload();
    await learned.getByRole("row").nth(1).waitFor();
    return (await learned.getByRole("row", { name: /reports payments edge/ }).count()) > 0 ? true : undefined;
  });
  await page.close();
});

test("any two checkpoints are compared in the browser, and a changed one is refused", async () => {
  const trees = await walk.server.json<readonly { readonly tree: string }[]>("/api/trees");
  const tree = trees.find(({ tree: name }) => name.startsWith("access/"))?.tree ?? "";
  const checkpoint = async () => (await walk.server.fetch(`/trees/${tree}/checkpoint`)).text();
  const sizeOf = (note: string) => Number(note.split("\n")[1]);
  const first = await checkpoint();
  const page = await opened(`/integrity?tree=${encodeURIComponent(tree)}`);
  const second = await until(30_000, "reads to be under a checkpoint", async () => {
    const note = await checkpoint();
    return sizeOf(note) > sizeOf(first) ? note : undefined;
  });
  const panel = page.getByRole("region", { name: "Consistency of two checkpoints" });
  await panel.getByLabel("A checkpoint that you kept").fill(second);
  await panel.getByLabel("Against").fill(first);
  await panel.getByRole("button", { name: "Check it" }).click();
  await panel.getByText(/^Verified: the tree of/).waitFor();
  await panel.getByLabel("Against").fill(first.replace(/\n\d+\n/, "\n1\n"));
  await panel.getByRole("button", { name: "Check it" }).click();
  await panel
    .getByRole("alert")
    .getByText(/its signature does not verify/)
    .waitFor();
  const fsck = page.getByRole("region", { name: "Last fsck" });
  await fsck.getByText(/never run/).waitFor();
  expect(spawnSync(BIN, ["fsck", "--data", join(walk.folder, "data"), ...walk.channel.args]).status).toBe(0);
  await page.reload();
  await fsck.getByText("clean").waitFor();
  await page.close();
});

test("a key's quota is set, and stands with what is used of it", async () => {
  const page = await opened("/access?tab=keys");
  const row = page.getByRole("row", { name: /^shipping/ });
  await row.getByRole("button", { name: "Quota" }).click();
  const dialog = page.getByRole("dialog", { name: "Quota of shipping" });
  await dialog.getByLabel(/Records a second/).fill("2500");
  await dialog.getByLabel(/Megabytes a day/).fill("1.5");
  await page.keyboard.press("Enter");
  await row.getByText("2,500 records/s, 0 B of 1.5 MB today").waitFor();
  await page.close();
});

test("keys and the palette lead everywhere, and times are in the zone that is named", async () => {
  const page = await opened("/");
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await until(30_000, "the map to open by keys", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("m");
    return (await page.getByRole("heading", { name: "Map" }).count()) > 0 || undefined;
  });
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Go to" }).fill("shipp");
  await page.getByRole("option", { name: /shipping/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "shipping" }).waitFor();
  await page.getByRole("button", { name: /Times are in UTC/ }).click();
  await page.getByRole("button", { name: /Times are in Asia/ }).click();
  await page.close();
});

test("two windows of the map are compared: what is new, what is gone, what became slower", async () => {
  // Edges are counted by the minute.
  const minuteOf = (ms: number) => Math.floor(ms / 60_000);
  const laterMs = Date.now();
  await seedMint(walk.server, "later", laterMs);
  const minute = minuteOf(laterMs);
  const at = (n: number) => encodeURIComponent(new Date(n * 60_000).toISOString());
  const width = minute - minuteOf(walk.earlierMs);
  const page = await opened(`/map?compare=before&as=list&from=${at(minute)}&to=${at(minute + width)}`);
  const row = (callee: string, is: string) => page.getByRole("row", { name: new RegExp(`mint → ${callee} ${is}`) });
  await until(SETTLED_MS, "the calls to be settled", async () => {
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "Map" }).waitFor();
    await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    return (await row("scale", "new").count()) > 0 ? true : undefined;
  });
  await row("archive", "gone").waitFor();
  await row("vault", "slower").waitFor();
  await page.getByRole("button", { name: "As a list" }).click();
  await page.getByRole("button", { name: /mint calls vault: .*slower/ }).waitFor();
  await page.getByRole("button", { name: /mint calls archive: .*gone/ }).waitFor();
  await page.close();
});

test("every screen keeps its policy, shows hostile values as text, passes axe wide and narrow, light and dark", async () => {
  const page = await walk.context.newPage();
  const broken: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy|Error/.test(message.text())) broken.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => void broken.push(`${page.url()}: ${error.message}`));
  for (const { path, title } of screensOf(walk.ids)) {
    await page.setViewportSize(WIDE);
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(`${walk.server.url}${path}`);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    await watchPage(page, page.url());
    await page.evaluate(axe.source);
    for (const [size, colorScheme] of LOOKS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      const found = await page.evaluate<readonly string[]>(AXE_RUN);
      const look = `${colorScheme} ${size.width} ${path}`;
      broken.push(...found.map((violation) => `${look}: ${violation}`));
      const widthPx = await page.evaluate<number>("document.documentElement.scrollWidth");
      if (widthPx > size.width) broken.push(`${look}: the page is ${widthPx} pixels wide`);
    }
  }
  expect(broken).toEqual([]);
  await page.setViewportSize(WIDE);
  await page.goto(`${walk.server.url}/search?q=request_id%3Ahostile-1`);
  await page.getByText(HOSTILE).first().waitFor();
  expect(await page.title()).toBe("Tallystick");
  await page.close();
}, 300_000);

const NARROW = { width: 390, height: 844 } as const;
const LOOKS = [
  [WIDE, "light"],
  [WIDE, "dark"],
  [NARROW, "dark"],
] as const;
const AXE_RUN = `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] })
  .then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes.map(({ html }) => html.slice(0, 160)).join(" ")))`;

test("a question that takes long says so, and leaving or Stop ends it in the engine, on every screen", async () => {
  const { server, ids } = walk;
  const [engine] = server.children();
  const stopped = async () => {
    const text = await (await server.fetch("/metrics")).text();
    return Number(/^tallystick_queries_stopped_total (\d+)$/m.exec(text)?.[1]);
  };
  const page = await opened("/settings");
  await page.getByRole("heading", { level: 1, name: "Settings" }).waitFor();
  const banner = page.getByRole("banner");
  /** An engine that stands still is as slow as a question can be; between screens it answers what is left of the last. */
  const stopsMore = async (path: string, press: () => Promise<void>) => {
    await until(SETTLED_MS, "the engine to answer", () => server.json("/api/search?limit=1").catch(notYet));
    process.kill(engine!, "SIGSTOP");
    try {
      await page.goto(`${server.url}${path}`);
      await banner.getByText(/^\d+ s …/).waitFor();
      const before = await stopped();
      await press();
      await until(30_000, `${path} to have stopped its queries`, async () =>
        (await stopped()) > before ? true : undefined,
      );
    } finally {
      process.kill(engine!, "SIGCONT");
    }
  };
  const trial = `/rule?id=${DENIED_RULE}`;
  const asking = ["/", "/search", "/service?name=payments", "/map", `/trace?id=${ids.failedTrace}`, "/tally", trial];
  for (const path of asking) await stopsMore(path, () => banner.getByRole("button", { name: "Stop" }).click());
  await stopsMore("/search?q=status%3Aerror", () => page.getByRole("link", { name: "Settings" }).click());
  await page.goto(`${server.url}/search?q=status%3Aerror`);
  await page.getByRole("table", { name: "Records" }).getByRole("row").nth(3).waitFor();
  await page.close();
});

test("the first load is under 250 kB of script, and other screens come when they are asked for", () => {
  const page = readFileSync(new URL("index.html", DIST), "utf8");
  const first = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.js)"/g)].map(([, path = ""]) => path);
  const bytesOf = (path: string) => gzipSync(readFileSync(new URL(path, DIST))).length;
  const all = readdirSync(new URL("assets/", DIST)).filter((name) => name.endsWith(".js"));
  expect(first.length).toBeGreaterThan(0);
  expect(first.reduce((sum, path) => sum + bytesOf(path), 0)).toBeLessThan(FIRST_LOAD_BYTES);
  expect(all.length).toBeGreaterThan(first.length + 8);
  expect(page).not.toMatch(/<script(?![^>]*src=)/);
});
