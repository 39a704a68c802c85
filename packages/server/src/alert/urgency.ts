/** What goes first when there is more to tell than a channel takes. */
import { LEVELS } from "../detect/finding.ts";
import type { Alert } from "./alert.ts";
import type { NewNotice } from "./notice.ts";

/** Higher goes first: the level of the gravest alert; what a person or a rule asked for goes before all. */
export function urgencyOf(
  { purpose, firing, resolved }: Pick<NewNotice, "purpose" | "firing" | "resolved">,
  find: (id: string) => Alert | null,
): number {
  if (purpose !== "alerts") return LEVELS.length;
  const levels = (ids: readonly string[]) => ids.map((id) => levelOf(find(id)));
  return Math.max(0, ...levels(firing.length > 0 ? firing : resolved));
}

export const levelOf = (alert: Alert | null): number => (alert === null ? 0 : LEVELS.indexOf(alert.finding.level));
