/** Figures that a person acts on: against last week, who is not seen, whose clock is off, when a measure fires. */
import type { AuditRecord } from "@tallystick/record";
import { expect, test } from "vitest";
import { until } from "../integrity/running-server.ts";
import type { Walk } from "./dashboard-walk.ts";
import { post } from "./seed-server.ts";

const WEEK_MS = 7 * 86_400_000;
const MINUTE_MS = 60_000;
const MEASURE = `title: An edge fails
id: 5c0f4a55-6a0e-4b1c-9a55-0d6d8e2f9b11
status: test
level: high
measure:
  of: error_ratio
  group-by: [caller, callee]
  window: 5m
  condition:
    gt: 0.01
  at-least: 10
`;

const NOT_SEARCHABLE = "Records not yet searchable";
/** The screen behind each figure of the overview, and the list there that cannot be empty here. */
const FIGURES: Readonly<Record<string, readonly [string, string | null]>> = {
  "Records received": ["Search", null],
  "Calls that fail": ["Search", "Records"],
  "Both halves agree": ["Tally", "Breaks"],
  "Alerts firing": ["Alerts", null],
  "Silent producers": ["Producers", null],
  "Producers with gaps": ["Producers", "Producers"],
  "Records that no checkpoint covers": ["Integrity", "Trees"],
  [NOT_SEARCHABLE]: ["Integrity", "Trees"],
  Disk: ["Keeping", "Logs and retention"],
  "Server runs for": ["Search", "Records"],
};

