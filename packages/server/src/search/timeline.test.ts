import type { StoredRecord } from "@tallystick/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { isTallystickError } from "../errors.ts";
import { openSearchFixture } from "./search-fixture.contract.ts";
import type { SearchFixture } from "./search-fixture.contract.ts";
import type { TimelineRequest } from "./timeline.ts";
import { storedOf } from "./trace/stored.contract.ts";
import { WHOLE_SCOPE } from "./scope.ts";

const ALL = WHOLE_SCOPE;
const ODD = 'a"b\\c*';
let fixture: SearchFixture;

beforeAll(async () => {
  fixture = await openSearchFixture();
  await fixture.insert([
    storedOf(1, { at: 1, service_id: "shop", target_id: "orders", credential_id: "kid-17", peer_address: "10.0.0.7" }),
    storedOf(2, { at: 2, service_id: "orders", target_id: "payments", status: "error", subject_refs: ["person-1"] }),
    storedOf(3, { at: 3, service_id: "orders", target_id: "orders", credential_id: "kid-18" }),
    storedOf(4, { at: 4, service_id: "shop", target_id: "stock", auth_subject: "person-1", credential_id: "kid-17" }),
    storedOf(5, { at: 5, service_id: "admin", target_id: "keys", action: "revoke", resource: "/keys/kid-17" }),
    storedOf(6, { at: 6, service_id: ODD, target_id: "x" }),
    storedOf(7, {
      at: 7,
      service_id: "shop",
      target_id: "orders",
      peer_identity: "spiffe://a",
      peer_address: "10.0.0.7",
    }),
    storedOf(8, { at: 8, service_id: "shop", target_id: "orders", peer_address: "10.0.0.7" }),
  ]);
});
afterAll(() => fixture.close());

const numberOf = ({ record }: StoredRecord) => Number.parseInt(record.id.slice(-12), 16);

async function timeline(request: TimelineRequest): Promise<readonly string[]> {
  const { entries } = await fixture.search.timeline(ALL, { order: "oldest", ...request });
  return entries.map((entry) => `${numberOf(entry)} ${entry.direction}`);
}

describe("a timeline", () => {
  it.each([
    ["a service", { service: "orders" }, ["1 done_to", "2 did", "3 both", "7 done_to", "8 done_to"]],
    ["a credential", { credential: "kid-17" }, ["1 did", "4 did", "5 done_to"]],
    ["a person", { subject_ref: "person-1" }, ["2 done_to", "4 did"]],
    ["a name with quotes and wildcards", { service: ODD }, ["6 did"]],
    ["nobody", { service: "Orders" }, []],
    [
      "a service, narrowed by a query",
      { service: "orders", q: "status:error OR credential_id:kid-17" },
      ["1 done_to", "2 did"],
    ],
    ["a service, a credential left empty", { service: ODD, credential: "" }, ["6 did"]],
  ] as const)("of %s says what it did and what was done to it", async (_, request, entries) => {
    expect(await timeline(request)).toEqual(entries);
  });

  it("has pages that belong to its subject", async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await fixture.search.timeline(ALL, { service: "orders", limit: 2, cursor });
      seen.push(...page.entries.map((entry) => `${numberOf(entry)}`));
      cursor = page.next;
      if (cursor === null) continue;
      const refusal = await fixture.search.timeline(ALL, { service: "shop", cursor }).catch((error: unknown) => error);
      expect(isTallystickError(refusal, "cursor_invalid")).toBe(true);
    } while (cursor !== null);
    expect(seen).toEqual(["8", "7", "3", "2", "1"]);
  });

  it("takes exactly one subject, and no query that would leave its parentheses", async () => {
    await expect(timeline({})).rejects.toThrow(/0 of service/);
    await expect(timeline({ service: "a", credential: "b" })).rejects.toThrow(/2 of service/);
    await expect(timeline({ service: "a", q: "x) OR (y" })).rejects.toThrow(/column/i);
  });

  it("is exported whole, with the direction of each record", async () => {
    const text = async (format: "ndjson" | "csv" | "xml") => {
      let whole = "";
      for await (const chunk of fixture.search.exportTimeline(ALL, { credential: "kid-17", order: "oldest", format }))
        whole += chunk.text;
      return whole;
    };
    const lines = (await text("ndjson")).trimEnd().split("\n");
    expect(lines.map((line) => (JSON.parse(line) as { direction: string }).direction)).toEqual([
      "did",
      "did",
      "done_to",
    ]);
    const [head = "", ...rows] = (await text("csv")).trimEnd().split("\r\n");
    expect(head.split(",").at(-1)).toBe("direction");
    expect(rows.map((row) => row.split(",").at(-1))).toEqual(["did", "did", "done_to"]);
    expect(await text("xml")).toContain("<direction>done_to</direction>");
  });
});

describe("neighbours of a record", () => {
  const around = async (place: number, by: "service" | "credential" | "peer", before = 10, after = 10) => {
    const request = { tree: "default/2026-11", leafIndex: place - 1, by, before, after };
    const answer = await fixture.search.neighbours(ALL, request);
    return answer === null
      ? null
      : { ...answer, before: answer.before.map(numberOf), after: answer.after.map(numberOf) };
  };

  it("are before and after it in time, by what they share", async () => {
    expect(await around(4, "service")).toMatchObject({
      field: "service_id",
      value: "shop",
      before: [1],
      after: [7, 8],
    });
    expect(await around(4, "credential")).toMatchObject({ field: "credential_id", before: [1], after: [] });
    expect(await around(8, "peer")).toMatchObject({
      field: "peer_address",
      value: "10.0.0.7",
      before: [1, 7],
      after: [],
    });
    expect(await around(7, "peer")).toMatchObject({ field: "peer_identity", before: [], after: [] });
  });

  it("are as many as asked for, and say that there are more", async () => {
    expect(await around(7, "service", 1, 0)).toMatchObject({
      before: [4],
      after: [],
      more_before: true,
      more_after: false,
    });
    await expect(around(7, "service", 501)).rejects.toThrow(/before/);
  });

  it("of a record that has no such mark, or is not seen, are refused", async () => {
    await expect(around(2, "credential")).rejects.toThrow(/has no credential_id/);
    expect(await around(99, "service")).toBeNull();
    const hidden = { tree: "default/2026-11", leafIndex: 0, by: "service" as const };
    expect(await fixture.search.neighbours({ ...WHOLE_SCOPE, logs: ["other"] }, hidden)).toBeNull();
  });
});
