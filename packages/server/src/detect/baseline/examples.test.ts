import { expect, test } from "vitest";

import type { Deriver } from "../../index/derived-tables.ts";
import { MAX_SHOWN_FINDINGS } from "./baseline-limits.ts";
import { withExamples } from "./examples.ts";
import { deviations, edgeFinding } from "./judge.ts";
import { USUAL } from "./judge-sample.contract.ts";

const AT = { startsAtUs: 1, seenAtUs: 2 };
const found = (caller: string, quiet: boolean) => ({
  ...edgeFinding(deviations({ ...USUAL, caller, errors: 30 }, () => false)[0]!, AT),
  quiet,
});

function answering(rows: readonly unknown[]) {
  const asked: string[] = [];
  const select: Deriver["select"] = async <Row>({ params }: { readonly params: object }) => {
    asked.push(String(Object.values(params).find((value) => String(value).startsWith("s-"))));
    return rows as readonly Row[];
  };
  return { asked, deriver: { select } };
}

test("records are asked for when something is first told, and not again where there were none", async () => {
  const { asked, deriver } = answering([]);
  const one = found("s-1", false);
  expect(await withExamples(deriver, [one], () => null, 10)).toEqual([{ ...one, records: [] }]);
  await withExamples(deriver, [one], () => [], 15);
  expect(asked).toEqual(["s-1"]);
});

test("of many, those that notify somebody have their records first", async () => {
  const { asked, deriver } = answering([{ tree: "default/2026-10", leaf_index: 3, call_id: "c" }]);
  const quiet = Array.from({ length: MAX_SHOWN_FINDINGS + 5 }, (_, at) => found(`s-quiet-${at}`, true));
  const shown = await withExamples(deriver, [...quiet, found("s-loud", false)], () => null, 10);
  expect(asked).toHaveLength(MAX_SHOWN_FINDINGS);
  expect(asked[0]).toBe("s-loud");
  expect(shown.filter(({ records }) => records.length > 0)).toHaveLength(MAX_SHOWN_FINDINGS);
});
