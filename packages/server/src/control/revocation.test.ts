import { expect, it } from "vitest";

import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { openControl } from "./control-log.ts";

const NO_TIME = { issuedBefore: null, reason: "leaked" };
const token = { issuer: "idp", jti: "t-1", subject: "orders", issuedAtS: Date.UTC(2026, 10, 25) / 1_000 };

it("revokes a token by its id, or a subject's by time, for good, and no other", async () => {
  const clock = manualClock();
  const journal = await memoryJournal({ clock });
  const parts = { journal, clock, random: seededBytes("revocation") };
  const { revocations } = await openControl(parts);
  expect(revocations.covers(token)).toBe(false);
  const iss = "https://idp.test/";
  await revocations.revoke("admin", { issuer: "idp", iss, jti: "t-1", subject: null, ...NO_TIME });
  const before = "2026-11-25T00:00:01Z";
  const bySubject = {
    issuer: "idp",
    iss,
    jti: null,
    subject: "billing",
    issuedBefore: before,
    reason: "stolen laptop",
  };
  await revocations.revoke("user:ada", bySubject);
  const cases = [
    [token, true],
    [{ ...token, issuer: "other" }, false],
    [{ ...token, jti: "t-2" }, false],
    [{ ...token, jti: null, subject: "t-1" }, false],
    [{ ...token, jti: "t-9", subject: "billing" }, true],
    [{ ...token, jti: null, subject: "billing", issuedAtS: null }, true],
    [{ ...token, jti: null, subject: "billing", issuedAtS: token.issuedAtS + 1 }, false],
  ] as const;
  const again = (await openControl(parts)).revocations;
  for (const book of [revocations, again])
    for (const [claims, isCovered] of cases) expect(book.covers(claims), JSON.stringify(claims)).toBe(isCovered);
  // An earlier time never takes back what a later one revoked.
  const earlier = await again.revoke("admin", { ...bySubject, issuedBefore: "2026-01-01T00:00:00Z" });
  expect(earlier).toMatchObject({ issuedBefore: before, revokedBy: "user:ada" });
  expect(again.list()).toHaveLength(2);
  const all = { ...bySubject, issuer: "gone", subject: null };
  await again.revoke("admin", all);
  const whole = (await openControl(parts)).revocations;
  for (const [claims, isCovered] of [
    [{ ...token, issuer: "gone", jti: "t-3" }, true],
    [{ ...token, issuer: "gone", issuedAtS: token.issuedAtS + 1 }, false],
    [{ ...token, issuer: "other", jti: "t-3" }, false],
  ] as const)
    expect(whole.covers(claims), JSON.stringify(claims)).toBe(isCovered);
  const wrong = { issuer: "idp", iss, jti: "a", subject: "b", issuedBefore: before, reason: "" };
  for (const one of [wrong, { ...wrong, subject: null }, { ...wrong, jti: null, issuedBefore: null }])
    await expect(again.revoke("admin", one)).rejects.toMatchObject({ code: "bad_request" });
  await journal.close({ seal: false });
});
