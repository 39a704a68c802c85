/**
 * The example fleet as its README tells it: healthy edges agree in every call, and the impostor is found, by the API
 * and by a person in the dashboard.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Locator } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "../scripts/chromium.ts";
import { watchFolder } from "../packages/server/src/secret-watch.contract.ts";
import { startServer, until, type RunningServer } from "../integrity/running-server.ts";

const FLEET = fileURLToPath(new URL("../examples/fleet/dist/main.js", import.meta.url));
const TIMEOUT_MS = 180_000;
const HEALTHY_EDGES = [
  "kiosk:storefront",
  "storefront:inventory",
  "storefront:orders",
  "shipping:inventory",
  "orders:shipping",
];
const BROKEN_STATES = ["discrepant", "unpaired_caller", "unpaired_callee"];
const ENOUGH_CALLS = 10;
const WAIT_MS = 120_000;

interface Exported {
  readonly call_id: string;
  readonly record: Readonly<Record<string, string>> & { readonly side: string };
}

interface Tally {
  readonly breaks: readonly {
    readonly kind: string;
    readonly call_id: string;
    readonly field: string | null;
    readonly callee_value: string | null;
  }[];
  readonly counts: Readonly<Record<string, number>>;
}

let folder: string;
let server: RunningServer;
let fleet: ChildProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-fleet-"));
  server = await startServer(folder, { env: { TALLYSTICK_TALLY_DEADLINE: "5s" } });
  const env = { ...process.env, TALLYSTICK_URL: server.url, TALLYSTICK_TOKEN: server.token };
  const args = [FLEET, "--rate", "10", "--impostor-every-s", "2"];
  fleet = spawn(process.execPath, args, { env, stdio: ["pipe", "ignore", "inherit"] });
}, TIMEOUT_MS);

afterAll(async () => {
  if (fleet.exitCode === null) {
    fleet.stdin?.end();
    await once(fleet, "exit");
  }
  await server.stop();
  watchFolder(folder);
  rmSync(folder, { recursive: true, force: true });
}, TIMEOUT_MS);

/** The two sides of what payments was asked in the name of orders. */
async function charges(): Promise<{ readonly callers: readonly Exported[]; readonly callees: readonly Exported[] }> {
  const response = await server.fetch(`/api/export?q=${encodeURIComponent("service_id:orders target_id:payments")}`);
  const lines = (await response.text()).split("\n").filter((line) => line !== "");
  const rows = lines.map((line) => JSON.parse(line) as Exported);
  const of = (side: string) => rows.filter(({ record }) => record.side === side);
  return { callers: of("caller"), callees: of("callee") };
}

/** The impostor's calls, by what payments alone cannot know: orders has no half of them. */
async function impostorCalls(): Promise<readonly Exported[]> {
  const { callers, callees } = await charges();
  const known = new Set(callers.map(({ call_id: id }) => id));
  const confirmed = new Set(callees.filter(({ call_id: id }) => known.has(id)).map(credentialOf));
  return confirmed.size === 0 ? [] : callees.filter((call) => !confirmed.has(credentialOf(call)));
}

const credentialOf = ({ record }: Exported): string | undefined => record["credential_id"];

async function tallyOf(edge: string): Promise<Tally> {
  return server.json<Tally>(`/api/tally?edge=${encodeURIComponent(edge)}&limit=1000`);
}

test(
  "payments takes the impostor for orders, and keeps the fingerprint of its key",
  { timeout: TIMEOUT_MS },
  async () => {
    const [call] = await until(WAIT_MS, "a call of the impostor", async () => {
      const calls = await impostorCalls();
      return calls.length === 0 ? undefined : calls;
    });
    expect(call?.record).toMatchObject({
      service_id: "orders",
      auth_subject: "orders",
      auth_method: "api_key",
      auth_decision: "allow",
      credential_id: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    });
    const { callers, callees } = await charges();
    const confirmed = callees.filter(({ call_id: id }) => callers.some((caller) => caller.call_id === id));
    expect(new Set(confirmed.map(credentialOf)).size).toBe(1);
  },
);

test("every call of a healthy edge matches", { timeout: TIMEOUT_MS }, async () => {
  for (const edge of HEALTHY_EDGES) {
    // An exporter that was slow makes a break for a moment, until its half is there.
    await until(WAIT_MS, `${edge} to have calls, and no breaks`, async () => {
      const { breaks, counts } = await tallyOf(edge);
      const broken = BROKEN_STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
      return (counts["matched"] ?? 0) >= ENOUGH_CALLS && breaks.length + broken === 0 ? true : undefined;
    });
  }
});

test("the impostor is found by what orders does not say, and by its key", { timeout: TIMEOUT_MS }, async () => {
  const foreign = await until(WAIT_MS, "the impostor's key", async () => {
    const { breaks } = await tallyOf("orders:payments");
    return breaks.find(({ kind, field }) => kind === "discrepancy_identity" && field === "credential_id");
  });
  const kinds = await until(WAIT_MS, "both of what is said of its call", async () => {
    const { breaks } = await tallyOf("orders:payments");
    const found = breaks.filter(({ call_id: id }) => id === foreign.call_id).map(({ kind }) => kind);
    return found.length > 1 ? found : undefined;
  });
  expect([...kinds].sort()).toEqual(["discrepancy_identity", "unpaired_callee"]);
  const calls = await impostorCalls();
  expect(calls.map(({ call_id: id }) => id)).toContain(foreign.call_id);
  expect(new Set(calls.map(credentialOf))).toEqual(new Set([foreign.callee_value ?? undefined]));
});

test(
  "a person finds the failing call, its proof and the impostor from the overview in six clicks each",
  { timeout: TIMEOUT_MS },
  async () => {
    await until(WAIT_MS, "payments to have failed where somebody saw it", async () => {
      const found = await server.json<{ readonly records: readonly unknown[] }>(
        `/api/search?limit=1&q=${encodeURIComponent("callee:payments side:caller status:error")}`,
      );
      return found.records.length > 0 ? true : undefined;
    });
    const browser: Browser = await launchChromium();
    try {
      const page = await browser.newPage({ viewport: { width: 1_440, height: 900 } });
      page.setDefaultTimeout(WAIT_MS);
      let clicks = 0;
      const click = async (on: Locator) => {
        await on.click();
        clicks++;
      };
      const link = await server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
      await page.goto(link.url);
      await click(page.getByRole("table", { name: "Services" }).getByRole("link", { name: "payments", exact: true }));
      await click(page.getByRole("button", { name: "Show an example call" }));
      const halves = page.getByRole("region", { name: "Both halves" });
      await halves
        .getByText(/^(error|timeout)$/)
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
      expect(clicks).toBeLessThanOrEqual(6);
      clicks = 0;
      await page.getByRole("link", { name: "Tallystick" }).click();
      await click(page.getByRole("navigation", { name: "Screens" }).getByRole("link", { name: "Map" }));
      await click(page.getByRole("button", { name: /orders calls payments: .* not known to orders/ }));
      await page.getByText(/in the name of orders, and orders knows nothing of/).waitFor();
      await click(page.getByRole("link", { name: "Show them" }));
      await click(page.getByRole("table", { name: "Breaks" }).getByRole("row").nth(1).getByRole("link").first());
      await page.getByRole("columnheader", { name: /caller recorded nothing/ }).waitFor();
      expect(clicks).toBeLessThanOrEqual(6);
    } finally {
      await browser.close();
    }
  },
);
