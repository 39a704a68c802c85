/** Records found by the network in which an address of theirs lies, in the engine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openTemporaryIndex } from "../index/engine/temporary-index.ts";
import type { TemporaryIndex } from "../index/engine/temporary-index.ts";
import { sampleEntry } from "../index/sample.contract.ts";
import { NO_CALL_NAMES } from "./call-names.ts";
import { WHOLE_SCOPE } from "./scope.ts";
import { Search } from "./search.ts";

const NETWORKS = {
  office: ["10.1.0.0/16", "2001:db8:1::/48"],
  cluster: ["10.0.0.0/8", "192.0.2.7"],
};
/** Source address, peer address, and the networks of both. */
const ROWS = [
  ["10.1.2.3", "10.2.0.1", "office", "cluster"],
  ["::ffff:10.1.2.3", "::FFFF:10.2.0.1", "office", "cluster"],
  ["2001:db8:1::5", "2001:db8:2::5", "office", ""],
  ["192.0.2.7", "192.0.2.8", "cluster", ""],
  ["local", "10.1.0.0.evil", "", ""],
  ["10.1.2", undefined, "", ""],
] as const;

let index: TemporaryIndex;
let search: Search;

beforeAll(async () => {
  index = await openTemporaryIndex();
  const entries = ROWS.map(([source, peer], place) => {
    const { record, observed } = sampleEntry(place, peer === undefined ? {} : { peer_address: peer });
    return { record, observed: { ...observed, source_address: source } };
  });
  await index.add("default/2026-11", entries);
  search = over(NETWORKS);
});
afterAll(() => index.close());

function over(networks: Readonly<Record<string, readonly string[]>>): Search {
  const { reader, follower } = index.index;
  const clock = { nowUs: () => Date.UTC(2026, 10, 26) * 1_000, monotonicMs: () => 0, after: () => () => undefined };
  return new Search({ reader, follower, clock, names: () => ({ ...NO_CALL_NAMES, networks }) });
}

const found = async (q: string): Promise<readonly number[]> => {
  const { records } = await search.search(WHOLE_SCOPE, { q, order: "oldest" });
  return records.map(({ leaf_index: place }) => place).toSorted((one, other) => one - other);
};
const rows = (wanted: (row: (typeof ROWS)[number]) => boolean) =>
  ROWS.flatMap((row, place) => (wanted(row) ? [place] : []));

describe("a network", () => {
  it.each([
    ["source_network:office", rows(([, , source]) => source === "office")],
    ["peer_network:cluster", rows(([, , , peer]) => peer === "cluster")],
    ["source_network:(office OR cluster)", rows(([, , source]) => source !== "")],
    ["source_network:*", rows(([, , source]) => source !== "")],
    ["source_network:off*", rows(([, , source]) => source === "office")],
    ["_exists_:peer_network", rows(([, , , peer]) => peer !== "")],
    ["-source_network:office", rows(([, , source]) => source !== "office")],
    ["source_network:Office", []],
    ["source_network:nowhere", []],
    ["client_network:*", []],
    ["source_network:office peer_network:cluster", rows(([, , ...both]) => both.join() === "office,cluster")],
  ])("%s", async (query, expected) => {
    expect(await found(query)).toEqual(expected);
  });

  it("is a facet, and the most specific stands first by the order of the configuration", async () => {
    const { facets } = await search.facets(WHOLE_SCOPE, { q: "*", fields: ["source_network", "peer_network"] });
    expect(facets).toEqual([
      {
        field: "source_network",
        values: [
          { value: "office", count: 3 },
          { value: "cluster", count: 1 },
        ],
        more: false,
      },
      { field: "peer_network", values: [{ value: "cluster", count: 2 }], more: false },
    ]);
  });

  it("has no order, and is nothing where none is named", async () => {
    await expect(found("source_network:[a TO z]")).rejects.toMatchObject({ code: "query_syntax" });
    const { records } = await over({}).search(WHOLE_SCOPE, { q: "_exists_:source_network" });
    expect(records).toEqual([]);
  });
});
