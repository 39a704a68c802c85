/** Searching as a person does it: by clicks, keys, columns, live, saved, taken away. */
import { readFileSync } from "node:fs";
import type { StoredRecord } from "@tallystick/record";
import { expect, test } from "vitest";
import { until } from "../integrity/running-server.ts";
import { WIDE, type Walk } from "./dashboard-walk.ts";
import { post } from "./seed-server.ts";

export function searchTests(walk: () => Walk): void {
  const opened: Walk["opened"] = (path, within) => walk().opened(path, within);

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
    await page.locator("summary", { hasText: "Columns" }).click();
    await page.getByRole("button", { name: "Remove request_id" }).click();
    await page.waitForURL(/columns=/);
    await page.goBack();
    await page.waitForURL(({ searchParams }) => searchParams.has("record") && !searchParams.has("columns"));
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
    await page.locator("#query-fault", { hasText: /^\s*\^ Column \d+: [^:]+$/ }).waitFor();
    await page.close();
  });

  test("a drag over the histogram looks closer, and our own records are one click away", async () => {
    const page = await opened("/search?from=now-1h");
    const chart = page.getByRole("img", { name: /^Records over time: / });
    const box = await chart.boundingBox();
    if (box === null) throw new Error("the histogram is not drawn");
    const at = (part: number) => [box.x + box.width * part, box.y + 20] as const;
    await page.mouse.move(...at(0.4));
    await page.mouse.down();
    await page.mouse.move(...at(0.6), { steps: 4 });
    await page.mouse.up();
    await page.waitForURL(/from=20\d\d-.*&to=20\d\d-/);
    const { searchParams } = new URL(page.url());
    const widthMs = Date.parse(searchParams.get("to") ?? "") - Date.parse(searchParams.get("from") ?? "");
    expect(widthMs / 60_000).toBeGreaterThan(8);
    expect(widthMs / 60_000).toBeLessThan(20);
    await page.goBack();
    await page.getByRole("button", { name: /of Tallystick’s own$/ }).click();
    await page.waitForURL(/own=true/);
    await page.getByRole("row").filter({ hasText: "tallystick" }).first().waitFor();
    await page.close();
  });

  test("columns are chosen and put in order, and stand so in the table and in the address", async () => {
    const page = await opened("/search?q=status%3Atimeout&from=now-6h");
    const titles = page.getByRole("table", { name: "Records" }).getByRole("columnheader");
    // The next step is taken from what the last one made: a person sees it first.
    const stand = (order: string) =>
      page
        .waitForURL(({ searchParams }) => searchParams.get("columns") === order)
        .then(() =>
          until(30_000, `the columns ${order}`, async () => {
            const shown = (await titles.allTextContents()).map((title) => title.replace(" (UTC)", ""));
            return shown.join() === order.replace("duration_us", "duration") || undefined;
          }),
        );
    await page.locator("summary", { hasText: "Columns" }).click();
    await page.getByRole("textbox", { name: "Add a column" }).fill("error_ty");
    await page.getByRole("button", { name: "+ error_type" }).click();
    let order = "timestamp,status,side,service_id,target_id,operation,duration_us,request_id,error_type";
    await stand(order);
    for (const gone of ["side", "request_id", "service_id"]) {
      await page.getByRole("button", { name: `Remove ${gone}` }).click();
      await stand((order = order.replace(`,${gone}`, "")));
    }
    for (let step = 0; step < 3; step++) {
      await page.getByRole("button", { name: "Move error_type to the left" }).click();
      await stand((order = order.replace(/,(\w+),error_type/, ",error_type,$1")));
    }
    expect(order).toBe("timestamp,status,error_type,target_id,operation,duration_us");
    await page.getByRole("row").filter({ hasText: "QueryCanceled" }).first().waitFor();
    await page.getByRole("button", { name: "The usual columns" }).click();
    await titles.filter({ hasText: "request_id" }).waitFor();
    await page.close();
  });

  test("what was found is taken away whole, as NDJSON and as CSV, and that is recorded", async () => {
    const page = await opened("/search?q=status%3Atimeout&from=now-6h");
    const said = await page.getByText(/^\d+ records$/).textContent();
    const count = Number(said?.split(" ")[0]);
    expect(count).toBeGreaterThan(20);
    const taken = async (format: string): Promise<readonly string[]> => {
      await page.locator("summary", { hasText: "Export" }).click();
      const [file] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("link", { name: format, exact: true }).click(),
      ]);
      expect(await file.failure()).toBeNull();
      return readFileSync(await file.path(), "utf8")
        .trimEnd()
        .split(/\r?\n/);
    };
    const lines = (await taken("NDJSON")).map((line) => JSON.parse(line) as StoredRecord);
    expect(lines).toHaveLength(count);
    expect(new Set(lines.map(({ record }) => record.status))).toEqual(new Set(["timeout"]));
    const [title = "", ...rows] = await taken("CSV");
    expect(title.split(",")).toContain("operation");
    expect(rows).toHaveLength(count);
    await page.goto(`${walk().server.url}/access?from=now-1h`);
    const reads = page.getByRole("table", { name: "Reads" }).getByRole("row", { name: /\/api\/export/ });
    await until(30_000, "the export to be searchable", async () => {
      await page.reload();
      await page.getByRole("table", { name: "Reads" }).waitFor();
      return (await reads.count()) > 1 ? true : undefined;
    });
    await page.close();
  });

  test("records come live, wait while one reads further down, and are there at once when one asks", async () => {
    const page = await opened("/search?q=request_id%3Alive*&live=true");
    await page.getByRole("button", { name: "Live" }).waitFor();
    const table = page.getByRole("table", { name: "Records" });
    const rowOf = (id: string) => table.getByRole("row").filter({ hasText: id });
    const send = (first: number, count: number) => {
      const records = Array.from({ length: count }, (_, at) => ({
        timestamp: new Date().toISOString(),
        event_type: "API_CALL",
        service_id: "kiosk",
        target_id: "storefront",
        request_id: `live-${first + at}`,
        status: "success",
      }));
      return post(walk().server, "/v1/records", records);
    };
    await until(30_000, "records to come live", async () => {
      await send(100, 60);
      return (await rowOf("live-1").count()) > 0 ? true : undefined;
    });
    // The first that came may be the last of a batch that was sent before the page listened.
    await until(30_000, "enough of them to read further down", async () => {
      const isFar = await table.evaluate((frame) => {
        frame.scrollTo({ top: 600 });
        return frame.scrollTop === 600;
      });
      if (!isFar) await send(100, 60);
      return isFar || undefined;
    });
    const paused = page.getByRole("button", { name: /^Paused: / });
    const waiting = async () => {
      const [says] = await paused.allTextContents();
      return says === undefined ? 0 : Number(/[\d,]+/.exec(says)?.[0].replaceAll(",", ""));
    };
    await until(30_000, "what is sent now to wait", async () => {
      await send(900, 1);
      return (await waiting()) > 0 || undefined;
    });
    const seen = await table.getByRole("row").allTextContents();
    const before = await waiting();
    await send(901, 1);
    await until(30_000, "more to wait", async () => (await waiting()) > before || undefined);
    expect(await table.getByRole("row").allTextContents()).toEqual(seen);
    await paused.click();
    await rowOf("live-901").first().waitFor();
    await paused.waitFor({ state: "detached" });
    await page.close();
  });

  test("a search that is saved follows its user to another browser", async () => {
    const page = await opened("/search?q=status%3Adenied&from=now-6h");
    await page.locator("summary", { hasText: "Saved" }).click();
    await page.getByRole("textbox", { name: "Name of this search" }).fill("refused today");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "refused today", exact: true }).waitFor();
    await page.close();
    const other = await walk().browser.newContext({ viewport: WIDE });
    await walk().logIn(other);
    const there = await opened("/search", other);
    await there.locator("summary", { hasText: "Saved" }).click();
    await there.getByRole("button", { name: "refused today", exact: true }).click();
    await there.waitForURL(/q=status%3Adenied&from=now-6h/);
    await there.locator("summary", { hasText: "Saved" }).click();
    await there.getByRole("button", { name: "Forget refused today" }).click();
    await there.getByText("You have saved no search yet.").waitFor();
    await other.close();
  });

  test("in little room a record takes two lines, and its names and operation are in sight", async () => {
    const page = await opened("/search?q=callee%3Apayments");
    await page.setViewportSize({ width: 390, height: 844 });
    const table = page.getByRole("table", { name: "Records" });
    const row = table.getByRole("row").nth(1);
    await row.getByText("payments", { exact: true }).waitFor();
    await until(30_000, "the list to be as narrow as the page", () =>
      table.evaluate(({ scrollWidth, clientWidth }) => (scrollWidth > clientWidth ? undefined : true)),
    );
    for (const name of ["orders", "payments", "POST /charges"]) {
      const box = await row.getByText(name, { exact: true }).boundingBox();
      expect(box !== null && box.x >= 0 && box.x + box.width <= 390, name).toBe(true);
    }
    await row.click();
    await page.getByText(/Proven in this browser/).waitFor();
    await page.close();
  });
}
