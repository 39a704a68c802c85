import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkQuery,
  derivesRows,
  insertFrom,
  killedQueryId,
  renderParameters,
  StatementFault,
  stringLiteral,
  verbOf,
} from "./statement.ts";

const refused = new Set(["file", "url", "remote", "merge"]);
const render = (sql: string, parameters: Readonly<Record<string, string>>): string =>
  renderParameters(sql, new Map(Object.entries(parameters)));

/** Reads a literal the way the engine does, and says what is left of the text behind it. */
function readLiteral(text: string): { readonly value: string; readonly rest: string } {
  const escapes: Readonly<Record<string, string>> = { "\\": "\\", "'": "'", "0": "\0" };
  let value = "";
  for (let at = 1; at < text.length; at += 1) {
    if (text[at] === "'") return { value, rest: text.slice(at + 1) };
    if (text[at] !== "\\") value += text[at];
    else value += escapes[text[(at += 1)]!] ?? "?";
  }
  throw new Error("not closed");
}

describe("values", () => {
  test("never end their literal, and come out as they went in", () => {
    const nasty = fc.string({
      unit: fc.constantFrom("'", "\\", '"', "`", "\0", "\n", "{", "}", ";", "-", "/", "*", "a", "ä", "😀"),
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.oneof(nasty, fc.string({ unit: "binary" })), (value) => {
        expect(readLiteral(`${stringLiteral(value)} AND 1`)).toEqual({ value, rest: " AND 1" });
      }),
    );
  });

  test("of another type than they say are refused", () => {
    for (const [type, value] of [
      ["Int64", "1) OR (1"],
      ["Int64", ""],
      ["UInt8", "0x1"],
      ["Float64", "nan"],
      ["Bool", "true"],
      ["String)", "x"],
      ["Array(Array(String))", "[]"],
      ["Identifier", "records"],
      ["Enum8('a' = 1)", "a"],
    ] as const) {
      expect(() => render(`SELECT {v:${type}}`, { v: value }), type).toThrow(StatementFault);
    }
    expect(() => render("SELECT {v:String}", {})).toThrow(StatementFault);
  });

  test("are rendered by type, and only outside quotes", () => {
    expect(render("SELECT '{v:String}', {v:String}, {n:Int64}", { v: "a\\'b", n: "-5" })).toBe(
      "SELECT '{v:String}', 'a\\'b', _CAST(-5, 'Int64')",
    );
    expect(render("SELECT {a:Array(String)}", { a: "['x','it\\'s']" })).toBe(
      "SELECT _CAST('[\\'x\\',\\'it\\\\\\'s\\']', 'Array(String)')",
    );
    expect(render("SELECT {t:DateTime64(6, 'UTC')}", { t: "2026-11-25 08:00:00" })).toBe(
      "SELECT _CAST('2026-11-25 08:00:00', 'DateTime64(6, \\'UTC\\')')",
    );
  });
});

describe("statements", () => {
  test("that reach outside the tables are refused", () => {
    for (const sql of [
      "SELECT 1 INTO OUTFILE '/tmp/x'",
      "SELECT 1 into\n outfile '/tmp/x'",
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM FILE ('/etc/passwd')",
      "SELECT * FROM \"url\"('http://x')",
      "SELECT * FROM `merge`('db', '^t$')",
      "SELECT 1; DROP TABLE records",
      "SELECT 1 -- file(",
      "SELECT /* */ 1",
      "SELECT $$a$$",
      "SELECT 'open",
      "SELECT {'a': 1}",
      "SELECT 1 # x",
    ]) {
      expect(() => checkQuery(sql, refused), sql).toThrow(StatementFault);
    }
    expect(() =>
      checkQuery("SELECT 'file(', \"profile\", count() FROM records WHERE operation = 'INTO OUTFILE'", refused),
    ).not.toThrow();
  });

  test("are told by their first word, and others are refused", () => {
    expect(verbOf(" (SELECT 1)")).toBe("query");
    expect(verbOf("with 1 AS x SELECT x")).toBe("query");
    expect(verbOf("INSERT INTO t (a) FORMAT Native")).toBe("insert");
    expect(verbOf("DROP TABLE t")).toBe("command");
    expect(verbOf("SYSTEM START MERGES records")).toBe("command");
    const beyond = ["SYSTEM START MERGES", "SYSTEM START MERGES a; SYSTEM SHUTDOWN", "SYSTEM STOP MERGES records"];
    for (const sql of [
      ...beyond,
      "SET x = 1",
      "SYSTEM SHUTDOWN",
      "ATTACH TABLE t",
      "",
      "RESTORE x",
      "BACKUP x",
      "USE x",
    ]) {
      expect(() => verbOf(sql), sql).toThrow(StatementFault);
    }
  });

  test("an insert takes a body or derives its rows from other tables", () => {
    expect(derivesRows("INSERT INTO calls (a, b)\nSELECT a, b FROM records")).toBe(true);
    expect(derivesRows("INSERT INTO calls (a) WITH 1 AS x SELECT x")).toBe(true);
    expect(derivesRows("INSERT INTO calls (a) FORMAT Native")).toBe(false);
    expect(derivesRows("INSERT INTO FUNCTION file('x') SELECT 1")).toBe(false);
    expect(verbOf("TRUNCATE TABLE settling")).toBe("command");
  });

  test("insert and kill have one form", () => {
    expect(insertFrom("INSERT INTO records (a, b) FORMAT Native", "/proc/self/fd/9")).toBe(
      "INSERT INTO records (a, b) SELECT a, b FROM file('/proc/self/fd/9', 'Native')",
    );
    expect(() => insertFrom("INSERT INTO records SELECT 1", "x")).toThrow(StatementFault);
    expect(killedQueryId("KILL QUERY WHERE query_id = 'a-1' ASYNC")).toBe("a-1");
    expect(() => killedQueryId("KILL QUERY WHERE 1 ASYNC")).toThrow(StatementFault);
    expect(() => killedQueryId("KILL QUERY WHERE query_id = 'a' SYNC")).toThrow(StatementFault);
  });
});
