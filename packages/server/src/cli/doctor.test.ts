import { chmod, cp, mkdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { folderWork } from "../folder-work.ts";
import { folderRequest, startTestServer, temporaryFolder, testMachine } from "../machine.contract.ts";
import { runLine } from "./command-line.contract.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let data: string;
beforeAll(async () => {
  folder = await temporaryFolder();
  data = join(folder.path, "data");
  await (await startTestServer(data)).close();
});
afterAll(() => folder.remove());

interface Check {
  readonly name: string;
  readonly state: string;
  readonly says: string;
  readonly hint?: string;
}

async function doctor(yaml = "", ...more: readonly string[]) {
  const config = join(folder.path, "config.yaml");
  await writeFile(config, yaml, { mode: 0o600 });
  const words = ["doctor", "--data", data, "--config", config, "--json", ...more];
  const { exitCode, json } = await runLine(words, { folder: folderWork(testMachine()) });
  const { checks } = json<{ checks: readonly Check[] }>();
  const of = (name: string) => checks.filter((check) => check.name === name);
  return { exitCode, of, state: (name: string) => of(name).map(({ state }) => state) };
}

describe("doctor", () => {
  it("says how to mend each weakness that it names", async () => {
    const { exitCode, of, state } = await doctor();
    expect(exitCode).toBe(0);
    for (const name of ["kms key", "witness", "tls", "backup"]) {
      expect(state(name), name).toEqual(["warning"]);
      expect(of(name)[0]!.hint).toMatch(/\S/);
    }
    expect(state("permissions")).toEqual(["good"]);
    expect(of("file modes")).toEqual([]);
    expect(["good", "warning"]).toContain(state("clock")[0]);
  });

  it("finds each file that others may read, in the folder and beside it", async () => {
    const pin = join(folder.path, "tls.key");
    await writeFile(pin, "key", { mode: 0o644 });
    await chmod(join(data, "keys", "signing.json"), 0o640);
    const { exitCode, of } = await doctor(`tls: {cert: tls.pem, key: ${pin}}`);
    expect(exitCode).toBe(1);
    const says = of("file modes").map((check) => check.says);
    expect(says).toEqual([
      "others may read keys/signing.json",
      `others may read the key of the TLS certificate (${pin})`,
    ]);
    expect(of("file modes")[1]!.hint).toBe(`chmod 600 ${pin}`);
    await chmod(join(data, "keys", "signing.json"), 0o600);
    await chmod(data, 0o755);
    expect((await doctor()).state("permissions")).toEqual(["bad"]);
    await chmod(data, 0o700);
  });

  it("calls a port that others reach without TLS bad, and is content with a key elsewhere and a witness", async () => {
    expect((await doctor("http: {listen: '0.0.0.0:7070', insecure_network: true}")).state("tls")).toEqual(["bad"]);
    const elsewhere = join(folder.path, "elsewhere.key");
    await cp(join(data, "kms.key"), elsewhere);
    const { state } = await doctor(
      `kms: {file: ${elsewhere}}\nledger: {copies: [{kind: file, to: ${join(folder.path, "copies")}}]}\ntls: {cert: a.pem, key: b.pem}`,
    );
    expect([state("kms key"), state("witness"), state("tls")]).toEqual([["good"], ["good"], ["good"]]);
  });

  it("names retired keys that lie beside the one in use", async () => {
    await folderWork(testMachine()).rotate(folderRequest(data));
    const { of } = await doctor();
    expect(of("retired keys")[0]!.says).toMatch(/kms\.key\.retired-[0-9a-f]{16}/);
  });

  it("looks at a copy: whether it is one, of this server, and how old", async () => {
    const copy = join(folder.path, "copy");
    expect((await doctor("", "--backup", copy)).state("backup")).toEqual(["bad"]);
    await cp(data, copy, { recursive: true });
    await mkdir(join(copy, "head", "default"), { recursive: true });
    const note = join(copy, "head", "default", "2026-11.note");
    await writeFile(note, "note");
    expect((await doctor("", "--backup", copy)).state("backup")).toEqual(["good"]);
    for (const old of [
      note,
      join(copy, "head"),
      join(copy, "head", "default"),
      join(copy, "head", "control"),
      join(copy, "head", "control", `${new Date().toISOString().slice(0, 7)}.note`),
    ])
      await utimes(old, new Date(0), new Date(0)).catch(() => undefined);
    const { state, of } = await doctor("", "--backup", copy);
    expect([state("backup"), of("backup")[0]!.says]).toEqual([["warning"], expect.stringContaining("hours old")]);
  });

  it("believes a backup's own words about its server and its time", async () => {
    const backup = join(folder.path, "backup");
    await mkdir(backup, { recursive: true });
    const { origin } = JSON.parse(await readFile(join(data, "server.json"), "utf8")) as { origin: string };
    const say = async (of: string, madeAt: Date) => {
      await writeFile(
        join(backup, "backup.json"),
        JSON.stringify({ format: 1, origin: of, made_at: madeAt.toISOString() }),
      );
      return (await doctor("", "--backup", backup)).state("backup");
    };
    expect(await say(origin, new Date())).toEqual(["good"]);
    expect(await say(origin, new Date(Date.now() - 48 * 3_600_000))).toEqual(["warning"]);
    expect(await say("audit.example.com", new Date())).toEqual(["bad"]);
  });

  it("calls a full disk bad, one that gets full a warning, and a log that takes no records bad", async () => {
    const run = join(data, "run.json");
    await writeFile(run, JSON.stringify({ url: "http://127.0.0.1:9" }));
    const checksOf = async (freeBytes: number, days: number | null, refused: readonly object[] = []) => {
      const disk = { free_bytes: freeBytes, days_until_full: days };
      const answers = new Map<string, object>([
        ["/api/status", { version: "1", trees: [], index: { state: "ready" }, intake: { refused }, disk }],
        ["/api/keys", { keys: [] }],
        ["/api/users", { users: [] }],
      ]);
      const answer = async (url: string | URL | Request) =>
        Response.json(answers.get(new URL(url instanceof Request ? url.url : url).pathname));
      const parts = { folder: folderWork(testMachine()), fetch: answer };
      const { json } = await runLine(["doctor", "--data", data, "--json"], parts);
      return json<{ checks: readonly Check[] }>().checks;
    };
    const diskCheck = async (freeBytes: number, days: number | null) =>
      (await checksOf(freeBytes, days)).find(({ name }) => name === "disk");
    expect(await diskCheck(4_096, null)).toMatchObject({ state: "bad", says: "full: producers get 503" });
    expect(await diskCheck(2 ** 30, 3)).toMatchObject({ state: "warning", says: "full in 3 days at this rate" });
    expect(await diskCheck(2 ** 30, null)).toMatchObject({ state: "good" });
    const locked = { log: "orders", reason: "locked", says: "The KMS does not answer." };
    expect(await checksOf(2 ** 30, null, [locked])).toContainEqual({
      name: "intake",
      state: "bad",
      says: "the log orders takes no records: The KMS does not answer.",
      hint: "Make the KMS answer; the next record is taken then.",
    });
    await rm(run);
  });
});
