/** Changes of keys, users, names and approvals; control state is a fold over it. */
export const CONTROL_LOG = "control";
/** Who read what, and who logged in. Apart from `control`, which every start reads whole. */
export const ACCESS_LOG = "access";

/** What detection found, what became of it, and what was done about it; alert state is a fold over it. */
export const ALERTS_LOG = "alerts";

/**
 * How much of the space that is reserved on a full disk each leaves to the others. Findings come as traffic makes them
 * come, so they never use up what reads and changes need; and readers leave what it takes to revoke one's key.
 */
export const RESERVE_FLOORS: ReadonlyMap<string, number> = new Map([
  [CONTROL_LOG, 0],
  [ACCESS_LOG, 0.0625],
  [ALERTS_LOG, 0.75],
]);

/** Logs of Tallystick's own records; no producer writes there. */
export const OWN_LOGS: readonly string[] = [CONTROL_LOG, ACCESS_LOG, ALERTS_LOG];
export const isOwnLog = (log: string): boolean => OWN_LOGS.includes(log);
