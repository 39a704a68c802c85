/** What looks for the tests' secrets in all that they left finds one that is there, and shows none. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { scanForSecrets } from "../scripts/secret-scan.ts";

const SECRET = "a-secret-of-the-tests";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tallystick-scan-"));
  writeFileSync(join(folder, "secrets-1.txt"), `${SECRET}\nanother-one\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each(["log", "answers", "pages", "output"])("a secret in the %s of a test is found, with its line", (kind) => {
  writeFileSync(join(folder, `${kind}-1.txt`), `good\nkey=${SECRET}&x=1\n`);
  const { secrets, found } = scanForSecrets(folder);
  expect([secrets, found]).toEqual([2, [`in ${kind}-1.txt, line 2: key=SECRET&x=1`]]);
});

test("one that a test met in a file of its folder is passed on", () => {
  writeFileSync(join(folder, "found-1.txt"), "secret 1 in journal/default/0.seg\n");
  expect(scanForSecrets(folder).found).toEqual(["in journal/default/0.seg"]);
});

test("nothing is found where there is none", () => {
  writeFileSync(join(folder, "log-1.txt"), "a quiet line\n");
  expect(scanForSecrets(folder)).toMatchObject({ secrets: 2, bytes: 13, found: [] });
});
