/** The dashboard in a real Chromium, and how long a person waits there for what he pressed. */
import type { Page } from "playwright-core";
import type { RunningServer } from "../integrity/running-server.ts";
import { launchChromium } from "../scripts/chromium.ts";
import { quantile, rounded } from "./measure.ts";

const SIZE = { width: 1_440, height: 900 } as const;
const ANSWER_TIMEOUT_MS = 120_000;
/** No paint is measured as shorter. */
const LEAST_PAINT_MS = 16;

const WATCH = `globalThis.presses = [];
new PerformanceObserver((list) => presses.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ type: "event", durationThreshold: ${LEAST_PAINT_MS} })`;
const LONGEST_PRESS = `new Promise((done) => requestAnimationFrame(() => setTimeout(() =>
  done(Math.max(${LEAST_PAINT_MS}, ...presses.splice(0))), 50)))`;

/** Works on a page that is logged in; the browser is closed afterwards. */
export async function inDashboard<Result>(
  server: RunningServer,
  work: (page: Page) => Promise<Result>,
): Promise<Result> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: SIZE });
    page.setDefaultTimeout(ANSWER_TIMEOUT_MS);
    const link = await server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
    await page.goto(link.url);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    return await work(page);
  } finally {
    await browser.close();
  }
}

/** From now on, until the page is loaded anew, presses are measured. */
export async function watchPresses(page: Page): Promise<void> {
  await page.evaluate(WATCH);
}

/** From the press to the next paint: the longest since this was asked last, in ms. */
export function longestPress(page: Page): Promise<number> {
  return page.evaluate<number>(LONGEST_PRESS);
}

export function spread(values: readonly number[]): { readonly median_ms: number; readonly max_ms: number } {
  const sorted = values.toSorted((a, b) => a - b);
  return { median_ms: rounded(quantile(sorted, 0.5)), max_ms: rounded(sorted.at(-1) ?? 0) };
}
