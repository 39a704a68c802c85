import { formatTimestamp } from "@tallystick/record";
import type { AuditRecord } from "@tallystick/record";
import { expect, it } from "vitest";

import { ownRecordOf } from "../../journal/own-records.ts";
import type { OwnFields } from "../../journal/own-records.ts";
import { MAX_PAST_ACTIONS } from "../limits.ts";
import { actionStepFields, requestedFields } from "./action.ts";
import type { ActionStep } from "./action.ts";
import { ActionFold } from "./action-fold.ts";

const NOW_US = 1_790_000_000_000_000;
const record = (fields: OwnFields): AuditRecord => ownRecordOf("id", formatTimestamp(NOW_US), fields);

function requested(fold: ActionFold, id: string, isDryRun = false): void {
  const of = { target: { credential_id: `fp:${id}` }, reason: "stolen", lastsUs: 3_600_000_000 };
  const action = { kind: "block_credential", ...of, alertId: null, rule: null, isDryRun } as const;
  fold.take(record(requestedFields(id, "user:ada", action, null)));
}

const step = (fold: ActionFold, id: string, of: ActionStep): void =>
  fold.take(record(actionStepFields(fold.actions.get(id)!, of)));

it("what is over is listed, the newest so many, however many blocks are in force", () => {
  const fold = new ActionFold();
  for (let at = 0; at < 2 * MAX_PAST_ACTIONS; at += 1) {
    requested(fold, `block-${at}`);
    step(fold, `block-${at}`, { kind: "in force", sinceUs: NOW_US, by: "user:ada" });
  }
  step(fold, "block-7", { kind: "undone", by: "user:ada" });
  expect(fold.actions.get("block-7")).toMatchObject({ state: "undone" });
  requested(fold, "dry", true);
  expect(fold.actions.get("dry")).toMatchObject({ state: "dry_run" });
  for (let at = 0; at < MAX_PAST_ACTIONS - 1; at += 1) requested(fold, `dry-${at}`, true);
  expect([fold.actions.has("block-7"), fold.actions.has("dry")]).toEqual([false, true]);
  expect(fold.actions.size).toBe(2 * MAX_PAST_ACTIONS - 1 + MAX_PAST_ACTIONS);
  fold.forget("response/block-8");
  fold.forget("response/none");
  requested(fold, "dry-last", true);
  expect([fold.actions.has("dry"), fold.actions.has("dry-0")]).toEqual([false, true]);
});
