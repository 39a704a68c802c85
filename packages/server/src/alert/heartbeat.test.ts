import { expect, it } from "vitest";

import { manualClock } from "../manual-clock.ts";
import { Heartbeat } from "./heartbeat.ts";

it("the word goes out while every part works, stays out while one stands still, and both are told", async () => {
  const clock = manualClock();
  const troubles: string[] = [];
  let posted = 0;
  let workedAtUs = clock.nowUs();
  let status = 200;
  const heartbeat = new Heartbeat({
    clock,
    everyMs: 60_000,
    url: () => Promise.resolve("https://deadman.example.com/ping"),
    post: async () => {
      posted += 1;
      return { status, retryAfterS: null };
    },
    pulses: [{ part: "rules", atUs: () => workedAtUs }],
    onTrouble: (message) => troubles.push(message),
  });
  const beat = async (): Promise<void> => {
    clock.advance(60_000);
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  await beat();
  expect([posted, heartbeat.toldAtUs(), heartbeat.still()]).toEqual([1, clock.nowUs(), []]);
  for (let minute = 0; minute < 4; minute++) await beat();
  expect([posted, heartbeat.still()]).toEqual([3, ["rules"]]);
  expect(troubles.at(-1)).toContain("rules stands still");
  workedAtUs = clock.nowUs();
  status = 500;
  await beat();
  expect([posted, troubles.at(-1)]).toEqual([4, "the heartbeat was answered 500"]);
  await heartbeat.close();
  await beat();
  expect(posted).toBe(4);
});
