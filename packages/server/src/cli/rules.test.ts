/** `rules check` and `rules test --events`, as a user runs them: over files, without a server. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runLine } from "./command-line.contract.ts";

const ID = "11111111-2222-4333-8444-555555555555";
const GOOD = `title: Failed log-in
id: ${ID}
name: failed
logsource: {product: any}
detection:
  sel:
    kind: login
    user.name|startswith: ad
  condition: sel
`;
const BAD = `title: Looks around
logsource: {product: any}
detection:
  sel:
    kind|re: '(?<=x)y'
  condition: sel
`;
const MANY = `title: Many
correlation:
  type: event_count
  rules: [failed]
  timespan: 1m
  condition: {gte: 2, lt: 4}
`;

let folder: string;
const inFolder = (...names: readonly string[]) => join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tallystick-cli-rules-"));
  await mkdir(inFolder("rules", "deep"), { recursive: true });
  await mkdir(inFolder("none"));
  const files = {
    "rules/b-good.yml": GOOD,
    "rules/a-bad.yaml": BAD,
    "rules/deep/many.yml": MANY,
    "rules/notes.txt": "no rule",
    "both.yml": `${MANY}---\n${GOOD}`,
    "broken.yml": "title: T\n  bad: [",
    "placeholder.yml": GOOD.replace("user.name|startswith: ad", "user.name|expand: '%admins%'"),
    "placeholders.yml": "admins: [adam]\n",
    "events.ndjson": [
      { kind: "login", user: { name: "Adam" }, timestamp: "2026-01-01T00:00:00Z" },
      { kind: "logout", user: { name: "adam" }, timestamp: "2026-01-01T00:00:10Z" },
      { kind: "login", "user.name": "admin", timestamp: "2026-01-01T00:00:20Z" },
      { kind: "login", user: { name: "eve" }, timestamp: "2026-01-01T00:00:30Z" },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(""),
    "events.json": JSON.stringify(
      [{ kind: "other" }, { Event: { EventData: { kind: "login", "user.name": "ada" } } }],
      null,
      2,
    ),
    "nothing.ndjson": "",
    "no-events.ndjson": '{"kind": "login"}\n{"kind": ',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(inFolder(name), text);
  await writeFile(inFolder("binary.yml"), Buffer.from([0xff, 0xfe, 0x00]));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const check = async (...words: readonly string[]) => {
  const ran = await runLine(["rules", "check", ...words]);
  return { ...ran, lines: ran.out.split("\n").slice(0, -1) };
};
const compiled = (file: string, id: string | null = null) => ({
  file,
  rule_id: id,
  result: "compiled",
  line: null,
  column: null,
  reason: null,
});

describe("rules check", () => {
  it("says of each rule of files and folders, one a line, whether it compiles", async () => {
    const { exitCode, lines, err } = await check(inFolder("rules"), inFolder("both.yml"), "--json");
    // The folder's files in the order of their names; those that are no .yml are not read.
    expect([exitCode, err]).toEqual([1, ""]);
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ file, result }) => [file, result])).toEqual([
      [inFolder("rules", "a-bad.yaml"), "refused"],
      [inFolder("rules", "b-good.yml"), "compiled"],
      [inFolder("rules", "deep", "many.yml"), "refused"],
      [inFolder("both.yml"), "refused"],
      [inFolder("both.yml"), "compiled"],
    ]);
    // Two of the rules have the name that the correlations ask for.
    expect(rows[2]).toMatchObject({ line: 4, column: 11, reason: 'several rules are called "failed"' });
    for (const row of rows) expect(Object.keys(row)).toEqual(["file", "rule_id", "result", "line", "column", "reason"]);
    expect(rows[0]).toEqual({
      file: inFolder("rules", "a-bad.yaml"),
      rule_id: null,
      result: "refused",
      line: 5,
      column: 14,
      reason: expect.stringContaining("RE2 does not take the regular expression") as string,
    });
  });

  it("ends with 0 when all compile", async () => {
    const good = inFolder("rules", "b-good.yml");
    const many = inFolder("rules", "deep", "many.yml");
    // A rule that another names may be in another file.
    const { exitCode, lines } = await check(many, good, "--json");
    expect([exitCode, lines.map((line) => JSON.parse(line) as unknown)]).toEqual([
      0,
      [compiled(many), compiled(good, ID)],
    ]);
    const alone = await check(many, "--json");
    expect([alone.exitCode, alone.json()]).toMatchObject([1, { result: "refused", line: 4, column: 11 }]);
  });

  it("for people as compilers write it", async () => {
    const { exitCode, lines, err } = await check(inFolder("rules", "a-bad.yaml"), inFolder("rules", "b-good.yml"));
    expect(exitCode).toBe(1);
    expect(lines[0]).toContain(`${inFolder("rules", "a-bad.yaml")}:5:14: refused: RE2 does not take`);
    expect(lines[1]).toBe(`${inFolder("rules", "b-good.yml")}: compiled: Failed log-in`);
    expect(err).toContain("2 rules: 1 compiled, 1 refused");
  });

  it("refuses what cannot be read as rules, and goes on", async () => {
    const { exitCode, lines } = await check(
      inFolder("broken.yml"),
      inFolder("binary.yml"),
      inFolder("rules", "b-good.yml"),
      "--json",
    );
    expect(exitCode).toBe(1);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { result: "refused", line: 1, column: 8, reason: expect.stringContaining("this is no YAML") as string },
      { result: "refused", line: 1, column: 1, reason: "the file is no UTF-8" },
      { result: "compiled" },
    ]);
  });

  it("takes values of placeholders from a file", async () => {
    const file = inFolder("placeholder.yml");
    const without = await check(file, "--json");
    expect([without.exitCode, without.json()]).toMatchObject([1, { line: 8, reason: expect.any(String) as string }]);
    const { exitCode, json } = await check(file, "--placeholders", inFolder("placeholders.yml"), "--json");
    expect([exitCode, json()]).toEqual([0, compiled(file, ID)]);
  });

  it("ends with 2 where no rules are", async () => {
    for (const [path, says] of [
      ["gone", "is not there"],
      ["none", "there is no rule"],
    ] as const) {
      const { exitCode, out, err } = await check(inFolder(path));
      expect([exitCode, out, err]).toEqual([2, "", expect.stringContaining(says)]);
    }
  });
});

const test = (rule: string, events: string, ...words: readonly string[]) =>
  runLine(["rules", "test", inFolder(rule), "--events", inFolder(events), ...words], {
    environment: process.env as Record<string, string>,
  });

describe("rules test --events", () => {
  const GOOD_RULE = "rules/b-good.yml";

  it.each([
    ["lines", GOOD_RULE, "events.ndjson", { total: 4, matched: [0, 2] }],
    ["a list, and fields of Windows", GOOD_RULE, "events.json", { total: 2, matched: [1] }],
    ["a correlation, and not what it is made of", "both.yml", "events.ndjson", { total: 4, matched: [2] }],
    ["no events", GOOD_RULE, "nothing.ndjson", { total: 0, matched: [] }],
  ])("prints which events match: %s", async (_, rule, events, expected) => {
    const { exitCode, out, err } = await test(rule, events, "--json");
    expect([exitCode, out, err]).toEqual([0, `${JSON.stringify(expected)}\n`, ""]);
  });

  it("takes values of placeholders, and shows the events to people", async () => {
    const { exitCode, out, err } = await test(
      "placeholder.yml",
      "events.ndjson",
      "--placeholders",
      inFolder("placeholders.yml"),
    );
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^0: \{"kind":"login","user":\{"name":"Adam"\}.*\}\n$/);
    expect(err).toContain("1 of 4 events match");
  });

  it.each([
    ["a refused rule", "rules/a-bad.yaml", "events.ndjson", "rule_refused", ":5:14: refused: RE2"],
    ["events that are no JSON", GOOD_RULE, "no-events.ndjson", "bad_request", "line 2: the event that begins there"],
    ["a file that is not there", GOOD_RULE, "gone.ndjson", undefined, "cannot be read (ENOENT)"],
    ["a correlation over events without a time", "both.yml", "events.json", undefined, "an event has no time"],
  ])("ends with 2 for %s", async (_, rule, events, code, says) => {
    const { exitCode, out, json } = await test(rule, events, "--json");
    expect(exitCode, out).toBe(2);
    const { error } = json<{ error: { code: string; message: string } }>();
    if (code !== undefined) expect(error.code).toBe(code);
    expect(error.message).toContain(says);
  });
});
