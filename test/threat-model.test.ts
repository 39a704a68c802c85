/** docs/threat-model.md: every threat is held by a test that there is, or accepted with a reason. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PLACES = ["", "packages/server/src"];
const ROW = /^\| *[STRIDE] *\| *(.*?) *\| *(.*?) *\|$/;
const NAMED = /`([A-Za-z0-9_./-]+\.ts)`((?:,? "[^"]+")*)/g;

const rows = readFileSync(join(ROOT, "docs/threat-model.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, threat = "", heldBy = ""] = ROW.exec(line) ?? [];
    return threat === "" ? [] : [{ threat, heldBy }];
  });

test("the table has its threats", () => expect(rows.length).toBeGreaterThan(40));

test.each(rows)("$threat: is held by a test that there is, or accepted with a reason", ({ heldBy }) => {
  const named = [...heldBy.matchAll(NAMED)];
  const isTested = named.some(([, path = ""]) => /\.test\.ts$|^integrity\/.*\.ts$/.test(path));
  expect(isTested || /accepted,? .*because/.test(heldBy)).toBe(true);
  for (const [, path = "", quoted = ""] of named) {
    const file = PLACES.map((place) => join(ROOT, place, path)).find((one) => existsSync(one));
    expect(file, path).toBeDefined();
    const text = readFileSync(file!, "utf8");
    for (const [, name = ""] of quoted.matchAll(/"([^"]+)"/g)) expect(text, path).toContain(name);
  }
});
