/**
 * The dashboard as a person uses it, in a real Chromium against a real server with the seeded shop: logging in, finding
 * the failing call and the impostor, proofs checked in the page, hostile values that stay text, and every screen under
 * axe in both schemes.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import axe from "axe-core";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CHROMIUM, placeOf } from "../scripts/ensure-programs.ts";
import { BIN, startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { watchFolder, watchPage } from "../packages/server/src/secret-watch.contract.ts";
import { screensOf, type ShopIds } from "./screens.ts";
import { openChannel, type SeededChannel } from "./seed-channel.ts";
import { idsOf, post, seedDecisions, seedLongTrace, seedShop } from "./seed-server.ts";
import { HOSTILE } from "./seeded-shop.ts";

const FIRST_LOAD_BYTES = 250_000;
const SETTLED_MS = 60_000;
const DIST = new URL("../packages/dashboard/dist/", import.meta.url);
vi.setConfig({ testTimeout: 180_000 });
let folder: string;
let server: RunningServer;
let channel: SeededChannel;
let browser: Browser;
let context: BrowserContext;
let ids: ShopIds;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-dashboard-"));
  channel = await openChannel(folder);
  server = await startServer(join(folder, "data"), { args: channel.args, env: { TALLYSTICK_TALLY_DEADLINE: "2s" } });
  browser = await chromium.launch({
    executablePath: placeOf(CHROMIUM) ?? "chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  await seedShop(server, { nowMs: Date.now(), visitsPerMinute: 8, minutes: 60 });
  await seedDecisions(server);
  await seedLongTrace(server, 1_000);
  ids = await until(SETTLED_MS, "the tally to find the impostor", () => idsOf(server));
  context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, timezoneId: "Asia/Kolkata" });
  // Screens that refresh by themselves do so twice within it.
  context.setDefaultTimeout(SETTLED_MS);
  await logIn(context);
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await channel?.close();
  watchFolder(folder);
  rmSync(folder, { recursive: true, force: true });
});

async function logIn(into: BrowserContext): Promise<void> {
  const link = await server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
  const page = await into.newPage();
  await page.goto(link.url);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.close();
}

async function opened(path: string, within: BrowserContext = context): Promise<Page> {
  const page = await within.newPage();
  await page.goto(`${server.url}${path}`);
  return page;
}

test("who is not logged in is told how to, comes back to where he was, and a link works once", async () => {
  const fresh = await browser.newContext();
  const page = await opened("/search?q=visit", fresh);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  const link = await server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
  const other = await fresh.newPage();
  await other.goto(link.url);
  await other.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("button", { name: "I have opened it" }).click();
  await page.getByRole("search").waitFor();
  expect(await page.getByRole("combobox", { name: "Query" }).inputValue()).toBe("visit");
  await fresh.clearCookies();
  await other.goto(link.url);
  await other.getByRole("alert").getByText("was used already").waitFor();
  await fresh.close();
});

test("a user logs in by name and password, and lets a command line in as himself", async () => {
  const password = "correct horse battery staple";
  await post(server, "/api/users", { name: "carl", role: "viewer", password });
  const fresh = await browser.newContext();
  const device = await post<{ readonly user_code: string; readonly device_code: string }>(server, "/api/device", {});
  const page = await opened(`/device?code=${device.user_code}`, fresh);
  await page.getByLabel("Name").fill("carl");
  await page.getByLabel("Password").fill("wrong horse battery staple");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("do not fit").waitFor();
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByText("user:carl · viewer").waitFor();
  expect(await page.getByLabel("Code").inputValue()).toBe(device.user_code);
  await page.getByRole("button", { name: "Let it in" }).click();
  await page.getByRole("heading", { name: "The device is let in" }).waitFor();
  const { token } = await post<{ token: string }>(server, "/api/device/token", { device_code: device.device_code });
  expect(token).toMatch(/^tss_/);
  await page.goto(`${server.url}/settings`);
  await page.getByText("Not for your role").waitFor();
  await fresh.close();
});

test("the failing call is three clicks from the overview, and its proof is checked in the page", async () => {
  const page = await opened("/");
  await page.getByText("Failing now").getByRole("link", { name: "payments", exact: true }).click();
  await page.getByText(/Failing since .*% of/).waitFor();
  const changes = page.getByRole("region", { name: "What changed" });
  await changes.getByText("1.5.0").first().waitFor();
  await page.getByRole("link", { name: "Show an example call" }).click();
  await page.getByRole("region", { name: "Both halves" }).getByText("QueryCanceled").first().waitFor();
  await page
    .getByText(/Proven in this browser/)
    .first()
    .waitFor();
  await page
    .getByRole("img", { name: /The path of \d+ hashes/ })
    .first()
    .waitFor();
  await page.goBack();
  await page.getByText(/Failing since/).waitFor();
  await page.close();
});

test("the impostor stands out on the map, to the calls that the caller knows nothing of", async () => {
  const page = await opened("/map");
  await page.getByRole("button", { name: /orders calls payments: .* not known to orders/ }).click();
  await page.getByText(/in the name of orders, and orders knows nothing of/).waitFor();
  await page.getByRole("link", { name: "Show them" }).click();
  await page.getByRole("table", { name: "Breaks" }).getByRole("row").nth(1).getByRole("link").first().click();
  await page.getByText("callee only").waitFor();
  await page.getByRole("columnheader", { name: /caller recorded nothing/ }).waitFor();
  await page.close();
});

test("a search is built by clicks and keys, stands in the address, and a row opens with its proof", async () => {
  const page = await opened("/search");
  const values = page.getByRole("complementary", { name: "Values" });
  await values.getByRole("button", { name: /^timeout/ }).click();
  await values.getByRole("button", { name: "Without caller payments" }).click();
  await page.waitForURL(/status.*timeout.*-caller/);
  expect(await page.getByRole("combobox", { name: "Query" }).inputValue()).toBe(
    'status:"timeout" AND -caller:"payments"',
  );
  await page.keyboard.press("Escape");
  const rows = page.getByRole("table", { name: "Records" }).getByRole("row");
  await rows.filter({ hasText: "success" }).first().waitFor({ state: "detached" });
  await rows.filter({ hasText: "INSERT charges" }).first().waitFor({ state: "detached" });
  await rows.nth(2).waitFor();
  await page.getByRole("heading", { name: "status" }).click();
  // A row that is replaced by a later answer loses the focus: a person presses again.
  await until(30_000, "a row to open by keys", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    return (await page.getByRole("complementary", { name: /^Record/ }).count()) > 0 ? true : undefined;
  });
  await page.getByText(/Proven in this browser/).waitFor();
  const address = page.url();
  await page.locator("summary", { hasText: "Columns" }).click();
  await page.getByRole("button", { name: "Remove request_id" }).click();
  await page.waitForURL(/columns=/);
  await page.goBack();
  await page.waitForURL(address);
  await page.getByRole("button", { name: "service", exact: true }).click();
  await page.getByRole("region", { name: "Surrounding records" }).getByRole("listitem").nth(3).waitFor();
  await page.close();
});

test("fields and values complete themselves, and a fault names its column", async () => {
  const page = await opened("/search?from=all");
  await page.getByRole("combobox", { name: "Query" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("callee");
  await page.getByRole("option", { name: /^callee/ }).waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.type("pay");
  await page.getByRole("option", { name: /^payments-db/ }).click();
  expect((await page.getByRole("combobox", { name: "Query" }).inputValue()).trim()).toBe("callee:payments-db");
  await page.getByRole("combobox", { name: "Query" }).fill("status:(error");
  await page.keyboard.press("Enter");
  await page.locator("#query-fault", { hasText: /column \d+/ }).waitFor();
  await page.close();
});

test("records come live, and wait while one reads further down", async () => {
  const page = await opened("/search?q=request_id%3Alive*&live=true");
  await page.getByRole("button", { name: "Live" }).waitFor();
  const send = (n: number) =>
    post(server, "/v1/records", {
      timestamp: new Date().toISOString(),
      event_type: "API_CALL",
      service_id: "kiosk",
      target_id: "storefront",
      request_id: `live-${n}`,
      status: "success",
    });
  await until(30_000, "a record to come live", async () => {
    await send(1);
    return (await page.getByRole("row").filter({ hasText: "live-1" }).count()) > 0 ? true : undefined;
  });
  await page.close();
});

test("a sealed body opens for a reason, is checked in the page, and stays text", async () => {
  const page = await opened(`/call?id=${encodeURIComponent(ids.callWithBody)}`);
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

test("a login that ends loses no work", async () => {
  const own = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
  await logIn(own);
  const page = await opened("/search", own);
  await page.getByRole("combobox", { name: "Query" }).fill("half of a thou");
  await own.clearCookies();
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("dialog", { name: "Your login has ended" }).waitFor();
  await logIn(own);
  await page.getByRole("button", { name: "I am logged in again" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(await page.getByRole("combobox", { name: "Query" }).inputValue()).toBe("half of a thou");
  await page.getByText("No record matches").waitFor();
  await own.close();
});

test("a trace of a thousand calls is drawn row by row", async () => {
  const page = await opened(`/trace?id=${ids.longTrace}`);
  const rows = page.getByRole("table", { name: "Calls" }).getByRole("row");
  await rows.nth(5).waitFor();
  expect(await rows.count()).toBeLessThan(80);
  await page.getByRole("button", { name: /First failure/ }).click();
  await page.getByRole("complementary", { name: "Call" }).getByText("the last of many").waitFor();
  await page.close();
});

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
  await box.fill((await box.inputValue()).replace("level: medium", "level: low"));
  await page.getByRole("button", { name: "Save as a new version" }).click();
  await page.getByText("version 2", { exact: true }).waitFor();
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

test("a search that is saved follows its user to another browser", async () => {
  const page = await opened("/search?q=status%3Adenied&from=now-6h");
  await page.locator("summary", { hasText: "Saved" }).click();
  await page.getByRole("textbox", { name: "Name of this search" }).fill("refused today");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "refused today", exact: true }).waitFor();
  await page.close();
  const other = await browser.newContext({ viewport: { width: 1_440, height: 900 } });
  await logIn(other);
  const there = await opened("/search", other);
  await there.locator("summary", { hasText: "Saved" }).click();
  await there.getByRole("button", { name: "refused today", exact: true }).click();
  await there.waitForURL(/q=status%3Adenied&from=now-6h/);
  await there.locator("summary", { hasText: "Saved" }).click();
  await there.getByRole("button", { name: "Forget refused today" }).click();
  await there.getByText("You have saved no search yet.").waitFor();
  await other.close();
});

test("an alert is taken on and resolved by keys alone, with its evidence, both halves and its steps beneath", async () => {
  const page = await opened("/alerts?group=rule");
  const line = page.getByRole("button", { name: /calls of orders to payments that orders does not record/ });
  await line.waitFor();
  await page.getByRole("list", { name: "A callee records calls that their caller does not" }).waitFor();
  await until(30_000, "the alert to open by keys", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    return (await line.getAttribute("aria-current")) === "true" ? true : undefined;
  });
  await page.getByRole("region", { name: "What shows it" }).getByRole("button").first().waitFor();
  await page.getByRole("columnheader", { name: /caller recorded nothing/ }).waitFor();
  const steps = page.getByRole("region", { name: "What became of it" });
  await page.keyboard.press("a");
  await steps.getByText("acknowledged", { exact: true }).waitFor();
  await page.keyboard.press("r");
  await steps.getByText("resolved", { exact: true }).waitFor();
  await line.waitFor({ state: "detached" });
  await page.goto(`${server.url}/alerts?tab=channels`);
  const channels = page.getByRole("table", { name: "Channels" });
  await channels.getByRole("button", { name: "Send a test" }).click();
  await channels.getByText("arrived").waitFor();
  expect(channel.heard).toContain("alert.test");
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
  const trees = await server.json<readonly { readonly tree: string }[]>("/api/trees");
  const tree = trees.find(({ tree: name }) => name.startsWith("access/"))?.tree ?? "";
  const checkpoint = async () => (await server.fetch(`/trees/${tree}/checkpoint`)).text();
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
  expect(spawnSync(BIN, ["fsck", "--data", join(folder, "data"), ...channel.args]).status).toBe(0);
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
  await page.keyboard.press("g");
  await page.keyboard.press("m");
  await page.getByRole("heading", { name: "Map" }).waitFor();
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

test("every screen keeps its policy, shows hostile values as text, and passes axe in both schemes", async () => {
  const page = await context.newPage();
  const broken: string[] = [];
  page.on("console", (message) => {
    if (/Content Security Policy|Error/.test(message.text())) broken.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => void broken.push(`${page.url()}: ${error.message}`));
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const { path, title } of screensOf(ids)) {
      await page.goto(`${server.url}${path}`);
      await page.getByRole("heading", { level: 1, name: title }).waitFor();
      await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
      await watchPage(page, page.url());
      await page.evaluate(axe.source);
      const found = await page.evaluate<readonly string[]>(AXE_RUN);
      broken.push(...found.map((violation) => `${colorScheme} ${path}: ${violation}`));
    }
  }
  expect(broken).toEqual([]);
  await page.goto(`${server.url}/search?q=request_id%3Ahostile-1`);
  await page.getByText(HOSTILE).first().waitFor();
  expect(await page.title()).toBe("Tallystick");
  await page.close();
}, 300_000);

const AXE_RUN = `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] })
  .then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes.map(({ html }) => html.slice(0, 160)).join(" ")))`;

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
