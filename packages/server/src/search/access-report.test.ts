import fc from "fast-check";
import type { StoredRecord } from "@tallystick/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { AccessReport, AccessReportRequest } from "./access-report.ts";
import { storedRecords } from "./records.contract.ts";
import { WHOLE_SCOPE } from "./scope.ts";
import { openSearchFixture } from "./search-fixture.contract.ts";
import type { SearchFixture } from "./search-fixture.contract.ts";

const OPERATIONS = ["GET /a", "SELECT patients", "post /a", "DELETE /a", "pkg.Service/Get", "getaway", "execute job"];
const ACTIONS = [undefined, "execute", "read", "update", "login"] as const;
let fixture: SearchFixture;

beforeAll(async () => {
  fixture = await openSearchFixture();
  const sample = fc.sample(storedRecords(70), { numRuns: 1, seed: 7 })[0]!;
  await fixture.insert(
    sample.map((stored, place): StoredRecord => {
      const { action: _action, ...record } = stored.record;
      const action = ACTIONS[place % ACTIONS.length];
      return {
        ...stored,
        observed: { ...stored.observed, principal: "key:shop" },
        record: {
          ...record,
          ...(action === undefined ? {} : { action }),
          operation: OPERATIONS[place % OPERATIONS.length]!,
          credential_id: `key-${place % 3}`,
          data_class: place % 2 === 0 ? "restricted" : "public",
          data_categories: place % 5 === 0 ? ["phi", "pii"] : ["pci"],
          subject_refs: [`user-${place % 4}`, 'odd "name"\\'],
        },
      };
    }),
  );
});
afterAll(async () => {
  await fixture.close();
});

const report = (request: AccessReportRequest): Promise<AccessReport> =>
  fixture.search.accessReport(WHOLE_SCOPE, request);

async function pages(request: AccessReportRequest): Promise<readonly AccessReport[]> {
  const found: AccessReport[] = [await report({ ...request, limit: 10 })];
  for (let next = found[0]!.next; next !== null; next = found.at(-1)!.next)
    found.push(await report({ ...request, limit: 10, cursor: next }));
  return found;
}

describe("access report", () => {
  it("names every access to data of a class, and each credential's sums agree with them", async () => {
    const found = await pages({ data_class: "restricted" });
    const entries = found.flatMap((page) => page.entries);
    expect(entries).toHaveLength(fixture.stored.filter(({ record }) => record.data_class === "restricted").length);
    expect(entries.map(({ timestamp }) => timestamp)).toEqual(
      entries
        .map(({ timestamp }) => timestamp)
        .toSorted()
        .reverse(),
    );
    expect(new Set(entries.map(({ kind }) => kind))).toEqual(new Set(["read", "changed", "other"]));
    const [first, ...others] = found;
    expect(others.flatMap(({ lines }) => lines)).toEqual([]);
    for (const line of first!.lines) {
      const own = entries.filter(
        (entry) =>
          entry.kind === line.kind &&
          entry.service_id === line.service_id &&
          entry.credential_id === line.credential_id &&
          entry.auth_subject === line.auth_subject,
      );
      const calls = own.map(({ tree, leaf_index: index }) => {
        const row = fixture.stored.find((stored) => stored.tree === tree && stored.leaf_index === index);
        return row!.call_id;
      });
      expect(line.calls).toBe(new Set(calls).size);
      expect(line.denied).toBeLessThanOrEqual(line.calls);
      expect(Date.parse(line.last)).toBeGreaterThanOrEqual(Date.parse(line.first));
    }
  });

  it("is about a category, a person, both, and a time", async () => {
    const count = async (request: AccessReportRequest) => (await pages(request)).flatMap((page) => page.entries).length;
    const { stored } = fixture;
    expect(await count({ data_category: "phi" })).toBe(14);
    expect(await count({ subject_ref: 'odd "name"\\' })).toBe(stored.length);
    const both = stored.filter(
      ({ record }) => record.subject_refs![0] === "user-0" && record.data_class === "restricted",
    );
    expect(await count({ subject_ref: "user-0", data_class: "restricted" })).toBe(both.length);
    expect(await count({ subject_ref: "user-0", to: "1971-01-01" })).toBe(0);
    expect(await count({ subject_ref: "user" })).toBe(0);
  });

  it("names who opened sealed bodies of such records", async () => {
    const of = fixture.stored.find(({ record }) => record.data_class === "restricted")!;
    const other = fixture.stored.find(({ record }) => record.data_class === "public")!;
    const [sample] = fc.sample(storedRecords(1), { numRuns: 1, seed: 8 })[0]!;
    const access = (payloads: string, principal = "tallystick"): StoredRecord => ({
      ...sample!,
      tree: "access/2026-11",
      observed: { ...sample!.observed, principal },
      record: {
        ...sample!.record,
        event_type: "ACCESS",
        auth_subject: "user:ada",
        client_address: "10.1.2.3",
        attributes: { "access.payloads": payloads, "access.reason": "case 17" },
      },
    });
    const place = `${of.tree}:${of.leaf_index}/request`;
    const foreign = `${other.tree}:${other.leaf_index}/response`;
    await fixture.insert([access(`${foreign} ${place}`), access(foreign), access(place, "key:shop")]);
    const { opened } = await report({ data_class: "restricted" });
    expect(opened).toEqual([
      {
        timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        auth_subject: "user:ada",
        client_address: "10.1.2.3",
        reason: "case 17",
        payloads: [place],
      },
    ]);
  });

  it("about nothing, and about a class that there is not, is refused", async () => {
    await expect(report({})).rejects.toMatchObject({ code: "bad_request" });
    await expect(report({ data_class: "secret" })).rejects.toMatchObject({ code: "bad_request" });
  });
});
