/** The dashboard in docs/guides asks only for what /metrics/edges really has. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { realClock } from "../real-clock.ts";
import { EdgeMetrics } from "./edge-metrics.ts";
import { readOpenMetrics } from "./open-metrics.contract.ts";
import { openTallyBench, pair, SECOND_US, START_US } from "./tally-bench.contract.ts";
import type { TallyBench } from "./tally-bench.contract.ts";

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat?: string; readonly refId: string }[];
}
interface Variable {
  readonly name: string;
  readonly query: string | { readonly query: string };
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

const FILE = new URL("../../../../docs/guides/grafana-dashboard.json", import.meta.url);
const dashboard = JSON.parse(readFileSync(FILE, "utf8")) as Dashboard;
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
const questions = dashboard.templating.list.map(({ query }) => (typeof query === "string" ? query : query.query));

/** Functions and words of PromQL that the dashboard uses. */
const WORDS: ReadonlySet<string> = new Set(
  "sum by rate increase histogram_quantile topk bottomk time label_values prometheus".split(" "),
);

/** Labels of each sample's name. */
const exposed = new Map<string, ReadonlySet<string>>();
let tally: TallyBench;

beforeAll(async () => {
  tally = await openTallyBench();
  await tally.add(...pair("a", 1));
  await tally.passTo(300);
  const settled = { throughUs: START_US + 300 * SECOND_US, longestDeadlineUs: 60 * SECOND_US };
  const metrics = new EdgeMetrics({ reader: tally.index.index.reader, clock: realClock() }, () => settled);
  for (const { samples } of readOpenMetrics(await metrics.text()))
    for (const { name, labels } of samples) exposed.set(name, new Set(Object.keys(labels)));
});
afterAll(() => tally.close());

/** Identifiers of an expression, without what stands in quotes, ranges and variables. */
function identifiers(text: string): readonly string[] {
  const bare = text.replaceAll(/"[^"]*"|\[[^\]]*\]|\$\w+/g, " ");
  return [...bare.matchAll(/[a-zA-Z_]\w*/g)].map(([word]) => word);
}

const isMetric = (word: string) => word.startsWith("tallystick_");

describe("the Grafana dashboard", () => {
  it("names no metric and no label that is not exposed", () => {
    for (const text of [...expressions, ...questions]) {
      const words = identifiers(text).filter((word) => !WORDS.has(word));
      const labels = words.filter((word) => !isMetric(word));
      for (const metric of words.filter(isMetric)) {
        expect([...exposed.keys()], text).toContain(metric);
        for (const label of labels) expect([...exposed.get(metric)!], `${label} of ${metric}`).toContain(label);
      }
    }
  });

  it("shows every family, and asks only for labels that its expressions keep", () => {
    const asked = new Set(expressions.flatMap(identifiers));
    const unused = [...exposed.keys()].filter((name) => !asked.has(name));
    expect(unused).toEqual(["tallystick_edges"]);
    for (const { targets } of dashboard.panels) {
      for (const { expr, legendFormat = "" } of targets) {
        const [, grouping] = /\bby \(([^)]*)\)/.exec(expr) ?? [];
        const [metric = ""] = identifiers(expr).filter(isMetric);
        const kept = grouping === undefined ? [...exposed.get(metric)!] : identifiers(grouping);
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(kept, expr).toContain(label);
      }
    }
  });

  it("is one that Grafana takes: ids once, panels within the grid, one data source, variables declared", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const variables = new Set(dashboard.templating.list.map(({ name }) => name));
    for (const { title, datasource, gridPos, targets } of dashboard.panels) {
      expect(datasource.uid, title).toBe("${datasource}");
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
      const used = targets.flatMap(({ expr }) => [...expr.matchAll(/\$(\w+)/g)].map(([, name]) => name!));
      expect(used.filter((name) => !variables.has(name) && !name.startsWith("__"))).toEqual([]);
    }
  });

  it("asks in expressions whose brackets close", () => {
    for (const expr of expressions) {
      const open: string[] = [];
      for (const [sign] of expr.replaceAll(/"[^"]*"/g, "").matchAll(/[()[\]{}]/g)) {
        if ("([{".includes(sign)) open.push(sign);
        else expect("([{"[")]}".indexOf(sign)], expr).toBe(open.pop());
      }
      expect(open, expr).toEqual([]);
    }
  });
});
