import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import { NO_CALL_NAMES } from "../call-names.ts";
import { compileQuery } from "../compile/compile.ts";
import { Params } from "../compile/sql.ts";
import { parseQuery } from "./parser.ts";

const GUIDE = new URL("../../../../../docs/guides/query-language.md", import.meta.url);
const blocks = readFileSync(GUIDE, "utf8").matchAll(/```query\n([^]*?)```/g);
const COMPILING = {
  nowUs: 0,
  names: NO_CALL_NAMES,
  period: { axis: "timestamp", fromUs: null, toUs: null },
} as const;
const examples = [...blocks].flatMap(([, block]) => (block ?? "").trim().split("\n"));

it("every example of the guide is a query without a note", () => {
  expect(examples.length).toBeGreaterThan(30);
  for (const example of examples) {
    expect(compileQuery(parseQuery(example), new Params(), COMPILING).notes, example).toEqual([]);
  }
});
