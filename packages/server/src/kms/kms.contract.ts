/**
 * What every KMS must do, whoever makes it. A new one (Vault Transit, AWS KMS) passes this suite unchanged: it gives a
 * place where keys can live, and says how to open it again.
 */
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { memoryDisk } from "../disk/memory-disk.ts";
import { isTallystickError } from "../errors.ts";
import { manualClock } from "../manual-clock.ts";
import { checkKeys, openKeyring } from "./keyring.ts";
import type { Kms } from "./kms.ts";

/** One place where a KMS keeps its keys. */
export interface KmsBench {
  /** As a process that starts; `create` at the first start only. */
  open(options: { readonly create: boolean }): Promise<Kms>;
  /** Makes the KMS unable to answer, or null where it cannot happen. */
  readonly cut: (() => Promise<void>) | null;
  mend(): Promise<void>;
  /** Removes a key as its administrator would, for good; null where there is no such way. */
  readonly destroy: ((keyId: string) => Promise<void>) | null;
  remove(): Promise<void>;
}

const refused = (error: unknown): boolean => isTallystickError(error, "key_unavailable");
const unreachable = (error: unknown): boolean => isTallystickError(error, "kms_unreachable") && !error.fatal;

export function kmsContract(name: string, makeBench: () => Promise<KmsBench>): void {
  describe(`${name} kms`, () => {
    let bench: KmsBench;
    beforeAll(async () => {
      bench = await makeBench();
      await (await bench.open({ create: true })).close();
    });
    afterAll(() => bench.remove());

    const opened = async <Result>(work: (kms: Kms) => Promise<Result>): Promise<Result> => {
      const kms = await bench.open({ create: false });
      try {
        return await work(kms);
      } finally {
        await kms.close();
      }
    };
    const plain = randomBytes(32);

    test("what one process wraps, the next one opens, under the name that wrapped it", async () => {
      const { wrapped, keyId } = await opened(async (kms) => ({
        wrapped: await kms.wrap(plain, "context"),
        keyId: kms.keyId,
      }));
      expect(keyId).toMatch(/^[a-z0-9]+:[\x21-\x7e]{1,200}$/);
      await opened(async (kms) => {
        expect(kms.keyId).toBe(keyId);
        expect(Buffer.compare(await kms.unwrap(wrapped, "context", keyId), plain)).toBe(0);
      });
    });

    test("the same key wrapped twice looks different, and neither holds it in clear", async () => {
      await opened(async (kms) => {
        const [one, other] = [await kms.wrap(plain, "context"), await kms.wrap(plain, "context")];
        expect(Buffer.compare(one, other)).not.toBe(0);
        for (const wrapped of [one, other]) expect(Buffer.from(wrapped).includes(plain)).toBe(false);
      });
    });

    test("a wrapped key opens under no other context or key, and with no bit changed", async () => {
      await opened(async (kms) => {
        const wrapped = await kms.wrap(plain, "context");
        await expect(kms.unwrap(wrapped, "other", kms.keyId)).rejects.toSatisfy(refused);
        await expect(kms.unwrap(wrapped, "context", `${kms.keyId}0`)).rejects.toSatisfy(refused);
        for (let at = 0; at < wrapped.length; at += 1) {
          const changed = Uint8Array.from(wrapped);
          changed[at]! ^= 1 << (at % 8);
          await expect(kms.unwrap(changed, "context", kms.keyId), `byte ${at}`).rejects.toSatisfy(refused);
        }
        for (const short of [0, 1, 28, wrapped.length - 1])
          await expect(kms.unwrap(wrapped.subarray(0, short), "context", kms.keyId)).rejects.toSatisfy(refused);
      });
    });

    test("many calls at a time get each their own answer", async () => {
      await opened(async (kms) => {
        const many = Array.from({ length: 20 }, () => randomBytes(32));
        const wrapped = await Promise.all(many.map((one, at) => kms.wrap(one, `context ${at}`)));
        const back = await Promise.all(wrapped.map((one, at) => kms.unwrap(one, `context ${at}`, kms.keyId)));
        for (const [at, one] of many.entries()) expect(Buffer.compare(back[at]!, one)).toBe(0);
      });
    });

    test("a rotated KMS wraps under a new key and opens the old, also after a restart", async () => {
      await opened(async (kms) => {
        const before = { keyId: kms.keyId, wrapped: await kms.wrap(plain, "context") };
        await kms.rotate();
        expect(kms.keyId).not.toBe(before.keyId);
        const after = { keyId: kms.keyId, wrapped: await kms.wrap(plain, "context") };
        await opened(async (next) => {
          expect(next.keyId).toBe(after.keyId);
          for (const { keyId, wrapped } of [before, after])
            expect(Buffer.compare(await next.unwrap(wrapped, "context", keyId), plain)).toBe(0);
        });
        await kms.retire();
        await opened(async (next) => {
          expect(Buffer.compare(await next.unwrap(after.wrapped, "context", after.keyId), plain)).toBe(0);
        });
      });
    });

    test("another process that has the KMS open knows a key that was made since", async () => {
      await opened((one) =>
        opened(async (other) => {
          await one.rotate();
          const wrapped = await one.wrap(plain, "context");
          expect(Buffer.compare(await other.unwrap(wrapped, "context", one.keyId), plain)).toBe(0);
          await one.retire();
        }),
      );
    });

    test("a keyring rotates over it: every file is under the new key, and every key is what it was", async () => {
      await opened(async (kms) => {
        const options = { disk: memoryDisk(), folder: "/keys", kms, clock: manualClock(), randomBytes };
        const names = ["integrity", "index", "epoch.default.2026-11"];
        const ring = openKeyring(options);
        const keys = await Promise.all(names.map((one) => ring.key(one)));
        await ring.signer();
        const before = kms.keyId;
        expect(await ring.rotate()).toEqual({ before, kms: kms.keyId, keys: 4 });
        expect(kms.keyId).not.toBe(before);
        expect(await checkKeys(options.disk, "/keys", kms)).toEqual([]);
        for (const file of await options.disk.list("/keys")) {
          const text = Buffer.from((await options.disk.readFile(`/keys/${file}`))!).toString();
          expect(text).toContain(kms.keyId);
        }
        const again = openKeyring(options);
        for (const [at, one] of names.entries()) expect(await again.existing(one)).toEqual(keys[at]);
        expect(await again.rewrap()).toMatchObject({ kms: kms.keyId, keys: 0 });
      });
    });

    test("cut off, it says so, what is unlocked goes on, and it works again when it is back", async () => {
      if (bench.cut === null) return;
      await opened(async (kms) => {
        const ring = openKeyring({ disk: memoryDisk(), folder: "/keys", kms, clock: manualClock(), randomBytes });
        const unlocked = await ring.key("index");
        await bench.cut!();
        await expect(bench.open({ create: false })).rejects.toSatisfy(unreachable);
        await expect(ring.key("redaction")).rejects.toSatisfy(unreachable);
        expect(await ring.key("index")).toEqual(unlocked);
        await bench.mend();
        expect(await ring.key("redaction")).toHaveLength(32);
      });
    });

    test("what was wrapped under a key that its administrator destroyed opens no more", async () => {
      if (bench.destroy === null) return;
      await opened(async (kms) => {
        const wrapped = await kms.wrap(plain, "context");
        const gone = kms.keyId;
        await kms.rotate();
        await kms.retire();
        await bench.destroy!(gone);
        await expect(kms.unwrap(wrapped, "context", gone)).rejects.toSatisfy(refused);
        await opened((next) => expect(next.unwrap(wrapped, "context", gone)).rejects.toSatisfy(refused));
      });
    });
  });
}
