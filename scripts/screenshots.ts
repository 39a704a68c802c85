/**
 * Pictures of every screen of the dashboard, light and dark, wide and narrow, of a server with the seeded shop:
 *
 *   npm run screenshots [-- FOLDER]     FOLDER: screenshots
 *
 * Those in README.md are copied into docs/images, so that they show what there is.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { screensOf, type ShopIds } from "../test/screens.ts";
import { openChannel } from "../test/seed-channel.ts";
import { idsOf, seedDecisions, seedLongTrace, seedShop } from "../test/seed-server.ts";
import { launchChromium } from "./chromium.ts";
import { installed, ROOT, runStep } from "./run-step.ts";

const SIZES = { wide: { width: 1_440, height: 900 }, narrow: { width: 390, height: 844 } } as const;
const SCHEMES = ["light", "dark"] as const;
/** Pictures of the README, by their name there. */
const README: Readonly<Record<string, string>> = {
  "service-light-wide": "service.png",
  "call-light-wide": "call.png",
  "map-dark-wide": "map.png",
};
const SETTLED_MS = 120_000;
const STILL_MS = 15_000;

const target = process.argv[2] ?? join(ROOT, "screenshots");
runStep("build", installed("tsx"), ["scripts/build.ts"]);
mkdirSync(target, { recursive: true });
const folder = mkdtempSync(join(tmpdir(), "tallystick-screenshots-"));
const channel = await openChannel(folder);
const server = await startServer(join(folder, "data"), {
  args: channel.args,
  env: { TALLYSTICK_TALLY_DEADLINE: "2s" },
});
const browser = await launchChromium();
try {
  await seedShop(server, { nowMs: Date.now(), visitsPerMinute: 12, minutes: 60 });
  await seedDecisions(server);
  await seedLongTrace(server, 1_000);
  const ids = await until(SETTLED_MS, "the tally to judge the calls", () => idsOf(server));
  for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[])
    for (const scheme of SCHEMES) await takeAll(browser, server, ids, size, scheme);
  for (const [name, kept] of Object.entries(README))
    copyFileSync(join(target, `${name}.png`), join(ROOT, "docs/images", kept));
} finally {
  await browser.close();
  await server.stop();
  await channel.close();
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${target}\n`);

async function takeAll(
  chrome: Browser,
  running: RunningServer,
  ids: ShopIds,
  size: keyof typeof SIZES,
  colorScheme: (typeof SCHEMES)[number],
): Promise<void> {
  const context = await chrome.newContext({ viewport: SIZES[size], colorScheme });
  const page = await context.newPage();
  const link = await running.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
  await page.goto(link.url);
  for (const { name, path, title } of screensOf(ids)) {
    await page.goto(`${running.url}${path}`);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    if (name === "record") await page.getByRole("table", { name: "Records" }).getByRole("row").nth(1).click();
    // Live figures never rest for good; a picture may miss one.
    await page.waitForLoadState("networkidle", { timeout: STILL_MS }).catch(() => undefined);
    await page.screenshot({ path: join(target, `${name}-${colorScheme}-${size}.png`) });
  }
  await context.close();
}
