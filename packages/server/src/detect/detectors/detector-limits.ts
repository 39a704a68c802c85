/** Bounds of the deterministic detectors. */
export const STEP_LIMITS = { timeoutMs: 120_000, maxMemoryBytes: 384 * 1024 * 1024 };
/** Leaves looked at in one step: as many as the index inserts at once. */
export const RANGE_LEAVES = 100_000;
/** Shortest pause between two steps while fewer leaves than that wait. */
export const STEP_GAP_MS = 1_500;
export const RETRY_MS = 1_000;
/** How far a tree was looked at that told no facts is written down so often. */
export const KEEP_POSITION_MS = 10_000;
/** Without anything new, baselines are looked at so often. */
export const IDLE_MS = 30_000;
/** From so many groups of a range on, facts are gathered kind by kind. */
export const MANY_GROUPS = 20_000;
/** New facts of one step that are looked at one by one; more are learned and not told. */
export const MAX_FRESH_FACTS = 2_000;
/** Groups that a question of the range answers with. */
export const MAX_GROUPS = 500;
/** Records that a finding shows. */
export const SHOWN_RECORDS = 20;
/** Known values that an explanation names. */
export const SHOWN_VALUES = 5;
/** When a fact was seen last is written anew at most so often, and so many times within the time of a dormant one. */
export const LAST_SEEN_US = 3_600_000_000;
export const LAST_SEEN_PARTS = 8;
/** Nonces and signatures are remembered so long. */
export const REPLAY_WINDOW_US = 86_400_000_000;
/** What is known of single tokens is forgotten after so long. */
export const TOKEN_KEPT_US = 7 * 86_400_000_000;
/** How far a clock may be off before a use counts as after an expiry. */
export const CLOCK_TOLERANCE_US = 60_000_000;
/** The same after a revocation, whose time is this server's: nobody waits a minute to hear of it. */
export const REVOCATION_TOLERANCE_US = 2_000_000;
/** Of a service's first day all its edges are one finding. */
export const NEW_SERVICE_US = 86_400_000_000;
/** Whether a deploy explains new edges is asked within these; what is not answered explains nothing. */
export const DEPLOY_LIMITS = { timeoutMs: 2_000, maxMemoryBytes: 256 * 1024 * 1024 };
/** A version is new when it was not there for so long before that; within it another one must have been. */
export const VERSION_SEEN_US = 86_400_000_000;
/** So much later than the callee's record of a call its caller's may come. */
export const DEPLOY_SLACK_US = 60_000_000;
/** New edges that a deploy may explain at once; more are told, and as many are looked at again. */
export const MAX_DEPLOY_EDGES = 100;
/** What others called of a callee within so long is called by others. */
export const SERVED_US = 7 * 86_400_000_000;
/** Who begins by calling more operations than these is looked at. */
export const MAX_EDGE_OPERATIONS = 20;
/** How often lasting conditions (producers, checkpoints) are looked at, and old rows are forgotten. */
export const CONDITIONS_EVERY_MS = 60_000;
export const FORGET_EVERY_US = 21_600_000_000;
/** A gap is told when it is still there so long after its producer was heard last, or after it was first seen. */
export const GAP_SETTLES_US = 120_000_000;
/** A tree that is integrated and for so long without a checkpoint has a finding. */
export const CHECKPOINT_LATE_MS = 120_000;
/** Signing, publishing or copying that fails for so long has a finding. */
export const CHECKPOINT_FAILS_US = 10_000_000;
export const MAX_PRODUCER_FINDINGS = 200;
/** Denied requests of one reader within a time that are told; so many leaves back they are looked for. */
export const DENIED_READS = 5;
export const DENIED_WINDOW_US = 600_000_000;
export const DENIED_LEAVES = 50_000;
