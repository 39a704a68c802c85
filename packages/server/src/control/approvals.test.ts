import { describe, expect, it } from "vitest";

import { memoryJournal, seededBytes } from "../journal/memory-journal.ts";
import { manualClock } from "../manual-clock.ts";
import { APPROVABLE_ACTIONS } from "./approval.ts";
import type { ApprovalRules, Proposal } from "./approval.ts";
import { openControl } from "./control-log.ts";
import { APPROVAL_LIFETIME_US, MAX_APPROVAL_TEXT_LENGTH } from "./limits.ts";

const proposal: Proposal = {
  action: "erase",
  target: "subject user-17",
  reason: "request 4711 under Art. 17",
  details: { subject: "user-17" },
};
const reader = { role: "admin", service: null, relay: null, log: "default" } as const;

async function opened(rules?: ApprovalRules) {
  const clock = manualClock();
  const journal = await memoryJournal({ clock });
  const random = seededBytes("approvals");
  const again = () => openControl({ journal, clock, random }, rules);
  return { clock, journal, again, control: await again() };
}

describe("a proposal", () => {
  it("needs nobody else while there is one administrator, and is a record all the same", async () => {
    const { control, again, journal } = await opened();
    const approval = await control.approvals.propose("admin", proposal);
    expect(approval).toMatchObject({ ...proposal, state: "approved", proposedBy: "admin", decidedBy: null });
    expect(journal.trees()[0]!.size).toBe(2);
    // A crash between the decision and the deed: the next start finds what is still to be done.
    const after = await again();
    expect(after.approvals.approvals()).toEqual([approval]);
    await after.approvals.finish(approval.id, "done", "12 bodies erased");
    const done = (await again()).approvals.approval(approval.id);
    expect(done).toMatchObject({ state: "done", outcome: "12 bodies erased" });
    await expect(after.approvals.finish(approval.id, "done", "again")).rejects.toMatchObject({ code: "not_pending" });
  });

  it("waits for a second administrator, and never for who proposed it", async () => {
    const { control, again } = await opened();
    await control.createKey("admin", { ...reader, name: "second" });
    const { id, state } = await control.approvals.propose("admin", proposal);
    expect(state).toBe("pending");
    await expect(control.approvals.decide("admin", id, "approved")).rejects.toMatchObject({ code: "forbidden" });
    await expect(control.approvals.decide("key:orders", id, "approved")).rejects.toMatchObject({ code: "forbidden" });
    await expect(control.approvals.finish(id, "done", "sneaked")).rejects.toMatchObject({ code: "not_pending" });
    const decided = await control.approvals.decide("key:second", id, "approved");
    expect(decided).toMatchObject({ state: "approved", decidedBy: "key:second" });
    await expect(control.approvals.decide("key:second", id, "rejected")).rejects.toMatchObject({ code: "not_pending" });
    expect((await again()).approvals.approval(id)).toEqual(decided);
  });

  it("can be taken back by who made it, and is void when nobody decides", async () => {
    const { control, clock, again } = await opened({ mode: "always", actions: APPROVABLE_ACTIONS });
    const first = await control.approvals.propose("admin", proposal);
    expect(await control.approvals.decide("admin", first.id, "rejected")).toMatchObject({ state: "rejected" });
    const second = await control.approvals.propose("admin", proposal);
    clock.advance(APPROVAL_LIFETIME_US / 1_000);
    const late = await again();
    expect(late.approvals.approval(second.id)?.state).toBe("expired");
    await expect(late.approvals.decide("key:x", second.id, "approved")).rejects.toMatchObject({ code: "not_pending" });
  });

  it.each<[string, ApprovalRules]>([
    ["never", { mode: "never", actions: APPROVABLE_ACTIONS }],
    ["not for this action", { mode: "always", actions: ["release_hold"] }],
  ])("needs nobody else where the configuration says %s", async (_, rules) => {
    const { control } = await opened(rules);
    await control.createKey("admin", { ...reader, name: "second" });
    expect((await control.approvals.propose("admin", proposal)).state).toBe("approved");
  });

  it("without a reason, or with endless words, is refused and recorded nowhere", async () => {
    const { control, journal } = await opened();
    for (const wrong of [{ reason: " " }, { target: "x".repeat(MAX_APPROVAL_TEXT_LENGTH + 1) }])
      await expect(control.approvals.propose("admin", { ...proposal, ...wrong })).rejects.toMatchObject({
        code: "bad_request",
      });
    expect(journal.trees()).toEqual([]);
    await expect(control.approvals.decide("admin", "approval_0", "approved")).rejects.toMatchObject({
      code: "not_found",
    });
  });
});
