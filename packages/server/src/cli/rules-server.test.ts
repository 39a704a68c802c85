/** `rules set, show, list, on, off, remove` against a running server, from the text to what it finds and finds no more. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { runLine } from "./command-line.contract.ts";

const ID = "11111111-2222-4333-8444-555555555555";
const CANARY_ID = "11111111-2222-4333-8444-666666666666";
const rule = (id: string, title: string, operation: string) => `title: ${title}
id: ${id}
level: high
logsource: {product: any}
detection:
  sel: {operation: "${operation}"}
  condition: sel
`;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let data: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  const rulesFolder = fileURLToPath(new URL("../detect/rules", import.meta.url));
  server = await startTestServer(data, "detectors: {enabled: false}\n", { ...withEngine(), rulesFolder });
  const canary = await written("canary.yml", rule(CANARY_ID, "Canary", "GET /canary"));
  expect(await said("set", canary)).toBe(`${CANARY_ID} version 1, off: Canary`);
  expect(await said("on", CANARY_ID)).toBe("on: Canary");
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const rules = (...words: readonly string[]) => runLine(["rules", ...words, "--data", data]);
const said = async (...words: readonly string[]) => {
  const { exitCode, out, err } = await rules(...words);
  return exitCode === 0 ? out.trimEnd() : `failed: ${err.trimEnd()}`;
};

interface Listed {
  readonly id: string;
  readonly version: number;
  readonly origin: string;
  readonly on: boolean;
  readonly text?: string;
}

const listed = async (id: string) =>
  (await rules("list", "--json")).json<{ readonly rules: readonly Listed[] }>().rules.find((one) => one.id === id);

async function written(name: string, text: string): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, text);
  return path;
}

/** Callers whose calls the rule has raised alerts about. */
async function foundBy(id: string): Promise<readonly string[]> {
  const ran = await runLine(["alerts", "list", "--match", `rule_id=${id}`, "--json", "--data", data]);
  const { alerts } = ran.json<{ readonly alerts: readonly { readonly labels: Record<string, string> }[] }>();
  return alerts.map(({ labels }) => labels["caller"] ?? "").toSorted();
}

/** Sends a call by a caller of its own, and waits until rules have looked at it: the canary finds every one. */
async function call(caller: string, operation: string): Promise<void> {
  const both = [operation, "GET /canary"].map((one) => ({
    timestamp: new Date().toISOString(),
    event_type: "API_CALL",
    service_id: caller,
    target_id: "orders",
    operation: one,
    status: "success",
  }));
  const sent = { method: "POST", body: JSON.stringify(both), headers: { "content-type": "application/json" } };
  expect((await server.fetch("/v1/records", sent)).status).toBe(200);
  await expect.poll(() => foundBy(CANARY_ID), { timeout: 20_000 }).toContain(caller);
}

/** Records of the control log about the rule: what, by whom, which version. */
async function changesOf(id: string): Promise<readonly string[]> {
  const ran = await runLine(["search", `resource:"rule/${id}"`, "--own", "--json", "--data", data]);
  type Change = {
    readonly operation: string;
    readonly auth_subject: string;
    readonly action: string;
    readonly timestamp: string;
    readonly attributes: Record<string, string>;
  };
  const { records } = ran.json<{ readonly records: readonly { readonly record: Change }[] }>();
  return records
    .map(({ record }) => record)
    .toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
    .map(({ operation, action, auth_subject: by, attributes }) =>
      [operation, action, by, attributes["tallystick.rule_version"]].join(" ").trimEnd(),
    );
}

