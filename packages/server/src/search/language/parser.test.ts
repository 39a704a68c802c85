import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { isTallystickError } from "../../errors.ts";
import type { TallystickError } from "../../errors.ts";
import { MAX_QUERY_BYTES, MAX_QUERY_DEPTH, MAX_QUERY_TERMS, MAX_VALUE_WILDCARDS } from "../limits.ts";
import { parseQuery } from "./parser.ts";
import { printQuery } from "./print.ts";
import { queryNode, queryText } from "./query.contract.ts";
import type { QueryNode } from "./syntax.ts";

function columnOf({ at, message }: TallystickError): number {
  const column = at["column"];
  if (typeof column !== "number") throw new Error(`no column: ${message}`);
  expect(message).toMatch(new RegExp(`^Column ${column}: (?!Column)`));
  return column;
}

function faultOf(text: string): TallystickError {
  try {
    parseQuery(text);
  } catch (error) {
    if (isTallystickError(error)) return error;
    throw error;
  }
  throw new Error(`no fault in ${text}`);
}

/** Without places, for comparison. */
function plain(node: QueryNode): unknown {
  return JSON.parse(JSON.stringify(node, (key, value: unknown) => (key === "column" ? undefined : value)));
}

const printed = (text: string) => printQuery(parseQuery(text).root);

