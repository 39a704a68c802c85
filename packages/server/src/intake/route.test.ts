import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { NO_AMENDMENTS, amendmentsOf } from "./amendments.contract.ts";
import { Batch } from "./batch.ts";
import type { IntakeRequest, IntakeResult, LogPart } from "./intake.ts";
import { normaliseTask } from "./normalise-task.ts";
import type { RoutedLog } from "./route.ts";

type Prepared = Extract<IntakeResult, { readonly kind: "prepared" }>;

const CALL = {
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: "shop",
  target_id: "payments",
  operation: "GET /orders/{id}",
  status: "success",
};

const ROUTED: readonly RoutedLog[] = [
  { log: "cards", match: [{ data_category: "pci" }, { service: "payments", operation: "* /cards*" }] },
  { log: "patients", match: [{ data_class: "restricted", resource: "/patients/*" }] },
  { log: "chatter", match: [{ service: "heartbeat-*" }, { data_class: "un*", operation: "GET /healthz" }] },
];

async function take(
  records: readonly object[],
  routed: readonly RoutedLog[] | null = ROUTED,
  over: Partial<IntakeRequest> = {},
  amendments = NO_AMENDMENTS,
): Promise<Prepared> {
  const { output } = await normaliseTask.run({
    body: Buffer.from(JSON.stringify(records)),
    format: "json",
    encoding: "identity",
    sender: { principal: "key:shop", service: "shop", services: [], relay: null },
    idempotencyKey: "again",
    nowUs: 1_800_000_000_000_000,
    redactionKey: new Uint8Array(32).fill(7),
    settings: {
      maxDecompressedBytes: 1 << 22,
      maxRecords: 10_000,
      redactNames: [],
      otlpInternal: "drop",
      amendments,
    },
    ...(routed === null ? {} : { routes: JSON.stringify(routed) }),
    ...over,
  });
  if (output.kind !== "prepared") throw new Error(output.message);
  return output;
}

const partsOf = ({ records, lines, bodies, routed }: Prepared): readonly LogPart[] =>
  [{ log: null, records, lines, bodies }, ...routed].filter((part) => part.records.count > 0);

/** `log: lines` of each part. */
const places = (result: Prepared) =>
  Object.fromEntries(partsOf(result).map(({ log, lines }) => [log ?? "", [...lines]]));

describe("a record goes to the first log with a pattern that fits what is stored of it", () => {
  it("by either end, operation, resource, class and category, all of one pattern, else to its sender's own", async () => {
    const result = await take([
      CALL,
      { ...CALL, operation: "POST /cards" },
      { ...CALL, service_id: "payments", target_id: "bank", operation: "GET /cards/7" },
      { ...CALL, data_class: "restricted", resource: "/patients/7" },
      { ...CALL, data_class: "restricted", resource: "/patient" },
      { ...CALL, data_class: "restricted", resource: "/patients/7", data_categories: ["phi", "pci"] },
      { ...CALL, target_id: "heartbeat-eu", data_class: "public" },
      { ...CALL, operation: "GET /healthz" },
      { ...CALL, operation: "GET /healthz", data_class: "internal" },
    ]);
    expect(places(result)).toEqual({ "": [1, 5, 9], cards: [2, 3, 6], patients: [4], chatter: [7, 8] });
  });

  it("with the class that a rule gives it, not the one that its producer said", async () => {
    const amendments = amendmentsOf({}, [{ operation: "GET /orders*", data_class: "restricted" }]);
    const result = await take([{ ...CALL, data_class: "public", resource: "/patients/1" }], ROUTED, {}, amendments);
    expect(places(result)).toEqual({ patients: [1] });
  });

  it("whatever names stand in it: no other route's, no built-in's, and in time that the pattern bounds", async () => {
    const names = ["__proto__", "constructor", "a\0b", "*", "shop payments", "", "﷽".repeat(80)];
    const records = names.map((name) => ({ ...CALL, target_id: name === "" ? "none" : name, operation: "x" }));
    const hostile: RoutedLog[] = [
      { log: "constructor", match: [{ service: "constructor" }] },
      { log: "stars", match: [{ resource: `${"*a".repeat(127)}*b` }] },
      { log: "zero", match: [{ service: "a\0b" }] },
    ];
    const long = { ...CALL, resource: "a".repeat(4_000) };
    const result = await take([...records, long, long], hostile);
    expect(places(result)).toEqual({ "": [1, 4, 5, 6, 7, 8, 9], constructor: [2], zero: [3] });
    // Two routes whose names run into the same text are two routes.
    const parted: RoutedLog[] = [{ log: "one", match: [{ service: "ab", operation: "c" }] }];
    const same = [
      { ...CALL, service_id: "a", target_id: "b", operation: "bc" },
      { ...CALL, service_id: "ab", target_id: "b", operation: "c" },
    ];
    expect(places(await take(same, parted))).toEqual({ "": [1], one: [2] });
  });
});

