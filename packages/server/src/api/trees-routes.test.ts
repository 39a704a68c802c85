import {
  parseVerifierKey,
  rootFromTiles,
  openNote,
  parseCheckpoint,
  tilePath,
  parseEntryBundle,
  leafHash,
} from "@tallystick/tlog";
import { afterAll, beforeAll, expect, it } from "vitest";

import { startTestServer, temporaryFolder } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";

const RECORDS = 300;
const TREE = `default/${new Date().toISOString().slice(0, 7)}`;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`);
  const record = { timestamp: "2023-10-05T08:20:43Z", event_type: "API_CALL", service_id: "a", status: "success" };
  await server.fetch("/v1/records?wait=published", {
    method: "POST",
    body: JSON.stringify(Array.from({ length: RECORDS }, () => record)),
    headers: { "content-type": "application/json" },
  });
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

const get = (path: string, authorization?: string | null) =>
  server.fetch(`/trees/${TREE}/${path}`, authorization === undefined ? {} : { authorization });
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());

async function checkpoint() {
  const trees = (await (await server.fetch("/api/trees")).json()) as readonly {
    tree: string;
    vkey: string;
    origin: string;
    size: number;
  }[];
  const listed = trees.find(({ tree }) => tree === TREE)!;
  const key = parseVerifierKey(listed.vkey);
  const note = await openNote(await bytesOf(await get("checkpoint", null)), key.kind === "ok" ? [key.value] : []);
  const parsed = parseCheckpoint(note.kind === "ok" ? note.value.text : "");
  if (parsed.kind === "refused") throw new Error(parsed.reason);
  return { ...parsed.value, listed };
}

it("a stranger gets from checkpoint and hash tiles to the signed root", async () => {
  const { size, root, origin, listed } = await checkpoint();
  expect(size).toBe(RECORDS + 1);
  expect(listed).toMatchObject({ origin, size });
  const reader = {
    readTile: async (level: number, n: number, width: number) => bytesOf(await get(tilePath(level, n, width), null)),
  };
  expect(Buffer.from(await rootFromTiles(size, reader)).equals(Buffer.from(root))).toBe(true);
});

it("entry bundles hold the leaves that the tiles hash, for readers", async () => {
  const bundle = await bytesOf(await get("tile/entries/000"));
  const hashes = await bytesOf(await get("tile/0/000"));
  const entries = parseEntryBundle(bundle, 256);
  if (entries.kind === "refused") throw new Error(entries.reason);
  const leaf = bundle.subarray(entries.value.starts[7], entries.value.ends[7]);
  expect(Buffer.from(leafHash(leaf)).equals(Buffer.from(hashes.subarray(7 * 32, 8 * 32)))).toBe(true);
  expect((await get("tile/entries/000", null)).status).toBe(401);
});

it("tiles never change and say so; checkpoints do", async () => {
  const tile = await get("tile/0/000", null);
  expect(tile.headers.get("content-type")).toBe("application/octet-stream");
  expect(tile.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(tile.headers.get("access-control-allow-origin")).toBe("*");
  expect((await get("tile/entries/000")).headers.get("cache-control")).toContain("private");
  const note = await get("checkpoint", null);
  expect(note.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(note.headers.get("cache-control")).toBe("no-cache");
});

it.each([
  "tile/0/0",
  "tile/0/001",
  "tile/0/x000/000",
  "tile/0/000.p/0",
  "tile/0/001.p/200",
  "tile/9/000",
  "tile/0/..%2f..%2fkms.key",
  "tile/a/000",
])("%s is no tile of this tree", async (path) => {
  expect((await get(path)).status).toBe(404);
});

it("one record comes with its exact leaf and its place", async () => {
  const stored = (await (await server.fetch(`/api/records/${TREE}/0`)).json()) as {
    leaf: string;
    leaf_index: number;
    record: { operation: string };
  };
  expect(stored).toMatchObject({ tree: TREE, leaf_index: 0, record: { operation: "tree opened" } });
  expect(JSON.parse(stored.leaf)).toMatchObject({ record: stored.record });
  expect((await server.fetch(`/api/records/${TREE}/99999`)).status).toBe(404);
});
