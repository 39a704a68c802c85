import { createHash } from "node:crypto";

import { describe, expect, test } from "vitest";

import { inlineCompute } from "../compute/inline.ts";
import { faultDisk } from "../disk/fault-disk.ts";
import { memoryDisk } from "../disk/memory-disk.ts";
import type { MemoryDisk } from "../disk/memory-disk.ts";
import type { Disk } from "../disk/disk.ts";
import { isTallystickError } from "../errors.ts";
import { keyringOf } from "../journal/journal.contract.ts";
import { seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import type { NewBody } from "./body-tasks.ts";
import { commitmentOf } from "./payload-file.ts";
import { openPayloadStore } from "./payload-store.ts";
import type { PayloadStore } from "./payload-store.ts";

const clock = manualClock();
const FOLDER = "/tallystick/payload";
let seeds = 0;

function open(disk: Disk): Promise<PayloadStore> {
  return openPayloadStore({
    folder: FOLDER,
    disk,
    compute: inlineCompute(),
    keyring: keyringOf(disk, clock),
    clock,
    randomBytes: seededBytes(`payload ${seeds++}`),
    epochOf: () => ({ kind: "duration", seconds: 10 }),
  });
}

function body(text: string, id = text, kept: "body" | "digest" = "body"): NewBody {
  const bytes = Buffer.from(text);
  return {
    part: "request",
    facts: { content_type: "text/plain", kept, size: bytes.length },
    bytes,
    identity: digest(id),
    content: digest(text),
  };
}

const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest().subarray(0, 16);

async function put(store: PayloadStore, ...bodies: readonly NewBody[]): Promise<readonly string[]> {
  const outcome = await store.put("default", bodies);
  if (outcome.kind !== "stored") throw new Error(outcome.reason);
  return outcome.commitments;
}

const wanted = (commitment: string) => ({ commitment, receivedUs: clock.nowUs() });
const textOf = async (store: PayloadStore, commitment: string): Promise<string | null> => {
  const found = await store.find("default", wanted(commitment));
  return found === null ? null : Buffer.from(found.bytes).toString();
};

/** Everything that any key of the folder opens is in no file as it stands. */
const holds = (disk: MemoryDisk, text: string): boolean =>
  [...disk.files().values()].some((bytes) => Buffer.from(bytes).includes(text));

describe("payload store", () => {
  test("keeps bodies over epochs and restarts, sealed, and finds each by its commitment", async () => {
    const disk = memoryDisk();
    const store = await open(disk);
    const first = await put(store, body("hunter2 went up the hill ".repeat(50)), body("a short one"));
    clock.advance(11_000);
    const [proof] = await put(store, body("only its digest", "third", "digest"));
    await store.close();
    expect(holds(disk, "hunter2")).toBe(false);
    const again = await open(disk);
    expect(await textOf(again, first[0]!)).toBe("hunter2 went up the hill ".repeat(50));
    expect(await textOf(again, first[1]!)).toBe("a short one");
    const found = await again.find("default", wanted(proof!));
    expect(found).toMatchObject({ bytes: new Uint8Array(), meta: { kept: "digest" } });
    expect(commitmentOf(Buffer.from(found!.meta.salt, "hex"), Buffer.from("only its digest"))).toBe(proof);
    expect(await again.find("default", wanted("0".repeat(64)))).toBeNull();
    expect([...disk.files().keys()].filter((path) => path.startsWith(FOLDER))).toHaveLength(2);
  });

  test("a retry has the same commitment, also after a restart; other bytes and other senders have their own", async () => {
    const disk = memoryDisk();
    const store = await open(disk);
    const [[one], [same]] = await Promise.all([put(store, body("text", "id")), put(store, body("text", "id"))]);
    expect(same).toBe(one);
    await store.close();
    const again = await open(disk);
    expect(await put(again, body("text", "id"))).toEqual([one]);
    const [other, stranger] = await put(again, body("text!", "id"), body("text", "another id"));
    expect(new Set([one, other, stranger]).size).toBe(3);
    const nobody = { ...body("text"), identity: new Uint8Array() };
    const [unnamed, twice] = await put(again, nobody, nobody);
    expect(unnamed).not.toBe(twice);
    await again.close();
    // Two runs later, and asked without storing it.
    const third = await open(disk);
    const asked = [body("text", "another id"), body("text", "nobody's"), body("text?", "another id")];
    expect(await third.known("default", asked)).toEqual([stranger, null, null]);
    expect(await third.known("elsewhere", asked)).toEqual([null, null, null]);
  });

  test("an erased body is in no file and no cache, its neighbours are, and sent again it is a new one", async () => {
    const disk = memoryDisk();
    const store = await open(disk);
    const [gone, kept] = await put(store, body("gone", "1"), body("kept", "2"));
    const before = new Map([...disk.files()].map(([path, bytes]) => [path, Buffer.from(bytes)]));
    expect(await textOf(store, gone!)).toBe("gone");
    expect(await store.erase("default", [wanted(gone!), wanted("f".repeat(64))])).toEqual({
      erased: 1,
      missing: ["f".repeat(64)],
    });
    expect(await textOf(store, gone!)).toBeNull();
    expect(await textOf(store, kept!)).toBe("kept");
    // Not a byte of the old file is left: the new one is under a key of its own.
    const file = [...disk.files()].find(([path]) => path.endsWith(".pay"))!;
    expect(before.get(file[0])!.subarray(100, 132).equals(file[1].subarray(100, 132))).toBe(false);
    const [again] = await put(store, body("gone", "1"));
    expect(again).not.toBe(gone);
    await store.close();
    const reopened = await open(disk);
    expect(await textOf(reopened, gone!)).toBeNull();
    expect(await textOf(reopened, kept!)).toBe("kept");
    await reopened.erase("default", [wanted(kept!), wanted(again!)]);
    expect([...disk.files().keys()].filter((path) => path.endsWith(".pay"))).toEqual([]);
  });

  test("every write may fail: what was acknowledged is there, what was not is pushed back, and it goes on", async () => {
    for (const kind of ["not persisted", "persisted but error returned", "torn"] as const) {
      for (const write of ["createAppend", "append", "sync", "replaceFile"] as const) {
        const memory = memoryDisk();
        const disk = faultDisk(memory);
        const store = await open(disk);
        const [first] = await put(store, body("first"));
        clock.advance(11_000);
        disk.inject({ kind, write });
        const outcome = await store.put("default", [body("second")]);
        const [third] = await put(store, body("third"));
        await store.close();
        memory.crash();
        const again = await open(memory);
        expect(await textOf(again, first!), `${kind} ${write}`).toBe("first");
        expect(await textOf(again, third!), `${kind} ${write}`).toBe("third");
        if (outcome.kind === "stored") expect(await textOf(again, outcome.commitments[0]!)).toBe("second");
        await again.close();
      }
    }
  });

  test("a changed byte is never given out as a body", async () => {
    const disk = memoryDisk();
    const store = await open(disk);
    const [commitment] = await put(store, body("the body"));
    await store.close();
    const [path, bytes] = [...disk.files()].find(([name]) => name.endsWith(".pay"))!;
    const whole = Buffer.from(bytes);
    for (let at = 0; at < whole.length; at += 7) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      disk.tamper(path, changed);
      const again = await open(disk);
      const found = await textOf(again, commitment!).catch((error: unknown) => {
        expect(isTallystickError(error, "payload_damaged")).toBe(true);
        return null;
      });
      expect(found, `byte ${at}`).toBeNull();
    }
  });

  test("what does not belong there stops the start", async () => {
    const disk = memoryDisk();
    await disk.makeFolder(`${FOLDER}/default/2026-11`);
    await disk.replaceFile(`${FOLDER}/default/2026-11/notes.txt`, Buffer.from("x"));
    await expect(open(disk)).rejects.toThrow("does not belong there");
  });
});
