/** Every command with every role and with none: as docs/access.md says. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { may } from "../access/permissions.ts";
import { ROLES } from "../control/role.ts";
import type { Role } from "../control/role.ts";
import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { COMMAND_ACCESS } from "./command-access.ts";
import { runLine } from "./command-line.contract.ts";
import type { RunOptions } from "./command-line.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
const tokens = new Map<Role, string>();

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`);
  for (const role of ROLES) {
    const body = { name: `the-${role}`, role, ...(role === "producer" ? { service: "orders" } : {}) };
    const made = await server.fetch("/api/keys", {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
    tokens.set(role, ((await made.json()) as { readonly secret: string }).secret);
  }
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

/** What was let in and would go on: a tail, and the wait for an index that is not there in this test. */
function endless(words: string): RunOptions {
  if (words === "reindex") return untilStarted();
  return words === "tail" ? shortTail() : {};
}

function untilStarted(): RunOptions {
  let isStarted = false;
  return {
    async fetch(input, init) {
      if (isStarted) throw new Error("enough");
      const response = await fetch(input, init);
      isStarted = response.status === 202;
      return response;
    },
  };
}

/** A tail that was let in goes on until it is told to stop. */
function shortTail(): RunOptions {
  let stop = () => {};
  return {
    onStop: (tell) => void (stop = tell),
    async fetch(input, init) {
      const response = await fetch(input, init);
      if (response.ok) setImmediate(stop);
      return response;
    },
  };
}

/** What a command needs to be asked at all, beyond its own words. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  trace: ["0af7651916cd43dd8448eb211c80319c"],
  timeline: ["--service", "orders"],
  prove: ["default/2026-11/0"],
  export: ["--format", "ndjson"],
  "aliases set": ["address:10.0.0.1", "orders"],
  "aliases remove": ["address:10.0.0.1"],
  "parties set": ["bank", "--reason", "a third party"],
  "parties remove": ["bank"],
  "keys create": ["--name", "again", "--service", "orders"],
  "keys revoke": ["nobody"],
  "credentials revoke": ["--issuer", "idp", "--jti", "leaked", "--reason", "leaked"],
  "keys quota": ["the-viewer", "--records-per-second", "5"],
  "keys batch create": ["--name", "orders-1", "--service", "orders"],
  "keys batch revoke": ["nobody"],
  "secrets set": ["slack"],
  "secrets remove": ["nobody"],
  erase: ["--subject", "user-17", "--reason", "a test"],
  "alerts show": ["0"],
  "alerts ack": ["0"],
  "alerts assign": ["0"],
  "alerts comment": ["0", "--comment", "a test"],
  "alerts resolve": ["0"],
  "alerts reopen": ["0"],
  "alerts test": ["ops"],
  "alerts retry": ["0"],
  "respond block": ["--service", "nobody", "--reason", "a test", "--dry-run"],
  "respond webhook": ["ops", "--reason", "a test"],
  "respond undo": ["0"],
  "silence place": ["level=low", "--for", "1h", "--comment", "a test"],
  "silence end": ["silence_0"],
  "rules test": ["00000000-0000-4000-8000-000000000000", "--since", "1d"],
  "rules show": ["nobody"],
  "rules on": ["nobody"],
  "rules off": ["nobody"],
  "rules remove": ["nobody"],
  "rules set": [fileURLToPath(new URL("../detect/rules/sql-drop.yml", import.meta.url))],
  "hold place": ["litigation-4", "--query", "*", "--owner", "legal", "--reason", "a test"],
  "hold release": ["hold_0", "--reason", "a test"],
  "users add": ["ada"],
  "users set": ["ada", "--role", "viewer"],
  "users password": ["ada", "--none"],
  "users link": ["ada"],
  "users disable": ["ada"],
  "approvals approve": ["approval_0"],
  "approvals reject": ["approval_0"],
  "detectors learned": ["first-seen-edge"],
  "detectors teach": ["first-seen-edge", "edge", "orders", "payments", "--reason", "a test"],
  "credentials import": [".npmrc", "--reason", "a test"],
};

const asked = Object.entries(COMMAND_ACCESS).filter(([, need]) => !["folder", "nothing", "public"].includes(need));

describe("every command", () => {
  it.each(asked)("%s asks for %s", async (words, need) => {
    const line = [...words.split(" "), ...(ARGUMENTS[words] ?? []), "--url", server.url];
    const nobody = await runLine(line);
    expect(nobody.out + nobody.err).toMatch(/needs credentials|"unauthenticated"/);
    for (const role of ROLES) {
      const { out, err } = await runLine([...line, "--token", tokens.get(role)!], endless(words));
      const isRefused = / which may not |"forbidden"/.test(out + err);
      expect([role, isRefused]).toEqual([role, !may(role, need as Parameters<typeof may>[1])]);
    }
  });

  it.each(asked)("%s says with --json what it did, or why it did not, in JSON alone", async (words) => {
    const line = [...words.split(" "), ...(ARGUMENTS[words] ?? []), "--url", server.url];
    const { out } = await runLine([...line, "--token", tokens.get("admin")!, "--json"], endless(words));
    const values = out.trim().startsWith("{\n") ? [out] : out.trim().split("\n");
    for (const value of words === "tail" && out === "" ? [] : values)
      expect(JSON.parse(value)).toEqual(expect.any(Object));
  });
});