describe("a request of records for several logs", () => {
  const RECORD = fc.record({
    operation: fc.constantFrom("GET /orders", "POST /cards", "GET /healthz"),
    status: fc.constantFrom("success", "unheard of"),
    body: fc.option(fc.string({ maxLength: 30, unit: "grapheme-ascii" }), { nil: undefined }),
  });

  it("is parted as if the records of each log had come alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(RECORD, { maxLength: 40 }), async (drawn) => {
        const records = drawn.map(({ body, ...fields }, at) => ({
          ...CALL,
          ...fields,
          id: `018b0000-0000-7000-8000-${String(at).padStart(12, "0")}`,
          ...(body === undefined ? {} : { request_body: body }),
        }));
        const whole = await take(records);
        expect(partsOf(whole).flatMap(({ lines }) => [...lines]).length + whole.rejected.length).toBe(records.length);
        for (const part of partsOf(whole)) {
          const own = records.filter((_, at) => part.lines.includes(at + 1));
          const alone = await take(own, null);
          const { lines: _, ...expected } = partsOf(alone)[0]!;
          const { lines: __, ...given } = part;
          expect(plain({ ...given, log: null })).toEqual(plain(expected));
        }
      }),
      { numRuns: 60 },
    );
  });

  it("that is signed is refused whole at the first record of another log, and taken whole where all are of one", () => {
    const key = new Uint8Array(32);
    const claim = {
      alg: "hmac-sha256" as const,
      kid: "k",
      producer_id: "p",
      producer_epoch: "e",
      first_seq: 0,
      last_seq: 2,
      root: "",
    };
    const numbered = [0, 1, 2].map((producer_seq) => ({
      ...CALL,
      producer_id: "p",
      producer_epoch: "e",
      producer_seq,
    }));
    const signed = { claim, signature: new Uint8Array(32), key, service: "shop" };
    const finish = (records: readonly object[]) => {
      const request = {
        body: new Uint8Array(),
        format: "json",
        encoding: "identity",
        sender: { principal: "key:shop", service: "shop", services: [], relay: null },
        idempotencyKey: null,
        nowUs: 1_800_000_000_000_000,
        redactionKey: new Uint8Array(32),
        settings: {
          maxDecompressedBytes: 1,
          maxRecords: 9,
          redactNames: [],
          otlpInternal: "drop",
          amendments: NO_AMENDMENTS,
        },
        routes: JSON.stringify(ROUTED),
        signed,
      } satisfies IntakeRequest;
      const batch = new Batch(request, 1_000);
      for (const [at, record] of records.entries()) batch.take(at + 1, record);
      return batch.finish() as Prepared;
    };
    const parted = finish([numbered[0]!, { ...numbered[1]!, operation: "POST /cards" }, numbered[2]!]);
    const said = parted.rejected.filter(({ code }) => code === "signed_batch_parted");
    expect(said).toHaveLength(1);
    expect(said[0]).toMatchObject({ line: 2 });
    expect(said[0]!.message).toContain("belongs to the log cards and the first to the sender's own log");
    const whole = finish(numbered.map((record) => ({ ...record, operation: "POST /cards" })));
    expect(whole.rejected.some(({ code }) => code === "signed_batch_parted")).toBe(false);
  });
});

/** Buffers as text, since a view and a copy of it are not the same kind. */
function plain({ log, records, bodies }: Pick<LogPart, "log" | "records" | "bodies">): unknown {
  const texts = Object.values(records).map((value: number | Uint8Array | Uint32Array) =>
    typeof value === "number" ? value : [...value].join(","),
  );
  const kept = bodies.map((body) => [
    body.record,
    body.at,
    Buffer.from(body.bytes).toString("hex"),
    body.identity.join(),
  ]);
  return { log, texts, kept };
}