describe("a query text", () => {
  it.each([
    ["", "*"],
    ["   ", "*"],
    ["*", "*"],
    ["*:*", "*"],
    ["a b", "a AND b"],
    ["a && b || c", "a AND b OR c"],
    ["a OR b AND c", "a OR b AND c"],
    ["(a OR b) c", "(a OR b) AND c"],
    ["-a +b !c NOT d", "NOT a AND b AND NOT c AND NOT d"],
    ["status:(error OR denied)", "status:error OR status:denied"],
    ["status:(error OR denied) x", "(status:error OR status:denied) AND x"],
    ["status:(-error)", "NOT status:error"],
    ['operation:"GET /health"', 'operation:"GET /health"'],
    [String.raw`"a \"b\" \\ c"`, String.raw`"a \"b\" \\ c"`],
    ["duration_us:>50000", 'duration_us:{"50000" TO *]'],
    ["duration_us:<=5", 'duration_us:[* TO "5"]'],
    ["duration_us:(>5 AND <9)", 'duration_us:{"5" TO *] AND duration_us:[* TO "9"}'],
    ["duration_us:[1 TO 5}", 'duration_us:["1" TO "5"}'],
    ["duration_us:[1 TO *}", 'duration_us:["1" TO *]'],
    ["trace_id:*", "_exists_:trace_id"],
    ["_exists_:http.route", "_exists_:http.route"],
    ["trace_id:[* TO *]", "_exists_:trace_id"],
    ["tim?out*", "tim?out*"],
    ["http.route:/x", "http.route:/x"],
    ["attributes.status:5", "attributes.status:5"],
    ["record.status:error", "status:error"],
    ["observed.principal:key*", String.raw`principal:key*`],
    ["service_id:address:10.0.0.7", String.raw`service_id:address\:10.0.0.7`],
    ["peer_address:::1", String.raw`peer_address:\:\:1`],
    ["timestamp:>now-15m", 'timestamp:{"now-15m" TO *]'],
    [String.raw`a\ b`, String.raw`a\ b`],
    [String.raw`\AND`, String.raw`\AND`],
    ["/orders/{id}", String.raw`/orders/\{id\}`],
    ["xyz-123", String.raw`xyz\-123`],
    ["status: error", "status:error"],
    [String.raw`a\~2`, String.raw`a\~2`],
    ["~/a^b", String.raw`\~/a\^b`],
    ["/re/", String.raw`\/re/`],
    ["/orders/*/items/", String.raw`\/orders/*/items/`],
    ['"x y":q', String.raw`x\ y:q`],
    ['"http.route":"/orders"', 'http.route:"/orders"'],
    ['"status":(error OR denied)', "status:error OR status:denied"],
  ])("%s reads as %s", (text, expected) => {
    expect(printed(text)).toBe(expected);
    expect(printed(expected)).toBe(expected);
  });

  it.each([
    ["(a", 3, ")"],
    ["a)", 2, "end of the query"],
    ["a AND", 6, "word"],
    ["AND a", 1, "word"],
    ["a OR OR b", 6, "word"],
    ["status:", 8, "value"],
    ["status:AND", 8, "value"],
    ["()", 2, "word"],
    ["status:()", 9, "value"],
    ['"open', 1, "closing"],
    ["a \\", 3, "escapes"],
    ["duration_us:[1 2]", 16, "TO"],
    ["duration_us:[1 TO 2", 20, "] or }"],
    ["duration_us:[TO 2]", 14, "value"],
    ["duration_us:>", 14, "value"],
    ["duration_us > 5", 13, "field"],
    ["[1 TO 2]", 1, "field"],
    ["a - b", 3, "term"],
    ["ser*:x", 1, "name"],
    [":x", 1, "word"],
    ['status:(operation:"x")', 9, "values only"],
    ['"a b"~2', 6, "end"],
    ["a~2", 2, String.raw`\~`],
    ["x status:erorr~", 15, String.raw`\~`],
    ["(foo^1.5)", 5, String.raw`\^`],
    ["/time.*out/", 1, "with * and ?"],
    [String.raw`operation:/GET\s\d+/`, 11, "with * and ?"],
    ["a\uD800b", 2, "Unicode"],
  ])("%s has a fault in column %i", (text, column, expected) => {
    const fault = faultOf(text);
    expect(fault.code).toBe("query_syntax");
    expect(columnOf(fault)).toBe(column);
    expect(fault.hint).toContain(expected);
  });

  it("is too large by bytes, depth or terms", () => {
    const long = faultOf("ä".repeat(MAX_QUERY_BYTES / 2 + 1));
    expect([long.code, columnOf(long)]).toEqual(["query_too_large", MAX_QUERY_BYTES / 2 + 1]);
    expect(parseQuery("ä".repeat(MAX_QUERY_BYTES / 2)).root.kind).toBe("match");
    expect(parseQuery("(".repeat(MAX_QUERY_DEPTH) + "a" + ")".repeat(MAX_QUERY_DEPTH)).root.kind).toBe("match");
    expect(faultOf("(".repeat(MAX_QUERY_BYTES)).code).toBe("query_too_large");
    expect(faultOf("-".repeat(MAX_QUERY_BYTES - 1) + "a").code).toBe("query_too_large");
    expect(parseQuery("a ".repeat(MAX_QUERY_TERMS)).root.kind).toBe("and");
    expect(faultOf("a?".repeat(MAX_VALUE_WILDCARDS + 1)).code).toBe("query_too_large");
    expect(faultOf("a ".repeat(MAX_QUERY_TERMS + 1)).code).toBe("query_too_large");
  });

  it("gets notes where something else may have been meant", () => {
    expect(parseQuery("sevice_id:a").notes[0]?.message).toContain("`service_id`");
    expect(parseQuery("traceId:a").notes[0]?.message).toContain("`trace_id`");
    expect(parseQuery("service:a").notes[0]?.message).toContain("`service_id`");
    expect(parseQuery("foo:a").notes[0]?.code).toBe("read_as_attribute");
    expect(parseQuery("http.route:a attributes.foo:b service_id:c").notes).toEqual([]);
    expect(parseQuery("a or b").notes[0]?.code).toBe("lower_case_operator");
    expect(parseQuery("resource:/re/").notes[0]).toMatchObject({ code: "no_regular_expression", column: 10 });
    expect(parseQuery(String.raw`/orders/items/ \/re/ "/re/"`).notes).toEqual([]);
  });

  it("never fails but with a TallystickError whose column lies in the text", () => {
    fc.assert(
      fc.property(queryText(), (text) => {
        try {
          parseQuery(text);
        } catch (error) {
          if (!isTallystickError(error)) throw error;
          expect(["query_syntax", "query_too_large"]).toContain(error.code);
          expect(columnOf(error)).toBeGreaterThanOrEqual(1);
          expect(columnOf(error)).toBeLessThanOrEqual(text.length + 1);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("that was printed reads as the same tree", () => {
    fc.assert(
      fc.property(queryNode(), (node) => {
        const text = printQuery(node);
        expect(plain(parseQuery(text).root)).toEqual(plain(parseQuery(printQuery(parseQuery(text).root)).root));
        expect(plain(parseQuery(text).root)).toEqual(plain(node));
      }),
      { numRuns: 2_000 },
    );
  });
});
