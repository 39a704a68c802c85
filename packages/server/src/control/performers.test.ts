import { expect, it } from "vitest";

import { TallystickError } from "../errors.ts";
import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { openControl } from "./control-log.ts";
import { Performers } from "./performers.ts";

const proposal = {
  action: "erase",
  target: "subject user-17",
  reason: "asked",
  details: { subject: "user-17" },
} as const;

async function opened() {
  const { approvals } = await openControl({
    journal: await memoryJournal(),
    clock: manualClock(),
    random: seededBytes("performers"),
  });
  return { approvals, performers: new Performers(approvals) };
}

it("what was approved is carried out once, at the latest by the next start", async () => {
  const { approvals, performers } = await opened();
  const approved = await approvals.propose("admin", proposal);
  expect((await performers.carryOut(approved)).state).toBe("approved");
  const done: string[] = [];
  performers.on("erase", async ({ details }) => {
    done.push(details["subject"]!);
    return "1 body erased";
  });
  await performers.resume();
  await performers.resume();
  expect(done).toEqual(["user-17"]);
  expect(approvals.approval(approved.id)).toMatchObject({ state: "done", outcome: "1 body erased" });
});

it("what cannot be done is said; what may pass by itself is tried again", async () => {
  const { approvals, performers } = await opened();
  const errors = [
    new TallystickError("disk_failed", "The disk failed.", { retryAfterS: 5 }),
    new TallystickError("not_found", "There is no such record."),
  ];
  performers.on("erase", () => Promise.reject(errors.shift()!));
  const approved = await approvals.propose("admin", proposal);
  await expect(performers.carryOut(approved)).rejects.toMatchObject({ code: "disk_failed" });
  expect(approvals.approval(approved.id)?.state).toBe("approved");
  await expect(performers.carryOut(approved)).rejects.toMatchObject({ code: "not_found" });
  expect(approvals.approval(approved.id)).toMatchObject({ state: "failed", outcome: "There is no such record." });
});
