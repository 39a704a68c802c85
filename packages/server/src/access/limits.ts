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
/** Longest name of a principal: an observer's `recorder_id` is it. */
export const MAX_PRINCIPAL_BYTES = 256;
