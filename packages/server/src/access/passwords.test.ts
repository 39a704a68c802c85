import { describe, expect, it } from "vitest";

import { seededBytes } from "../journal/memory-journal.ts";
import { MAX_WAITING_PASSWORD_CHECKS } from "./limits.ts";
import { Passwords } from "./passwords.ts";

const CHEAP = { logN: 4, r: 8, p: 1 };
const pepper = (fill: number) => () => Promise.resolve(new Uint8Array(32).fill(fill));
const passwords = new Passwords(pepper(1), seededBytes("passwords"), CHEAP);
const PASSWORD = "correct horse battery staple";

describe("a password", () => {
  it("fits what was stored of it, and nothing else does", async () => {
    const stored = await passwords.stored(PASSWORD);
    expect(stored).not.toContain(PASSWORD);
    expect(await passwords.fits(PASSWORD, stored)).toBe(true);
    for (const wrong of ["", `${PASSWORD} `, PASSWORD.toUpperCase(), "x".repeat(100_000)])
      expect(await passwords.fits(wrong, stored)).toBe(false);
    expect(await passwords.fits(PASSWORD, null)).toBe(false);
    expect(await passwords.fits(PASSWORD, "scrypt$4$8$1$short$short")).toBe(false);
  });

  it("is stored differently each time, and what is stored is worth nothing without the folder's key", async () => {
    const stored = await passwords.stored(PASSWORD);
    expect(await passwords.stored(PASSWORD)).not.toBe(stored);
    expect(await new Passwords(pepper(2), seededBytes("other"), CHEAP).fits(PASSWORD, stored)).toBe(false);
  });

  it("is the same however its characters are composed", async () => {
    expect(await passwords.fits("Zoe\u0308 likes tally sticks", await passwords.stored("Zoë likes tally sticks"))).toBe(
      true,
    );
  });

  it.each([
    ["too short", "short"],
    ["too long", "x".repeat(1_025)],
  ])("is refused when it is %s", async (_, wrong) => {
    await expect(passwords.stored(wrong)).rejects.toMatchObject({ code: "bad_request" });
  });
});

it("a flood of checks waits in a bounded queue and is then refused", async () => {
  const stored = await passwords.stored(PASSWORD);
  const checks = Array.from({ length: MAX_WAITING_PASSWORD_CHECKS * 2 }, () => passwords.fits(PASSWORD, stored));
  const outcomes = await Promise.allSettled(checks);
  expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(MAX_WAITING_PASSWORD_CHECKS);
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused.length).toBeGreaterThan(0);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: "rate_limited" });
  expect(await passwords.fits(PASSWORD, stored)).toBe(true);
});
