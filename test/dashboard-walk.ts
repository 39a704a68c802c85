/**
 * A walk through the dashboard in a real Chromium, against a real server with the seeded shop: what every part of the
 * dashboard's tests starts from, so that all of them share one server.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { notYet, startServer, until, type RunningServer } from "../integrity/running-server.ts";
import { watchFolder } from "../packages/server/src/secret-watch.contract.ts";
import { launchChromium } from "../scripts/chromium.ts";
import type { ShopIds } from "./screens.ts";
import { openChannel, type SeededChannel } from "./seed-channel.ts";
import { idsOf, post, seedDecisions, seedLongTrace, seedMint, seedShop } from "./seed-server.ts";

/** Screens that refresh by themselves do so twice within it. */
export const SETTLED_MS = 60_000;
export const PASSWORD = "correct horse battery staple";
export const WIDE = { width: 1_440, height: 900 } as const;

export interface Walk {
  readonly folder: string;
  readonly server: RunningServer;
  readonly channel: SeededChannel;
  readonly browser: Browser;
  /** Of the administrator. */
  readonly context: BrowserContext;
  readonly ids: ShopIds;
  /** When what the map is to be compared with took place: some minutes before now. */
  readonly earlierMs: number;
  /** A page of the administrator, or of somebody else. */
  opened(path: string, within?: BrowserContext): Promise<Page>;
  /** The administrator's login in another browser. */
  logIn(into: BrowserContext): Promise<void>;
  /** Another browser, in which a user of that name and role is logged in; he is made where there is none. */
  user(name: string, role: string): Promise<BrowserContext>;
  end(): Promise<void>;
}

export async function startWalk(): Promise<Walk> {
  const folder = mkdtempSync(join(tmpdir(), "tallystick-dashboard-"));
  const channel = await openChannel(folder);
  const server = await startServer(join(folder, "data"), {
    args: channel.args,
    env: { TALLYSTICK_TALLY_DEADLINE: "2s" },
  });
  const browser = await launchChromium();
  await seedShop(server, { nowMs: Date.now(), visitsPerMinute: 8, minutes: 60 });
  await seedDecisions(server);
  await seedLongTrace(server, 1_000);
  const ids = await until(SETTLED_MS, "the tally to find the impostor", () => idsOf(server).catch(notYet));
  const context = await newContext(browser);
  const earlierMs = Date.now() - 5 * 60_000;
  const walk: Walk = {
    folder,
    server,
    channel,
    browser,
    context,
    ids,
    earlierMs,
    async opened(path, within = context) {
      const page = await within.newPage();
      await page.goto(`${server.url}${path}`);
      return page;
    },
    async logIn(into) {
      const link = await server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
      const page = await into.newPage();
      await page.goto(link.url);
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      await page.close();
    },
    async user(name, role) {
      await post(server, "/api/users", { name, role, password: PASSWORD });
      const own = await newContext(browser);
      const answer = await own.request.post(`${server.url}/api/session`, { data: { name, password: PASSWORD } });
      if (!answer.ok()) throw new Error(`${name} was not let in: ${answer.status()}`);
      return own;
    },
    async end() {
      await browser.close();
      await server.stop();
      await channel.close();
      watchFolder(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await walk.logIn(context);
  await seedMint(server, "earlier", earlierMs);
  return walk;
}

async function newContext(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext({ viewport: WIDE, timezoneId: "Asia/Kolkata" });
  context.setDefaultTimeout(SETTLED_MS);
  return context;
}
