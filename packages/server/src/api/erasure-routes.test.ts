import { createHash } from "node:crypto";
import { cp, rm } from "node:fs/promises";

import type { AuditRecord, Observed } from "@tallystick/record";
import { erasedPlaces, verifyProof } from "@tallystick/verify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { nodeDisk } from "../disk/node-disk.ts";
import { verifyFolder } from "../fsck/verify-folder.ts";
import type { FolderVerifyResult } from "../fsck/verify-folder.ts";
import { openFileKms } from "../kms/file-kms.ts";
import { startTestServer, temporaryFolder, withEngine } from "../machine.contract.ts";
import type { TestServer } from "../machine.contract.ts";
import { realClock } from "../real-clock.ts";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: TestServer;
let tree: string;

const call = {
  timestamp: "2026-11-26T08:00:00Z",
  event_type: "API_CALL",
  service_id: "shop",
  target_id: "pay",
  status: "success",
};
const about = (subject: string, request: string, more: object = {}) => ({
  ...call,
  subject_refs: [subject],
  request_body: request,
  ...more,
});

/** Nothing else writes records that quote the others, so that what is erased can be counted. */
const QUIET = "detectors: {enabled: false}\nrules: {enabled: false}\n";

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startTestServer(`${folder.path}/data`, QUIET, withEngine());
  const twin = { id: "00000000-0000-8000-8000-0000000000aa", request_body: "shared" };
  ({ tree } = await post<{ tree: string }>("/v1/records", [
    about("ann", "ann 1", { response_body: "answer 1" }),
    about("bob", "bob 1"),
    about("ann", "ann 2"),
    { ...call, ...twin, subject_refs: ["ann"] },
    // The same record once more, with other words: both name one body.
    { ...call, ...twin, subject_refs: ["carl"] },
    about("dora", "dora 1", { response_body: "answer 2" }),
  ]));
});
afterAll(async () => {
  await server.close();
  await folder.remove();
});

interface Answer {
  readonly code?: string;
  readonly state?: string;
  readonly [field: string]: unknown;
}

async function post<Result = Answer>(path: string, body: unknown, authorization?: string): Promise<Result> {
  const response = await server.fetch(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
    ...(authorization === undefined ? {} : { authorization }),
  });
  return (await response.json()) as Result;
}

/** What takes longer than an answer may is waited for. */
async function erase(body: object): Promise<Answer> {
  let answer = await post("/api/erasures", { reason: "Art. 17", ...body });
  const ended = async () => {
    const { approvals } = (await (await server.fetch("/api/approvals")).json()) as { approvals: readonly Answer[] };
    const approval = approvals.find(({ id }) => id === answer["approval"]);
    answer = { ...answer, state: approval?.state ?? "", outcome: approval?.["outcome"] };
    return answer.state;
  };
  if (answer.state === "approved") await expect.poll(ended, { timeout: 50_000 }).not.toBe("approved");
  return answer;
}
const opened = async (index: number, part = "request"): Promise<string> => {
  const response = await server.fetch(`/api/records/${tree}/${index}/payload?part=${part}&reason=test`);
  const { text, code } = (await response.json()) as { text?: string; code?: string };
  return text ?? code ?? "";
};
const recordAt = async (index: number): Promise<AuditRecord> =>
  ((await (await server.fetch(`/api/records/${tree}/${index}`)).json()) as { record: AuditRecord }).record;

interface Proven {
  readonly leaf_index: number;
  readonly record: AuditRecord;
  readonly observed: { readonly erased?: string };
  readonly leaf: string;
  readonly proof: string | null;
}
const proven = async (index: number): Promise<Proven> =>
  (await (await server.fetch(`/api/records/${tree}/${index}`)).json()) as Proven;

async function found(q: string): Promise<number> {
  const [query = "", ...more] = q.split("&");
  const answer = await (await server.fetch(`/api/search?q=${[encodeURIComponent(query), ...more].join("&")}`)).json();
  return (answer as { records: readonly unknown[] }).records.length;
}

async function verified(dataFolder: string): Promise<FolderVerifyResult> {
  const disk = nodeDisk();
  const random = (): never => {
    throw new Error("verification makes no keys");
  };
  const kms = await openFileKms(disk, `${dataFolder}/kms.key`, random);
  return verifyFolder({ dataFolder, disk, clock: realClock(), kms, integrityKey: null });
}

