import { expect, it } from "vitest";

import { seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { MAX_LOGIN_LINKS, MAX_SESSIONS } from "./limits.ts";
import { memorySessions } from "./sessions.ts";
import { failureThrottle } from "./throttle.ts";

const MINUTE_MS = 60_000;

function open() {
  const clock = manualClock();
  return {
    clock,
    sessions: memorySessions(clock, seededBytes("sessions"), { sessionMs: 60 * MINUTE_MS, linkMs: MINUTE_MS }),
  };
}

it("a login link works once", () => {
  const { sessions } = open();
  const { token } = sessions.makeLink("admin");
  const redeemed = sessions.redeem(token);
  expect(sessions.session(redeemed!.token)?.name).toBe("admin");
  expect(sessions.redeem(token)).toBeNull();
  expect(sessions.session(token)).toBeNull();
});

it("links and sessions end with their time, and a session at logout", () => {
  const { clock, sessions } = open();
  const late = sessions.makeLink("admin").token;
  const used = sessions.redeem(sessions.makeLink("admin").token)!.token;
  const left = sessions.redeem(sessions.makeLink("admin").token)!.token;
  sessions.end(left);
  expect(sessions.session(left)).toBeNull();
  clock.advance(MINUTE_MS);
  expect(sessions.redeem(late)).toBeNull();
  clock.advance(58 * MINUTE_MS);
  expect(sessions.session(used)).not.toBeNull();
  clock.advance(MINUTE_MS);
  expect(sessions.session(used)).toBeNull();
});

it("there are never more than the bounds: the oldest give way", () => {
  const { sessions } = open();
  const first = sessions.makeLink("admin").token;
  const session = sessions.redeem(sessions.makeLink("admin").token)!.token;
  for (let made = 0; made < MAX_LOGIN_LINKS; made++) sessions.makeLink("admin");
  expect(sessions.redeem(first)).toBeNull();
  for (let made = 0; made < MAX_SESSIONS; made++) sessions.redeem(sessions.makeLink("admin").token);
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
