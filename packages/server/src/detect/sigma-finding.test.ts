import { expect, it } from "vitest";

import { findingOf } from "./sigma-finding.ts";
import { checkRules } from "./sigma/check.ts";

const RULE = "title: T\nlogsource: {product: p}\ndetection:\n  a: {operation: x}\n  condition: a\n";

it.each([
  [`${RULE}runbook_url: https://wiki.example.com/t#first\n`, "https://wiki.example.com/t#first"],
  [`${RULE}runbook_url:\n`, undefined],
  [RULE, undefined],
])("what a rule found carries the rule's runbook: %j", (text, runbookUrl) => {
  const linked = checkRules([{ file: "rule", text }])[0]!.rule!;
  const about = {
    id: "r",
    version: 1,
    kind: "sigma",
    origin: "own",
    on: true,
    changedBy: null,
    changedAt: null,
  } as const;
  const rule = { ...about, heading: linked.rule, sigma: linked, measure: null, text };
  const row = { rule: 0, labels: [], count: 1, first_us: 1, last_us: 1, records: [] };
  expect(findingOf(rule, linked, row).runbookUrl).toBe(runbookUrl);
});
