/** What a stranger finds who has one verifier key and no token: the whole epoch chain, by URL. */
import { verifyServer } from "@tallystick/verify";
import type { VerifyResult } from "@tallystick/verify";
import fastify from "fastify";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { asTallystickError, problemOf, statusOf } from "./api/errors.ts";
import { SHARED_SCHEMAS } from "./api/schemas.ts";
import { treesRoutes } from "./api/trees-routes.ts";
import { DATA, FolderBench } from "./fsck/folder-bench.contract.ts";
import { faultLedger } from "./ledger/fault-ledger.ts";

let bench: FolderBench;
let trees: readonly string[];
let url: string;
/** What the server answers in place of a tree's chain leaves. */
const lies = new Map<string, Uint8Array | null>();
let app: FastifyInstance;

beforeAll(async () => {
  bench = new FolderBench({ epoch: { kind: "duration", seconds: 10 } });
  await bench.start();
  for (let epoch = 0; epoch < 3; epoch += 1) {
    await bench.append("default", 300);
    await bench.publish();
    bench.clock.advance(10_000);
  }
  await bench.append("default", 5);
  await bench.publish();
  trees = bench.journal.trees().map(({ tree }) => tree);
  const chain = async (tree: string): Promise<Uint8Array | null> =>
    lies.has(tree) ? lies.get(tree)! : bench.ledger.chain(tree);
  app = fastify();
  for (const schema of SHARED_SCHEMAS) app.addSchema(schema);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.setErrorHandler((error, _request, reply) => {
    const known = asTallystickError(error);
    return reply.code(statusOf(known.code)).send(problemOf(known));
  });
  // As route-access.ts does for who has no token.
  app.addHook("onRequest", async (request, reply) => {
    if (request.routeOptions.config.access !== "public") await reply.code(401).send();
  });
  const accesses = { answered: () => Promise.resolve() };
  treesRoutes(app, { accesses, journal: bench.journal, ledger: { ...faultLedger(bench.ledger), chain } });
  url = await app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await app.close();
  await bench.stop();
});

function check(): Promise<VerifyResult> {
  const http = { fetch, wait: () => Promise.resolve() };
  return verifyServer({ url, vkeys: [bench.ledger.verifierKey(trees.at(-1)!)], http });
}

describe("a stranger with the newest tree's key", () => {
  it("checks the chain back to the first tree", async () => {
    const result = await check();
    expect(result.faults).toEqual([]);
    expect(result.trees.map(({ tree, chain, contents }) => [tree, chain, contents])).toEqual(
      trees.map((tree) => [tree, "checked", "not checked"]),
    );
  });

  it("gets the file's own bytes, open to any page and never stale", async () => {
    const answer = await fetch(`${url}/trees/${trees[1]}/chain`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    expect(bytes).toEqual(new Uint8Array(bench.disk.files().get(`${DATA}/ledger/${trees[1]}/chain`)!));
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect((await fetch(`${url}/trees/default/2030-01/chain`)).status).toBe(404);
  });

  it("finds that a tree's chain leaves are hidden, changed or another tree's", async () => {
    const [tree, other] = [trees[2]!, trees[1]!];
    const good = (await bench.ledger.chain(tree))!;
    const cases = [
      [null, "chain_missing"],
      [good.with(30, good[30]! ^ 1), "chain_malformed"],
      [good.with(good.indexOf(0x34), 0x35), "chain_mismatch"],
      [(await bench.ledger.chain(other))!, "chain_mismatch"],
      [good.subarray(0, good.indexOf(10) + 1), "epoch_link"],
    ] as const;
    for (const [bytes, code] of cases) {
      lies.set(tree, bytes);
      const { clean, faults } = await check();
      lies.delete(tree);
      expect(clean).toBe(false);
      expect(faults.map((fault) => [fault.code, fault.tree])).toContainEqual([
        code,
        expect.stringMatching(/^default\//),
      ]);
    }
  });
});
