import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { describedApi } from "../api/described-api.contract.ts";
import { parseQuery } from "../search/language/parser.ts";
import { runLine } from "./command-line.contract.ts";
import { STANDARDS } from "./controls.ts";
import { controlsPage } from "./controls-page.ts";

const controls = STANDARDS.flatMap((standard) =>
  standard.controls.map((control) => ({ ...control, of: standard.name })),
);
const shown = [...new Set(controls.flatMap((control) => control.shown))];

describe("docs/controls.md", () => {
  test("is what the table gives", () => {
    const page = readFileSync(new URL("../../../../docs/controls.md", import.meta.url), "utf8");
    // The formatter aligns the tables.
    const plain = (text: string) => text.replaceAll(/ *\| */g, "|").replaceAll(/:?-{3,}:?/g, "---");
    expect(plain(page)).toBe(plain(controlsPage()));
  });

  test("says of every line what meets it, shows what is met, and names no line twice", () => {
    for (const { by, asks, state, shown: lines, clause } of controls) {
      expect([by, asks, clause].every((text) => text !== "")).toBe(true);
      if (state === "met") expect(lines, clause).not.toEqual([]);
    }
    const names = controls.map(({ of, clause }) => `${of} ${clause}`);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(shown.filter((line) => line.startsWith("tallystick ")))(
    "%s is a command with these options",
    async (line) => {
      const words = line.split(" ").slice(1);
      const options = words.filter((word) => word.startsWith("--"));
      const { out } = await runLine([...commandOf(words), "--help"]);
      expect(out).toContain(`Usage: tallystick ${commandOf(words).join(" ")}`);
      for (const option of options) expect(out).toContain(option);
      const query = words.find((word) => /^[a-z_]+:\S+$/.test(word));
      if (query !== undefined) expect(() => parseQuery(query)).not.toThrow();
    },
  );

  test.each(shown.filter((line) => line.startsWith("GET ")))("%s is a route", async (line) => {
    const [method, path] = line.split(" ") as [string, string];
    expect(Object.keys((await describedApi()).paths[path] ?? {})).toContain(method.toLowerCase());
  });
});

/** The words before the first that is an option, a placeholder or a query. */
function commandOf(words: readonly string[]): readonly string[] {
  const end = words.findIndex((word) => word.startsWith("--") || /[A-Z:]/.test(word));
  return end < 0 ? words : words.slice(0, end);
}
