import { expect, it } from "vitest";

import { seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { MAX_LOGIN_LINKS, MAX_SESSIONS } from "./limits.ts";
import { memorySessions } from "./sessions.ts";
import type { SessionTimes } from "./sessions.ts";
import { failureThrottle } from "./throttle.ts";

const MINUTE_MS = 60_000;
const ADMIN = { kind: "admin" } as const;

function open(times: Partial<SessionTimes> = {}) {
  const clock = manualClock();
  return {
    clock,
    sessions: memorySessions(clock, seededBytes("sessions"), {
      sessionMs: 60 * MINUTE_MS,
      idleMs: 60 * MINUTE_MS,
      linkMs: MINUTE_MS,
      ...times,
    }),
  };
}

it("a login link works once", () => {
  const { sessions } = open();
  const { token } = sessions.makeLink(ADMIN);
  const redeemed = sessions.redeem(token, "10.0.0.1");
  expect(sessions.session(redeemed!.token)?.subject).toEqual(ADMIN);
  expect(sessions.redeem(token, "10.0.0.1")).toBeNull();
  expect(sessions.session(token)).toBeNull();
});

it("links and sessions end with their time, and a session at logout", () => {
  const { clock, sessions } = open();
  const late = sessions.makeLink(ADMIN).token;
  const used = sessions.redeem(sessions.makeLink(ADMIN).token, "10.0.0.1")!.token;
  const left = sessions.redeem(sessions.makeLink(ADMIN).token, "10.0.0.1")!.token;
  sessions.end(left);
  expect(sessions.session(left)).toBeNull();
  clock.advance(MINUTE_MS);
  expect(sessions.redeem(late, "10.0.0.1")).toBeNull();
  clock.advance(58 * MINUTE_MS);
  expect(sessions.session(used)).not.toBeNull();
  clock.advance(MINUTE_MS);
  expect(sessions.session(used)).toBeNull();
});

it("a session ends when it is not used, and when it is revoked by its id", () => {
  const { clock, sessions } = open({ idleMs: 10 * MINUTE_MS });
  const begun = (name: string) => sessions.begin({ kind: "user", name }, "password", "10.0.0.1");
  const [used, idle, revoked] = [begun("ada"), begun("bob"), begun("eve")];
  expect(sessions.revoke(revoked.session.id)).toBe(true);
  expect(sessions.revoke(revoked.session.id)).toBe(false);
  expect(sessions.session(revoked.token)).toBeNull();
  clock.advance(9 * MINUTE_MS);
  expect(sessions.session(used.token)).not.toBeNull();
  clock.advance(2 * MINUTE_MS);
  expect(sessions.sessions().map(({ id }) => id)).toEqual([used.session.id]);
  expect(sessions.session(idle.token)).toBeNull();
  expect(sessions.session(used.token)?.subject).toEqual({ kind: "user", name: "ada" });
});

it("there are never more than the bounds: the oldest give way", () => {
  const { sessions } = open();
  const first = sessions.makeLink(ADMIN).token;
  const session = sessions.redeem(sessions.makeLink(ADMIN).token, "10.0.0.1")!.token;
  for (let made = 0; made < MAX_LOGIN_LINKS; made++) sessions.makeLink(ADMIN);
  expect(sessions.redeem(first, "10.0.0.1")).toBeNull();
  for (let made = 0; made < MAX_SESSIONS; made++) sessions.redeem(sessions.makeLink(ADMIN).token, "10.0.0.1");
  expect(sessions.session(session)).toBeNull();
});

it("failures beyond the allowance of a minute have to wait, address by address", () => {
  const clock = manualClock();
  const throttle = failureThrottle(clock, 3);
  for (let failure = 0; failure < 3; failure++) expect(throttle.failed("10.0.0.1")).toBeNull();
  expect(throttle.failed("10.0.0.1")).toBe(60);
  expect(throttle.failed("10.0.0.2")).toBeNull();
  clock.advance(59_500);
  expect(throttle.failed("10.0.0.1")).toBe(1);
  clock.advance(500);
  expect(throttle.failed("10.0.0.1")).toBeNull();
});

it("whoever has used up the allowance waits before the next attempt, which counts nothing", () => {
  const clock = manualClock();
  const throttle = failureThrottle(clock, 2, 5 * MINUTE_MS);
  expect(throttle.waitS("ada")).toBeNull();
  throttle.failed("ada");
  expect(throttle.waitS("ada")).toBeNull();
  throttle.failed("ada");
  expect(throttle.waitS("ada")).toBe(300);
  expect(throttle.waitS("bob")).toBeNull();
  clock.advance(5 * MINUTE_MS);
  expect(throttle.waitS("ada")).toBeNull();
});
