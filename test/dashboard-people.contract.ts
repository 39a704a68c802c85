/** People: who gets in, who is offered what, a login that ends, and what needs two of them. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { until } from "../integrity/running-server.ts";
import { PASSWORD, WIDE, type Walk } from "./dashboard-walk.ts";
import { screensOf } from "./screens.ts";
import { post } from "./seed-server.ts";

/** Screens with something to press that is not for everybody. */
const PRESSED = new Set(
  "overview credential silences responses detectors rules rule rule-editor names holds approvals".split(" "),
);
const REFUSED =
  /^(Acknowledge|Assign to me|Resolve|Reopen|Comment|Silence|New silence|End|Undo|Take back|Send .*|Block|Hold its records|Place a hold|Release|Count what would go|Approve|Reject|Teach it|Declare .*|New rule|Save, .*|Edit.*|Make your own of it|Remove|Open)$/;

/** Of the credential that belongs to nobody: each panel, and what stands in it. */
const CREDENTIAL_PARTS = [
  ["Services that used it", "orders"],
  ["Services that took it", "payments"],
  ["Operations", "POST /charges"],
  ["Resources", "/charges"],
  ["Addresses it came from", "10.9.3.77"],
  ["Outcomes", "success"],
] as const;

export function peopleTests(walk: () => Walk): void {
  const opened: Walk["opened"] = (path, within) => walk().opened(path, within);

  test("who is not logged in is told how to, comes back to where he was, and a link works once", async () => {
    const fresh = await walk().browser.newContext();
    const page = await opened("/search?q=visit", fresh);
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    const link = await walk().server.json<{ readonly url: string }>("/api/login-link", { method: "POST" });
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
    await post(walk().server, "/api/users", { name: "carl", role: "viewer", password: PASSWORD });
    const fresh = await walk().browser.newContext();
    const device = await post<{ readonly user_code: string; readonly device_code: string }>(
      walk().server,
      "/api/device",
      {},
    );
    const page = await opened(`/device?code=${device.user_code}`, fresh);
    await page.getByLabel("Name").fill("carl");
    await page.getByLabel("Password").fill("wrong horse battery staple");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("alert").getByText("do not fit").waitFor();
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByText("user:carl · viewer").waitFor();
    expect(await page.getByLabel("Code").inputValue()).toBe(device.user_code);
    await page.getByRole("button", { name: "Let it in" }).click();
    await page.getByRole("heading", { name: "The device is let in" }).waitFor();
    const { token } = await post<{ token: string }>(walk().server, "/api/device/token", {
      device_code: device.device_code,
    });
    expect(token).toMatch(/^tss_/);
    await page.goto(`${walk().server.url}/settings`);
    await page.getByText("Not for your role").waitFor();
    await fresh.close();
  });

  test("a viewer and an auditor are offered nothing that would be refused, and no screen asks for it", async () => {
    const { server, ids } = walk();
    const { alerts } = await server.json<{ readonly alerts: readonly { readonly id: string }[] }>(
      "/api/alerts?limit=1",
    );
    const screens = [
      ...screensOf(ids).filter(({ name }) => PRESSED.has(name)),
      { name: "alert", path: `/alerts?id=${alerts[0]?.id ?? ""}`, title: "Alerts" },
      { name: "body", path: `/call?id=${encodeURIComponent(ids.callWithBody)}`, title: /→/ },
    ];
    const walkAs = async (role: string, sees: readonly string[]) => {
      const own = await walk().user(`only-${role}`, role);
      const page = await opened("/", own);
      const wrong: string[] = [];
      page.on("response", (answer) => {
        if (answer.status() === 403) wrong.push(`${role}, ${page.url()}: ${answer.url()} is refused`);
      });
      for (const { path, title } of screens) {
        await page.goto(`${server.url}${path}`);
        await page.getByRole("heading", { level: 1, name: title }).waitFor();
        await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
        const offered = page.getByRole("button", { name: REFUSED }).or(page.getByRole("switch"));
        for (const text of await offered.allTextContents()) wrong.push(`${role}, ${path}: ${text} is offered`);
      }
      const links = await page.getByRole("navigation", { name: "Screens" }).getByRole("link").allTextContents();
      expect(links.slice(-sees.length)).toEqual(sees);
      await page.goto(`${server.url}/alerts?id=${alerts[0]?.id ?? ""}`);
      await page.getByText(`Your role, ${role}, looks at alerts`).waitFor();
      await own.close();
      return wrong;
    };
    const wrong = await Promise.all([
      walkAs("viewer", ["Integrity", "Keeping"]),
      walkAs("auditor", ["Integrity", "Access", "Keeping"]),
    ]);
    expect(wrong.flat()).toEqual([]);
  });

  test("a login that ends loses no work: a query, a rule and a comment that were being written go on", async () => {
    const own = await walk().browser.newContext({ viewport: WIDE });
    await walk().logIn(own);
    const loggedInAgain = async (page: Page, press: string) => {
      await own.clearCookies();
      // What the page asks by itself may have met it already: then the dialog lies over the button.
      await page.getByRole("button", { name: press, exact: true }).dispatchEvent("click");
      await page.getByRole("dialog", { name: "Your login has ended" }).waitFor();
      await walk().logIn(own);
      const dialog = page.getByRole("dialog");
      // A page that asks by itself may have seen the new login before anybody says so.
      const said = page.getByRole("button", { name: "I am logged in again" }).click();
      await Promise.race([said, dialog.waitFor({ state: "detached" })]);
      await dialog.waitFor({ state: "detached" });
    };
    const search = await opened("/search", own);
    const query = search.getByRole("combobox", { name: "Query" });
    await query.fill("half of a thou");
    await loggedInAgain(search, "Search");
    expect(await query.inputValue()).toBe("half of a thou");
    await search.getByText("No record matches").waitFor();

    const rule = await opened("/rule?edit=true&from=now-1h", own);
    const box = rule.getByRole("textbox", { name: "Text of the rule" });
    const text = (await box.inputValue()).replace("A call is refused", "Written over two logins");
    await box.fill(text);
    await rule.getByText("It can run.").waitFor();
    await loggedInAgain(rule, "Save, switched off");
    expect(await box.inputValue()).toBe(text);
    await rule.getByRole("button", { name: "Save, switched off" }).click();
    await rule.getByRole("heading", { level: 1, name: "Written over two logins" }).waitFor();

    const { alerts } = await walk().server.json<{ readonly alerts: readonly { readonly id: string }[] }>(
      "/api/alerts?limit=1",
    );
    const alert = await opened(`/alerts?id=${alerts[0]?.id ?? ""}`, own);
    const comment = alert.getByRole("textbox", { name: "Comment" });
    await comment.fill("asked the team of payments");
    await loggedInAgain(alert, "Comment");
    expect(await comment.inputValue()).toBe("asked the team of payments");
    await alert.getByRole("button", { name: "Comment", exact: true }).click();
    await alert.getByRole("region", { name: "What became of it" }).getByText("asked the team of payments").waitFor();
    await until(30_000, "the comment's box to be empty", async () => (await comment.inputValue()) === "" || undefined);
    await own.close();
  });

  test("what one administrator proposes another approves, and nobody approves his own", async () => {
    const { server } = walk();
    const reason = "the matter of two people is closed";
    await post(server, "/api/holds", {
      name: "two-people",
      query: "status:denied",
      owner: "legal",
      reason: "a matter",
    });
    const [dana, erik] = [await walk().user("dana", "admin"), await walk().user("erik", "admin")];
    const hers = await opened("/keeping?tab=holds", dana);
    await hers
      .getByRole("row", { name: /^two-people/ })
      .getByRole("button", { name: "Release" })
      .click();
    const dialog = hers.getByRole("dialog", { name: "Release the hold two-people?" });
    await dialog.getByLabel("Reason").fill(reason);
    await hers.keyboard.press("Enter");
    await hers.getByText("Proposed; a second person must approve it").waitFor();
    await hers.getByRole("button", { name: "Approvals" }).click();
    const proposal = (page: Page) => page.getByRole("table", { name: "Approvals" }).getByRole("row", { name: reason });
    await proposal(hers).getByText("somebody else must approve it").waitFor();
    expect(await proposal(hers).getByRole("button").allTextContents()).toEqual(["Take back"]);
    const his = await opened("/keeping?tab=approvals", erik);
    await proposal(his).getByRole("button", { name: "Approve" }).click();
    await proposal(his).getByText("user:erik").waitFor();
    await proposal(his).getByText("done", { exact: true }).waitFor();
    await his.getByRole("button", { name: "Holds" }).click();
    await his.getByRole("row", { name: /^two-people.*released by/ }).waitFor();
    await his.getByRole("button", { name: "Logs and retention" }).click();
    const plan = his.getByRole("table", { name: "Logs and retention" });
    await plan
      .getByRole("row", { name: /^default\/.* (open|held|kept) [\d,]+ / })
      .first()
      .waitFor();
    await his.getByRole("button", { name: "Erasures" }).click();
    await his.getByLabel("Person").fill("nobody-of-that-name");
    await his.getByRole("button", { name: "Count what would go" }).click();
    await his
      .getByRole("status")
      .getByText(/^0 bodies of 0 records/)
      .waitFor();
    for (const name of ["dana", "erik"]) await server.fetch(`/api/users/${name}`, { method: "DELETE" });
    await Promise.all([dana.close(), erik.close()]);
  });

  test("a credential's records are taken away and held, it is blocked, and that is undone", async () => {
    const { ids, server } = walk();
    const page = await opened(`/credential?id=${encodeURIComponent(ids.impostorKey)}`);
    const fact = (title: string) => page.getByRole("group", { name: title });
    for (const title of ["First use", "Last use", "Denials"]) await fact(title).getByText(/\d/).first().waitFor();
    await fact("Use after revocation").getByText("no record of a revocation names it").waitFor();
    for (const [part, value] of CREDENTIAL_PARTS)
      await page.getByRole("region", { name: part }).getByText(value).first().waitFor();
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("link", { name: "Export" }).click(),
    ]);
    const lines = readFileSync(await file.path(), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.length).toBeGreaterThan(5);
    await fact("Records").getByText(String(lines.length), { exact: true }).waitFor();
    for (const line of lines) expect(line).toContain(ids.impostorKey);
    await page.getByRole("button", { name: "Hold its records" }).click();
    const hold = page.getByRole("dialog", { name: "Hold its records" });
    await hold.getByLabel("Owner").fill("security, incident 12");
    await hold.getByLabel("Reason").fill("somebody uses it in the name of orders");
    await page.keyboard.press("Enter");
    await hold.getByText("The hold is placed.").waitFor();
    await hold.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Block", exact: true }).click();
    const block = page.getByRole("dialog", { name: "Block the credential" });
    await block.getByLabel("Why").fill("it is nobody's");
    await block.getByRole("button", { name: "Block it" }).click();
    await block.getByText("It is active.").waitFor();
    await page.goto(`${server.url}/alerts?tab=responses`);
    const row = page.getByRole("table", { name: "Responses and blocks" }).getByRole("row", { name: /it is nobody's/ });
    await row.getByText("active", { exact: true }).waitFor();
    await row.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("dialog", { name: "Undo this response?" }).getByLabel("Reason").fill("it was a drill");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await row.getByText("undone", { exact: true }).waitFor();
    await page.goto(`${server.url}/keeping?tab=holds`);
    await page.getByRole("row", { name: /^credential-.*security, incident 12/ }).waitFor();
    await page.close();
  });
}