it("a rule is off until it is switched on, a new text runs at once, and what was removed finds nothing", async () => {
  const text = rule(ID, "Secrets are read", "GET /secrets");
  const file = await written("secrets.yml", text);
  expect(await said("set", file)).toBe(`${ID} version 1, off: Secrets are read`);
  expect(await said("show", ID)).toBe(text.trimEnd());
  expect(await said("list")).toMatch(new RegExp(`^off +high +sigma +1 +Secrets are read +${ID}$`, "m"));
  await call("before", "GET /secrets");
  for (const rule of [file, ID]) {
    expect((await rules("test", rule, "--since", "1h", "--json")).json<object>()).toMatchObject({
      hits: 1,
      per_day: expect.any(Number),
      sample: [{ caller: "before", callee: "orders", operation: "GET /secrets" }],
    });
    expect(await said("test", rule, "--since", "30d")).toMatch(
      / before > orders {2}GET \/secrets {2}default\/\S+:\d+$/,
    );
  }
  expect(await said("on", ID)).toBe("on: Secrets are read");
  await call("first", "GET /secrets");
  expect(await foundBy(ID)).toEqual(["first"]);

  await writeFile(file, rule(ID, "Keys are read", "GET /keys"));
  expect(await said("set", file)).toBe(`${ID} version 2, on: Keys are read`);
  expect((await rules("show", ID, "--json")).json<Listed>()).toMatchObject({
    version: 2,
    origin: "own",
    on: true,
    text: expect.stringContaining("GET /keys"),
  });
  await call("old-text", "GET /secrets");
  await call("new-text", "GET /keys");
  expect(await foundBy(ID)).toEqual(["first", "new-text"]);
  expect(await said("off", ID)).toBe("off: Keys are read");
  await call("while-off", "GET /keys");
  expect(await foundBy(ID)).toEqual(["first", "new-text"]);

  await said("on", ID);
  expect(await said("remove", ID)).toBe(`removed ${ID}`);
  for (const words of [["show"], ["on"], ["off"], ["remove"]])
    expect(await said(...words, ID)).toContain("There is no rule of that id.");
  expect(await listed(ID)).toBeUndefined();
  await call("removed", "GET /keys");
  expect(await foundBy(ID)).toEqual(["first", "new-text"]);

  server = await server.restart();
  expect(await listed(ID)).toBeUndefined();
  expect(await said("set", join(folder.path, "secrets.yml"))).toBe(`${ID} version 3, off: Keys are read`);
  await call("set-again", "GET /keys");
  server = await server.restart();
  expect(await listed(ID)).toMatchObject({ version: 3, on: false });
  await said("on", ID);
  await call("last", "GET /keys");
  expect(await foundBy(ID)).toEqual(["first", "last", "new-text"]);

  await expect
    .poll(() => changesOf(ID), { timeout: 20_000 })
    .toEqual([
      "set rule update admin 1",
      "switch rule on update admin",
      "set rule update admin 2",
      "switch rule off update admin",
      "switch rule on update admin",
      "remove rule delete admin",
      "set rule update admin 3",
      "switch rule on update admin",
    ]);
});

it("one of Tallystick's own can be switched, and neither replaced nor removed; a text that is refused changes nothing", async () => {
  const { rules: all } = (await rules("list", "--json")).json<{ readonly rules: readonly Listed[] }>();
  const builtin = all.find(({ origin, on }) => origin === "builtin" && on)!;
  expect(await said("off", builtin.id)).toMatch(/^off: /);
  expect(await said("remove", builtin.id)).toContain("cannot be removed; switch it off instead");
  const file = await written("ours.yml", rule(builtin.id, "Mine", "GET /x"));
  expect(await said("set", file)).toContain("is one of Tallystick's own");
  expect(await listed(builtin.id)).toMatchObject({ version: builtin.version, origin: "builtin", on: false });
  expect(await said("on", builtin.id)).toMatch(/^on: /);
  const id = "11111111-2222-4333-8444-777777777777";
  await said("set", await written("good.yml", rule(id, "Good", "GET /x")));
  const broken = await written(
    "broken.yml",
    rule(id, "Broken", "GET /x").replace("condition: sel", "condition: other"),
  );
  expect(await said("set", broken)).toMatch(/refused at line \d+, column \d+/);
  expect(await listed(id)).toMatchObject({ version: 1, on: false });
  expect(await said("show", id)).toContain("title: Good");
});
