/**
 * The dashboard as a person uses it, in a real Chromium against a real server: the one-time link logs in, a search
 * finds, a row opens, the proof is checked in the page; a hostile value stays text; a fault names its column.
 * TALLYSTICK_SCREENSHOTS=DIR keeps pictures.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHROMIUM, placeOf } from "../scripts/ensure-programs.ts";
import { startServer, type RunningServer } from "../integrity/running-server.ts";

const HOSTILE = '<img src=x onerror="document.title=1">';
let folder: string;
let server: RunningServer;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-dashboard-"));
  server = await startServer(join(folder, "data"));
  browser = await chromium.launch({
    executablePath: placeOf(CHROMIUM) ?? "chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  });
  const now = Date.now();
  const records = Array.from({ length: 40 }, (_, n) => ({
    timestamp: new Date(now - n * 60_000).toISOString(),
    event_type: "API_CALL",
    service_id: n % 2 === 0 ? "storefront" : "orders",
    target_id: n === 3 ? HOSTILE : "payments",
    request_id: `visit-${n}`,
    operation: "POST /charges",
    protocol: "http",
    status: n % 5 === 0 ? "error" : "success",
    duration_us: 1_000 * (n + 1),
    ...(n === 5 ? { request_body: `{"note":"${HOSTILE.replaceAll('"', "'")}","pin":"secret"}` } : {}),
  }));
  const old = { ...records[0], timestamp: "2023-10-05T08:20:43Z", request_id: "long-ago" };
  await server.json("/v1/records?wait=published", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify([...records, old]),
  });
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function loggedIn(path: string): Promise<Page> {
  const link = await server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
  const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
  await page.goto(link.url);
  await page.goto(`${server.url}${path}`);
  return page;
}

async function picture(page: Page, name: string): Promise<void> {
  const kept = process.env["TALLYSTICK_SCREENSHOTS"];
  if (kept !== undefined) await page.screenshot({ path: join(kept, `${name}.png`) });
}

test("who is not logged in is told how to, and a link works once", async () => {
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  const link = await server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
  await page.goto(link.url);
  await page.getByRole("search").waitFor();
  const other = await browser.newContext();
  const second = await other.newPage();
  await second.goto(link.url);
  await second.getByRole("alert").waitFor();
  await other.close();
  await page.close();
});

test("a user logs in by name and password, and lets a command line in as himself", async () => {
  const send = (path: string, body: object) =>
    server.json<{ readonly user_code: string; readonly device_code: string; readonly token: string | null }>(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const password = "correct horse battery staple";
  await send("/api/users", { name: "ada", role: "viewer", password });
  const context = await browser.newContext();
  const page = await context.newPage();
  const device = await send("/api/device", {});
  await page.goto(`${server.url}/device?code=${device.user_code}`);
  await page.getByLabel("Name").fill("ada");
  await page.getByLabel("Password").fill("wrong horse battery staple");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("alert").getByText("do not fit").waitFor();
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByText("user:ada · viewer").waitFor();
  expect(await page.getByLabel("Code").inputValue()).toBe(device.user_code);
  await page.getByRole("button", { name: "Let it in" }).click();
  await page.getByRole("heading", { name: "The device is let in" }).waitFor();
  const { token } = await send("/api/device/token", { device_code: device.device_code });
  expect(token).toMatch(/^tss_/);
  await context.close();
});

test("a search finds, a row opens, and its proof is checked in the page", async () => {
  const page = await loggedIn("/");
  await page.getByText(/more outside this range/).waitFor();
  await picture(page, "overview");
  await page.getByLabel("Query").fill("request_id:visit-7");
  await page.keyboard.press("Enter");
  await page.getByRole("status").getByText("1 record", { exact: true }).waitFor();
  await page.getByRole("row").filter({ hasText: "visit-7" }).click();
  await page.getByText(/Proven in this browser/).waitFor();
  expect(new URL(page.url()).search).toContain("visit-7");
  await picture(page, "search");
  await page.reload();
  await page.getByText(/Proven in this browser/).waitFor();
  await page.close();
});

test("a hostile value stays text, and the page keeps its policy", async () => {
  const page = await loggedIn("/?q=request_id%3Avisit-3");
  const violations: string[] = [];
  page.on(
    "console",
    (message) => void (/Content Security Policy/.test(message.text()) && violations.push(message.text())),
  );
  await page.reload();
  await page.getByText(HOSTILE).first().waitFor();
  expect(await page.title()).toBe("Tallystick");
  expect(violations).toEqual([]);
  await page.close();
});

test("a sealed body opens for a reason, is checked in the page, and stays text", async () => {
  const page = await loggedIn("/?q=request_id%3Avisit-5");
  await page.getByRole("row").filter({ hasText: "visit-5" }).click();
  const body = page.getByRole("region", { name: "Request body" });
  await body.getByText("text/plain").waitFor();
  expect(await body.getByRole("button", { name: "Open" }).isDisabled()).toBe(true);
  await body.getByLabel("Reason to open the request body").fill("test of the drawer");
  await page.keyboard.press("Enter");
  await body.getByText("It gives the record's commitment.").waitFor();
  await body.getByText("<img src=x").waitFor();
  expect(await page.title()).toBe("Tallystick");
  await picture(page, "body");
  await page.close();
});

test("a fault in a query names its column, and one click shows what the range hides", async () => {
  const page = await loggedIn("/?q=status%3A(error");
  await page
    .getByText(/column \d+/)
    .first()
    .waitFor();
  await page.getByLabel("Query").fill("request_id:long-ago");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /1 more outside this range/ }).click();
  await page.getByRole("row").filter({ hasText: "long-ago" }).waitFor();
  await page.close();
});
