import { afterEach, expect, test } from "vitest";

import { formatTimestamp } from "@tallystick/record";
import { manualClock } from "../manual-clock.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import { viewCoverage } from "./coverage-view.ts";
import { listAliases, listParties } from "./names-view.ts";
import { half, openTallyBench, pair, SETTINGS, START_US } from "./tally-bench.contract.ts";
import type { TallyBench } from "./tally-bench.contract.ts";

let open: TallyBench | null = null;
afterEach(async () => {
  await open?.close();
  open = null;
});

const TIMES = { declaredBy: "key:ops", declaredAt: "2026-11-25T08:00:00Z" };
const PERIOD = { from: "2026-11-25T08:00:00Z", to: "2026-11-25T09:00:00Z" };

async function bench(): Promise<TallyBench> {
  open = await openTallyBench({ oneSided: ["postgres"] });
  open.declared.parties.push({ name: "bank", reason: "a third party", ...TIMES });
  return open;
}

const declarations = ({ declared }: TallyBench) => ({
  settings: { ...SETTINGS, oneSided: ["postgres"], aliases: [{ name: "address:10.9.9.9", service: "batch" }] },
  control: { aliases: () => declared.aliases, parties: () => declared.parties },
});

test("coverage says what is missing, since when, and what to switch on", async () => {
  const tally = await bench();
  await tally.add(
    ...Array.from({ length: 10 }, (_, place) => pair(`r${place}`, 1 + place)).flat(),
    half("caller", "mail-1", 70, { service_id: "payments", target_id: "mail", recorder_id: "payments" }),
    half("caller", "orders-1", 71, { service_id: "payments", target_id: "orders", recorder_id: "payments" }),
    half("caller", "bank-1", 72, { target_id: "bank" }),
    half("caller", "pg-1", 73, { target_id: "postgres" }),
    half("callee", "u1", 74, { service_id: "address:10.1.2.3" }),
    half("callee", "u2", 75, { service_id: "address:10.1.2.4" }),
  );
  await tally.passTo(300);
  const sources = { reader: tally.index.index.reader, clock: manualClock(START_US + 300_000_000) };
  const found = await viewCoverage(sources, declarations(tally), WHOLE_SCOPE, PERIOD);
  expect(
    found.edges.map(({ caller, callee, missing, alone, paired }) => [caller, callee, missing, alone, paired]),
  ).toEqual([
    ["orders", "bank", "callee", 1, 0],
    ["orders", "postgres", "callee", 1, 0],
    ["payments", "mail", "callee", 1, 0],
    ["payments", "orders", "callee", 1, 0],
  ]);
  const advice = new Map(found.edges.map(({ callee, ...edge }) => [callee, edge.advice]));
  expect(advice.get("bank")).toBeNull();
  expect(advice.get("mail")).toBe(
    "mail records nothing: switch on its server instrumentation, or declare it one-sided",
  );
  expect(advice.get("orders")).toBe(
    "orders records calls it makes, none that it receives: switch on server instrumentation, or declare it one-sided",
  );
  expect(found.edges[2]?.since).toBe(formatTimestamp(START_US + 70_000_000));
  expect(found.services.map(({ service, declared }) => [service, declared?.source])).toEqual([
    ["bank", "declared"],
    ["postgres", "configured"],
    ["mail", undefined],
  ]);
  expect(found.unknown_callers).toMatchObject([{ callee: "payments", network: "10.1.2.0/24", calls: 2 }]);
  expect(found.one_sided).toEqual([
    {
      name: "bank",
      reason: "a third party",
      source: "declared",
      declared_by: "key:ops",
      declared_at: TIMES.declaredAt,
    },
    { name: "postgres", reason: null, source: "configured", declared_by: null, declared_at: null },
  ]);
  expect(listParties(declarations(tally))).toEqual(found.one_sided);
  // The callee's halves come 50 ms after the caller's and last as long.
  expect(found.skews).toMatchObject([
    { recorder: "orders", ahead_us: -50_000, others: 1, furthest: { recorder: "payments", ahead_us: -50_000 } },
    { recorder: "payments", ahead_us: 50_000, others: 1, furthest: { recorder: "orders", ahead_us: 50_000 } },
  ]);
});

test("a party that is declared while the server runs is one-sided from the next step on", async () => {
  const tally = await bench();
  await tally.add(...pair("a", 1), half("caller", "b", 2));
  await tally.passTo(100);
  tally.declared.parties.push({ name: "payments", reason: "switched off", ...TIMES });
  await tally.add(half("caller", "c", 110));
  await tally.passTo(200);
  expect((await tally.calls()).map(({ state }) => state)).toEqual(["matched", "unpaired_caller", "one_sided"]);
});

test("aliases say where they are from, and a name that stood for two says nothing", async () => {
  const tally = await bench();
  const traced = (number: number, side: "caller" | "callee", caller: string) => {
    const span = number.toString(16).padStart(16, "0");
    return half(side, `t${number}`, number, {
      trace_id: number.toString(16).padStart(32, "0"),
      span_id: side === "caller" ? span : span.replace("0", "f"),
      ...(side === "callee" ? { parent_span_id: span } : {}),
      service_id: side === "caller" ? caller : "address:10.0.0.7",
    });
  };
  await tally.add(traced(1, "caller", "orders"), traced(1, "callee", "orders"));
  await tally.passTo(100);
  const sources = { reader: tally.index.index.reader, clock: manualClock() };
  const list = (atS: number) => listAliases(sources, declarations(tally), START_US + atS * 1_000_000);
  const learned = (await list(100)).find(({ name }) => name === "address:10.0.0.7");
  expect(learned).toMatchObject({ service: "orders", source: "learned", seen: [{ service: "orders" }] });
  await tally.add(traced(120, "caller", "mail"), traced(120, "callee", "mail"));
  await tally.passTo(300);
  const both = (await list(300)).find(({ name }) => name === "address:10.0.0.7");
  expect(both).toMatchObject({ service: null, seen: [{ service: "mail" }, { service: "orders" }] });
  tally.declared.aliases.push({ name: "address:10.0.0.7", service: "mail", from: null, to: null, ...TIMES });
  expect((await list(300)).map(({ name, service, source }) => [name, service, source])).toEqual([
    ["address:10.0.0.7", "mail", "declared"],
    ["address:10.9.9.9", "batch", "configured"],
  ]);
  await tally.add(traced(310, "callee", "nobody"));
  await tally.passTo(500);
  expect((await tally.calls()).find(({ call_id: id }) => id.includes("136"))).toMatchObject({ caller: "mail" });
});
