/** Changes of keys, users, names and approvals; control state is a fold over it. */
export const CONTROL_LOG = "control";
/** Who read what, and who logged in. Apart from `control`, which every start reads whole. */
export const ACCESS_LOG = "access";

/** What detection found, what became of it, and what was done about it; alert state is a fold over it. */
export const ALERTS_LOG = "alerts";

/** Logs of Tallystick's own records; no producer writes there. */
export const OWN_LOGS: readonly string[] = [CONTROL_LOG, ACCESS_LOG, ALERTS_LOG];
