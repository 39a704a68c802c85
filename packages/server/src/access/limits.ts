/** Dashboard logins at a time; the oldest ends when one more begins. */
export const MAX_SESSIONS = 1_000;
/** Unused one-time links at a time; the oldest stops working when one more is made. */
export const MAX_LOGIN_LINKS = 100;
/** Addresses whose failed authentications are counted; beyond it the oldest is forgotten. */
export const MAX_THROTTLED_ADDRESSES = 10_000;
/** Hops read from a forwarding header. */
export const MAX_FORWARDED_HOPS = 32;
/** Longest PROXY protocol header taken; the specification's own fields need far less. */
export const MAX_PROXY_HEADER_BYTES = 4_096;
export const PROXY_HEADER_TIMEOUT_MS = 5_000;
/** Between two times that closed connections of proxies are told. */
export const PROXY_REFUSAL_TOLD_MS = 60_000;
/** Longest name of a principal: an observer's `recorder_id` is it. */
export const MAX_PRINCIPAL_BYTES = 256;
/** A reading that goes on, page after page or poll after poll, is over when nothing more was asked for so long. */
export const READING_IDLE_MS = 60_000;
/** One that never rests ends after this time, and the next question begins a new one. */
export const READING_LONGEST_MS = 3_600_000;
/** Readings that go on at a time; beyond it the oldest ends. */
export const MAX_READINGS = 10_000;
/** Characters of a question, and of the rest of its parameters, that a record of access holds. */
export const MAX_RECORDED_QUESTION = 8_192;
export const MAX_RECORDED_RESOURCE = 1_024;
export const MAX_RECORDED_REASON = 1_024;
/** Longest bearer token that is looked at as a JWT. */
export const MAX_JWT_LENGTH = 16_384;
/** How far an issuer's clock may be off. */
export const JWT_CLOCK_TOLERANCE_S = 30;
export const MAX_KEY_SET_BYTES = 1_048_576;
export const KEY_SET_TIMEOUT_MS = 5_000;
/** How old a set of keys is when it is fetched again, and when it no longer counts. */
export const KEY_SET_REFRESH_MS = 600_000;
export const KEY_SET_KEEP_MS = 86_400_000;
/** Pauses between two fetches: after a failure, and for tokens that name unknown keys. */
export const KEY_SET_FAILURE_PAUSE_MS = 5_000;
export const UNKNOWN_KEY_PAUSE_MS = 30_000;
/** How long what happens again is counted before it is recorded once more. */
export const INCIDENT_WINDOW_MS = 60_000;
/** Kinds of incidents by principal and subject that are counted apart. */
export const MAX_INCIDENTS = 1_000;
/** Senders whose use of a quota is counted; beyond it the one that was quiet longest starts afresh. */
export const MAX_QUOTA_ENTRIES = 20_000;
/** How long after a count the day's counts are written: what a kill leaves uncounted. */
export const QUOTA_SAVE_MS = 1_000;
/** How far from now a window may end that moves with the clock: screens round, and clocks differ. */
export const MOVING_SLACK_MS = 120_000;
export const MIN_PASSWORD_LENGTH = 12;
export const MAX_PASSWORD_LENGTH = 1_024;
/** Passwords that are checked at a time, and that wait for it. */
export const MAX_PASSWORD_CHECKS = 2;
export const MAX_WAITING_PASSWORD_CHECKS = 64;
/** Wrong passwords of one account before it has to wait, and how long. */
export const MAX_ACCOUNT_FAILURES = 10;
export const ACCOUNT_WINDOW_MS = 900_000;
/** Logins by the identity provider, and by device, that were begun and not ended; the oldest gives way. */
export const MAX_LOGINS_UNDER_WAY = 1_000;
export const LOGIN_UNDER_WAY_MS = 600_000;
/** How often a device may ask whether it was let in. */
export const DEVICE_POLL_S = 2;
/** The identity provider's metadata is asked for anew after this time; it says when its keys are replaced. */
export const OIDC_METADATA_MS = 3_600_000;
export const OIDC_TIMEOUT_S = 10;
/** Characters of a person's name as the identity provider gives it. */
export const MAX_OIDC_NAME_LENGTH = 200;