export function figureTests(walk: () => Walk): void {
  const opened: Walk["opened"] = (path, within) => walk().opened(path, within);

  test("what a service did at the same hour last week stands beside what it does now", async () => {
    const { server, earlierMs } = walk();
    const of = async (backMs: number) => {
      const [from, to] = [earlierMs - 40 * MINUTE_MS - backMs, earlierMs - backMs];
      const iso = (ms: number) => new Date(ms).toISOString();
      const query = new URLSearchParams({ q: "callee:payments AND side:callee", from: iso(from), to: iso(to) });
      const lines = (await (await server.fetch(`/api/export?${query.toString()}`)).text()).trim().split("\n");
      const records = lines.map((line) => (JSON.parse(line) as { readonly record: AuditRecord }).record);
      const failed = records.filter(({ status }) => status === "error" || status === "timeout").length;
      return { count: records.length, share: failed === 0 ? "0%" : `${((100 * failed) / records.length).toFixed(1)}%` };
    };
    const [now, before] = [await of(0), await of(WEEK_MS)];
    expect(now.share).not.toBe(before.share);
    const range = [earlierMs - 40 * MINUTE_MS, earlierMs].map((ms) => encodeURIComponent(new Date(ms).toISOString()));
    const page = await opened(`/service?name=payments&from=${range[0]}&to=${range[1]}`);
    const errors = page.getByRole("region", { name: "Errors" });
    await errors.getByText(`last week ${before.share} (dashed)`).waitFor();
    await errors.getByText(now.share, { exact: true }).waitFor();
    await page.getByRole("region", { name: "Verdict" }).getByText(`At this hour last week ${before.share}.`).waitFor();
    // What is drawn, in words for who does not see it.
    for (const name of ["Rate", "Errors", "p95, median minute"])
      await page
        .getByRole("region", { name })
        .getByText(/\. last week: .* at the end, .* at most\. now: .* at the end/)
        .waitFor();
    await page.close();
  });

  test("of a service comes first how it is, and what changed is asked once, when it is known since when", async () => {
    const page = await opened("/");
    const seen: string[] = [];
    const note = (what: string, url: string) => {
      const { pathname, searchParams } = new URL(url);
      if (pathname.startsWith("/api/")) seen.push(`${what} ${pathname} ${[...searchParams.values()].join(" ")}`);
    };
    page.on("request", (request) => note("asked", request.url()));
    page.on("response", (response) => note("told", response.url()));
    await page.goto(`${walk().server.url}/service?name=payments&from=now-3h`);
    await page.getByRole("table", { name: "Timeline" }).waitFor();
    const places = (start: string) => seen.flatMap((line, place) => (line.startsWith(start) ? [place] : []));
    const told = Math.min(...places("told /api/histogram"));
    for (const later of ["facets", "bottlenecks", "timeline", "search"])
      expect(Math.min(...places(`asked /api/${later}`)), later).toBeGreaterThan(told);
    const facets = seen.filter((line) => line.startsWith("asked /api/facets"));
    expect([facets.length, new Set(facets).size]).toEqual([6, 6]);
    await page.close();
  });

  test("who is seen from one side only is listed with what closes it, and whose clock is off", async () => {
    const page = await opened("/tally?tab=coverage");
    const edges = page.getByRole("table", { name: "Edges" });
    await edges
      .getByRole("row", { name: /payments → payments-db the callee’s half .*declared: a database/ })
      .first()
      .waitFor();
    await page
      .getByRole("table", { name: "Services that record nothing" })
      .getByRole("row", { name: /^payments-db / })
      .waitFor();
    await page.getByRole("button", { name: "Clocks" }).click();
    await page.waitForURL(/tab=clocks/);
    await page
      .getByRole("table", { name: "Skew by recorder" })
      .getByRole("row", { name: /^orders .* (ahead|behind) / })
      .waitFor();
    await page.close();
  });

  test("a silence is placed for a reason, and ended", async () => {
    const page = await opened("/alerts?tab=silences");
    await page.getByRole("button", { name: "New silence" }).click();
    const dialog = page.getByRole("dialog", { name: "Silence" });
    await dialog.getByLabel("Alerts that match all of").fill('service="reports"\nlevel=low');
    expect(await dialog.getByRole("button", { name: "Silence them" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Why").fill("they move to another rack");
    await page.keyboard.press("Enter");
    const row = page.getByRole("table", { name: "Silences" }).getByRole("row", { name: /they move to another rack/ });
    await row.getByText("active", { exact: true }).waitFor();
    await row.getByRole("button", { name: "End" }).click();
    await row.getByText("expired", { exact: true }).waitFor();
    await page.close();
  });

  test("a measure is tried on the past: when it would have fired, of what, and for how long", async () => {
    // What was received counts when its step of a minute is over.
    await until(120_000, "the measure to have fired", async () => {
      const { fired } = await post<{ readonly fired: readonly object[] }>(walk().server, "/api/rules/test", {
        text: MEASURE,
        from: "now-1h",
      });
      return fired.length > 0 || undefined;
    });
    const page = await opened("/rule?edit=true&from=now-1h");
    await page.getByRole("textbox", { name: "Text of the rule" }).fill(MEASURE);
    const past = page.getByRole("region", { name: "On the past" });
    await past.getByText(/^\d+ times? it would have fired, /).waitFor();
    const fired = past.getByRole("table", { name: "Times at which it would have fired" });
    await fired
      .getByRole("row", { name: /orders → payments/ })
      .first()
      .waitFor();
    await past.getByText(/Shaded: while its condition held\./).waitFor();
    await page.close();
  });

  test("every figure of the overview leads to what it counts", async () => {
    const page = await opened("/");
    const cards = page.getByRole("region", { name: /^The (fleet|log)$/ }).getByRole("group");
    await page.getByRole("group", { name: "Server runs for" }).waitFor();
    const figures = await until(30_000, "all figures to be known", async () => {
      const shown = await cards.evaluateAll((parts) =>
        parts.map((part) => ({
          title: part.getAttribute("aria-label") ?? "",
          says: part.textContent,
          to: part.querySelector("a")?.getAttribute("href") ?? "",
        })),
      );
      return shown.some(({ says }) => says.includes("…")) ? undefined : shown;
    });
    expect(figures.map(({ title }) => title)).toEqual(Object.keys(FIGURES));
    for (const { title, to } of figures) {
      const [screen, list] = FIGURES[title] ?? ["", null];
      await page.goto(`${walk().server.url}${to}`);
      await page.getByRole("heading", { level: 1, name: screen }).waitFor();
      if (list !== null) await page.getByRole("table", { name: list }).getByRole("row").nth(1).waitFor();
      else await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    }
    const trees = page.getByRole("table", { name: "Trees" });
    await page.goto(`${walk().server.url}${figures.find(({ title }) => title === NOT_SEARCHABLE)?.to ?? ""}`);
    await trees
      .getByRole("row", { name: /default\/.* (all|to come) / })
      .first()
      .waitFor();
    await page.getByRole("table", { name: "Life of the log" }).getByText("tree opened").first().waitFor();
    await page.goto(`${walk().server.url}/`);
    const row = page.getByRole("table", { name: "Services" }).getByRole("row", { name: /^payments \d/ });
    await row.getByRole("link").nth(2).click();
    await page.waitForURL(/\/search\?q=callee.*payments.*error/);
    await page.getByRole("table", { name: "Records" }).getByText("error").first().waitFor();
    await page.close();
  });

  test("of a large fleet the overview shows those that fail most, and all of them when asked", async () => {
    const page = await opened("/settings");
    const [edge] = (await walk().server.json<{ readonly edges: readonly { readonly callee: string }[] }>("/api/graph"))
      .edges;
    const names = Array.from({ length: 60 }, (_, at) => `fleet-${at}`);
    const services = names.map((name) => ({ name, kind: "service" }));
    const edges = names.map((callee, at) => ({ ...edge, callee, calls: 100, errors: at }));
    await page.route("**/api/graph?*", (route) => route.fulfill({ json: { services, edges, partial: false } }));
    await page.goto(`${walk().server.url}/`);
    const rows = page.getByRole("table", { name: "Services" }).getByRole("row");
    await rows.nth(1).getByText("fleet-59").waitFor();
    expect(await rows.count()).toBe(21);
    await page.getByRole("button", { name: "Show all 60" }).click();
    await rows.nth(60).getByText("fleet-0").waitFor();
    // A link is one: another tab is the reader's choice.
    const other = page.context().waitForEvent("page");
    const link = rows.nth(1).getByRole("link", { name: "fleet-59" });
    await link.click({ modifiers: ["Control"] });
    await (await other).waitForURL(/\/service\?name=fleet-59$/);
    await (await other).close();
    await link.click();
    await page.waitForURL(/\/service\?name=fleet-59$/);
    await page.close();
  });
}
