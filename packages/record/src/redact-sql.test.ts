import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { REQUIRED, normalised, testContext } from "./record.contract.ts";
import { redactStatement } from "./redact-sql.ts";

/** `[redacted:literal]` and `[redacted:comment]`, short. */
function short(text: string, system?: string): string {
  return redactStatement(text, system).replaceAll("[redacted:literal]", "§").replaceAll("[redacted:comment]", "¶");
}

describe("literals of a statement", () => {
  it.each<[string, string, string?]>([
    ["SELECT a, t1.b2 FROM t1 WHERE x = 'it''s' AND y = 1.5e-3", "SELECT a, t1.b2 FROM t1 WHERE x = § AND y = §"],
    [
      "SELECT * FROM t WHERE a = $1 AND b = ? AND c = :name AND d = @p1 AND e = ?2",
      "SELECT * FROM t WHERE a = $1 AND b = ? AND c = :name AND d = @p1 AND e = ?2",
    ],
    ["WHERE a IN (1, 2,\n3) LIMIT 10 OFFSET 0x1F", "WHERE a IN (§) LIMIT § OFFSET §"],
    ["INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", "INSERT INTO t (a, b) VALUES (§)"],
    ["SELECT $$it's$$, $tag$a $$ b$tag$, $1", "SELECT §, $1"],
    ["SELECT $tag$never closed", "SELECT §"],
    ["SELECT a -- hunter2\nFROM t /* hunter3 /* nested */ hunter4 */ WHERE b = 1", "SELECT a ¶\nFROM t ¶ WHERE b = §"],
    ["SELECT a /* never closed 'x'", "SELECT a ¶"],
    ["SELECT 'never closed", "SELECT §"],
    ["SELECT E'a\\'b', 'hunter2'", "SELECT E§"],
    ["SELECT 'a\\', 'hunter2'", "SELECT §"],
    ["SELECT N'a', x'ff', B'01', DATE '2026-01-01'", "SELECT N§, x§, B§, DATE §"],
    ["SELECT q'[it's]', nq'{hunter2}' FROM dual", "SELECT § FROM dual", "oracle.db"],
    [
      'SELECT "User"."id" FROM "User" WHERE "name" = \'x\'',
      'SELECT "User"."id" FROM "User" WHERE "name" = §',
      "postgresql",
    ],
    ['SELECT "o\'brien"', "SELECT §", "postgresql"],
    ['SELECT id FROM `users` WHERE name = "hunter2" # hunter3', "SELECT id FROM `users` WHERE name = § ¶", "mysql"],
    ["SELECT a FROM #temp WHERE b = 'x'", "SELECT a FROM #temp WHERE b = §", "microsoft.sql_server"],
    ["SELECT a::text, b #>> '{c}' FROM t", "SELECT a::text, b #>> § FROM t", "postgresql"],
    [
      '{"find":"users","filter":{"age":42,"name":"x","$gt":1}}',
      '{"find":§,"filter":{"age":§,"name":§,"$gt":§}}',
      "mongodb",
    ],
    ["db.users.find({age:42, name:'x'})", "db.users.find({age:§, name:§})", "mongodb"],
    ["SET session:1 hunter2", "SET §", "redis"],
    ["AUTH hunter2", "AUTH §", "redis"],
    ["PING", "PING", "redis"],
    ["hunter2!", "§", "redis"],
    ["SELECT größe FROM bücher WHERE süß = 'x'", "SELECT größe FROM bücher WHERE süß = §"],
    ["SELECT -5, +.25", "SELECT -§, +.§"],
  ])("%s", (text, redacted, system) => {
    expect(short(text, system)).toBe(redacted);
    expect(redactStatement(redactStatement(text, system), system)).toBe(redactStatement(text, system));
  });

  it("whatever is quoted goes, in any dialect's quotes", () => {
    const secret = fc.string({
      unit: fc.constantFrom(...Array.from("ab1 ,()$-/*#:;?[]{}@.\n")),
      minLength: 1,
      maxLength: 20,
    });
    const quotes = fc.constantFrom<[string, string]>(
      ["'", "'"],
      ["$$", "$$"],
      ["$t$", "$t$"],
      ["q'<", ">'"],
      ["/*", "*/"],
    );
    fc.assert(
      fc.property(
        secret,
        quotes,
        fc.constantFrom("postgresql", "mysql", "oracle", undefined),
        (inner, [open, close], system) => {
          fc.pre(
            !inner.includes("*/") && !inner.includes("/*") && !inner.includes("$$") && !`${inner}$`.includes("$t$"),
          );
          const marked = `SELECT a FROM t WHERE b = ${open}hunter${inner}hunter${close} AND c = d`;
          const redacted = redactStatement(marked, system);
          expect(redacted).not.toContain("hunter");
          expect(redacted.endsWith(" AND c = d")).toBe(true);
        },
      ),
    );
  });

  it("reads statements and their parameters in attributes, with the system that stands beside them", () => {
    const attributes = {
      "db.system.name": "postgresql",
      "db.query.text": `SELECT "a" FROM t WHERE b = 'hunter2'`,
      "db.statement": "SELECT 42",
      "db.query.parameter.0": "hunter2",
      "db.postgresql.values": ["hunter2"],
    };
    expect(normalised({ ...REQUIRED, attributes }, testContext())).toMatchObject({
      record: {
        attributes: {
          "db.query.text": `SELECT "a" FROM t WHERE b = [redacted:literal]`,
          "db.statement": "SELECT [redacted:literal]",
          "db.query.parameter.0": "[redacted:literal]",
          "db.postgresql.values": "[redacted:literal]",
        },
      },
    });
  });

  it("a bulk insert of ten thousand rows becomes short", () => {
    const rows = Array.from({ length: 4_000 }, (_, index) => `(${index % 10},'a')`).join(",");
    expect(redactStatement(`INSERT INTO t VALUES ${rows}`, "mysql")).toBe("INSERT INTO t VALUES ([redacted:literal])");
  });
});
