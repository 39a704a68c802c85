import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { csvCell } from "./csv.ts";

/** The value of a cell as RFC 4180 reads it. */
function unquoted(cell: string): string {
  return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
}

describe("a CSV cell", () => {
  it.each([
    ["=1+1", "'=1+1"],
    ["+49 30", "'+49 30"],
    ["-2", "'-2"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", "'\t=1"],
    ["\r=1", `"'\r=1"`],
    [" =1", `' =1`],
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    ["\uFF1D1", "'\uFF1D1"],
    ["a,b", '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ["a=b", "a=b"],
    [-5, "-5"],
    [undefined, ""],
    [true, "true"],
    [["a", "b"], '"[""a"",""b""]"'],
  ])("%j is %s", (value, cell) => {
    expect(csvCell(value)).toBe(cell);
  });

  it("of text is never a formula and loses nothing", () => {
    const risky = fc
      .tuple(fc.constantFrom("", "=", "+", "-", "@", "\t", "\r", " =", "\n@"), fc.string())
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(risky, (text) => {
        const value = unquoted(csvCell(text));
        expect(value.trimStart()).not.toMatch(/^[=+\-@]/);
        expect(value === text || value === `'${text}`).toBe(true);
      }),
    );
  });
});
