/** What a rule found, as a finding that explains itself. */
import type { Finding } from "./finding.ts";
import { labelNames } from "./pass-sql.ts";
import type { PassRow } from "./pass-sql.ts";
import type { Rule } from "./rule-book.ts";
import type { LinkedRule } from "./sigma/link.ts";

export function findingOf(rule: Rule, linked: LinkedRule, row: PassRow): Finding {
  const { heading } = rule;
  const labels = Object.fromEntries(
    labelNames(linked).flatMap((name, at): [string, string][] => {
      const value = row.labels[at] ?? "";
      return value === "" ? [] : [[name, value]];
    }),
  );
  const about = Object.entries(labels).map(([name, value]) => `${name} ${value}`);
  return {
    ruleId: rule.id,
    ruleVersion: rule.version,
    title: heading.title,
    kind: "sigma",
    level: heading.level,
    tags: heading.tags,
    labels,
    state: "firing",
    startsAtUs: row.first_us,
    seenAtUs: row.last_us,
    summary: `${heading.title}: ${row.count === 1 ? "one record" : `${row.count} records`}${about.length === 0 ? "" : ` (${about.join(", ")})`}`,
    expected: "no record like that",
    seen: heading.description === "" ? heading.title : heading.description.trim(),
    check:
      "Look at the records that are named, at what the caller did before and after, and at the credential it used.",
    silence:
      heading.falsePositives.length === 0
        ? "Where it is meant to be so, silence these labels, or narrow the rule."
        : `Known to be harmless: ${heading.falsePositives.join("; ")}. Silence these labels then, or narrow the rule by a filter.`,
    ...(heading.runbookUrl === null ? {} : { runbookUrl: heading.runbookUrl }),
    records: row.records.map(([tree, leafIndex]) => ({ tree, leafIndex, callId: "" })),
    count: row.count,
    quiet: false,
  };
}