describe("erasure", () => {
  it("counts first and changes nothing", async () => {
    expect(await erase({ subject: "ann", dry_run: true })).toMatchObject({
      state: "dry_run",
      records: 4,
      bodies: 5,
      leaves: 0,
      already_erased: 0,
      approval: null,
    });
    expect(await opened(1)).toBe("ann 1");
    expect(await post("/api/erasures", { subject: "nobody", reason: "x" })).toMatchObject({ code: "not_found" });
  });

  it.each<[string, object, string]>([
    ["nothing", {}, "bad_request"],
    ["two things", { subject: "a", records: ["default/2026-11/1"] }, "bad_request"],
    ["no record", { records: ["default/1999-01/1"] }, "not_found"],
    ["a path", { records: ["../../etc/passwd"] }, "not_found"],
    ["without a reason", { subject: "ann", reason: " " }, "bad_request"],
    ["parts of a subject", { subject: "ann", parts: ["request"] }, "bad_request"],
  ])("is refused for %s", async (_, body, code) => {
    expect(await erase(body)).toMatchObject({ code });
  });

  it("of one record's part leaves its other body", async () => {
    expect(await erase({ records: [`${tree}/6`], parts: ["response"] })).toMatchObject({ state: "done", bodies: 1 });
    expect(await opened(6)).toBe("dora 1");
    expect(await opened(6, "response")).toBe("payload_erased");
  });

  it("of a person takes all bodies, says so in the log, and leaves records and proofs", async () => {
    const before = await recordAt(1);
    const answer = await erase({ subject: "ann", reason: "request 4711, token=abcdefghijkl" });
    expect(answer).toMatchObject({ state: "done", bodies: 5, outcome: "5 bodies of 4 records erased" });
    expect(await Promise.all([1, 3, 4, 5].map((index) => opened(index)))).toEqual(Array(4).fill("payload_erased"));
    expect(await opened(1, "response")).toBe("payload_erased");
    expect(await opened(2)).toBe("bob 1");
    expect(await recordAt(1)).toEqual(before);
    const stored = (await (await server.fetch(`/api/records/${tree}/8`)).json()) as {
      record: AuditRecord;
      observed: Observed;
    };
    expect(stored.record).toMatchObject({
      event_type: "ERASURE",
      auth_subject: "admin",
      resource: "subject ann",
      attributes: { "tallystick.erasure_reason": "request 4711, token=[redacted:secret]" },
    });
    const places = erasedPlaces(stored.record, stored.observed).map(
      ({ leaf_index: index, what }) => `${index}/${what}`,
    );
    expect(places).toEqual(["1/request", "1/response", "3/request", "4/request", "5/request"]);
    expect(await erase({ subject: "ann", dry_run: true })).toMatchObject({ bodies: 0, already_erased: 5 });
    const { erasures } = (await (await server.fetch("/api/erasures")).json()) as { erasures: readonly Answer[] };
    expect(erasures.map(({ target, bodies }) => [target, bodies])).toEqual([
      [`response body of ${tree}/6`, 1],
      ["subject ann", 5],
    ]);
  });

  it(
    "of a record itself leaves its hash and place, and takes it out of segment, search and map",
    { timeout: 120_000 },
    async () => {
      const numbered = (number: number) => ({ producer_id: "p7", producer_epoch: "e", producer_seq: number });
      const slipped = { service_id: "Ann Example", operation: "GET /reset/xK8wq", resource: "/ann" };
      const stored = await post<{ tree: string; first_index: number }>("/v1/records", [
        { ...call, ...numbered(0) },
        { ...call, ...slipped, ...numbered(1), request_body: "hello" },
        { ...call, ...numbered(2) },
      ]);
      const { tree: of, first_index: first } = stored;
      const index = first + 1;
      await expect.poll(() => found("reset"), { timeout: 10_000 }).toBe(1);
      const before = await proven(index);
      expect(await erase({ records: [`${of}/${index}`], leaf: true, parts: ["request"] })).toMatchObject({
        code: "bad_request",
      });
      expect(await erase({ records: [`${of}/0`], leaf: true })).toMatchObject({ code: "bad_request" });
      expect(await erase({ records: [`${of}/${index}`], leaf: true })).toMatchObject({
        state: "done",
        outcome: "1 body and 1 leaf of 1 record erased",
      });
      expect(await found("reset")).toBe(0);
      expect(await found('service_id:"Ann Example"')).toBe(0);
      expect(await found("subject_refs:dora")).toBe(1);
      const after = await proven(index);
      const leafHash = createHash("sha256").update(Uint8Array.of(0)).update(before.leaf).digest("hex");
      expect(after.observed.erased).toBe(leafHash);
      const [{ vkey } = { vkey: "" }] = (
        (await (await server.fetch("/api/trees")).json()) as { vkey: string }[]
      ).filter((one) => (one as unknown as { tree: string }).tree === tree);
      const verdict = await verifyProof({ proof: after.proof!, leaf: Buffer.from(after.leaf), vkeys: [vkey] });
      expect(verdict).toMatchObject({ faults: [], erasedLeaves: 1 });
      expect(JSON.stringify(after)).not.toMatch(/Ann Example|xK8wq|hello/);
      expect(after.record.event_type).toBe("ERASED");
      expect(await erase({ records: [`${of}/${index}`], leaf: true })).toMatchObject({ code: "payload_erased" });
      expect((await opened(index)).includes("hello")).toBe(false);
      const graph = await (await server.fetch("/api/graph")).text();
      expect(graph).not.toContain("Ann Example");
      // Its number is there, so that nobody is told of a gap.
      const produced = async () => (await (await server.fetch("/api/producers")).json()) as { producers: object[] };
      const p7 = { producer_id: "p7", principal: "admin", state: "complete", count: 3, missing: 0 };
      await expect.poll(produced, { timeout: 60_000 }).toMatchObject({ producers: [p7] });
    },
  );

  it("waits for a second administrator where there is one, and is carried out when he agrees", async () => {
    const { secret } = await post<{ secret: string }>("/api/keys", { name: "second", role: "admin" });
    const { approval, state } = await erase({ subject: "bob" });
    expect(state).toBe("pending");
    expect(await opened(2)).toBe("bob 1");
    const decided = await server.fetch(`/api/approvals/${String(approval)}/approve`, {
      method: "POST",
      authorization: `Bearer ${secret}`,
    });
    expect(decided.status).toBe(200);
    await expect.poll(() => opened(2), { timeout: 5_000 }).toBe("payload_erased");
  });

  it("holds after a restart, for a proof and for whoever asks", async () => {
    server = await server.restart();
    expect(await opened(1)).toBe("payload_erased");
    expect(await opened(6)).toBe("dora 1");
  });

  it(
    "is made again in a folder of before that is told of it, before anything is served",
    { timeout: 120_000 },
    async () => {
      const stored = await post<{ first_index: number }>("/v1/records", [
        about("eve", "eve 1"),
        { ...call, operation: "GET /slipped-in" },
      ]);
      const [body, leaf] = [stored.first_index, stored.first_index + 1];
      await server.close();
      const older = `${folder.path}/older`;
      await cp(`${folder.path}/data`, older, { recursive: true });
      server = await startTestServer(`${folder.path}/data`, "control:\n  approvals: never\n", withEngine());
      expect(await erase({ subject: "eve" })).toMatchObject({ state: "done" });
      expect(await erase({ records: [`${tree}/${leaf}`], leaf: true })).toMatchObject({ state: "done" });
      await server.close();
      await rm(`${older}/erasures`, { recursive: true });
      await cp(`${folder.path}/data/erasures`, `${older}/erasures`, { recursive: true });
      server = await startTestServer(older, "", withEngine());
      expect(await opened(body)).toBe("payload_erased");
      expect(JSON.stringify(await proven(leaf))).not.toContain("slipped-in");
      await expect
        .poll(() => found('event_type:ERASURE AND resource:"subject eve"&own=true'), { timeout: 10_000 })
        .toBe(1);
      await server.close();
      const checked = await verified(older);
      expect(checked.faults).toEqual([]);
      expect(checked.payloads).toMatchObject({ erasedLeaves: 2 });
      server = await startTestServer(`${folder.path}/data`, "", withEngine());
    },
  );
});
