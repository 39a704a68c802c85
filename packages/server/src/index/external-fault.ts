/** Why a ClickHouse server by URL cannot be used, in words for who set it up: which key to look at, and no secret. */
import { ClickHouseError } from "@clickhouse/client";

/** The oldest server whose SQL is ours. */
const OLDEST = [26, 3] as const;
const WRONG_LOGIN: ReadonlySet<string> = new Set(["192", "193", "194", "516"]);
const NO_RIGHT = "497";
const READ_ONLY = "164";

/** `version` as the server tells it, as `26.7.1.1`. */
export function isOldServer(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

export function oldServer(version: string): string {
  return `the ClickHouse server at index.url is ${version}; ${OLDEST.join(".")} or newer is needed`;
}

/** `error` null: it answered, and not what was asked. */
export function externalFault(error: unknown, url: string): string {
  if (error instanceof ClickHouseError) return refusal(error.code);
  const code = networkCode(error);
  const { protocol, host } = new URL(url);
  if (code === null)
    return `what answers at ${host} does not speak ClickHouse's HTTP protocol: index.url takes its HTTP port, as http://host:8123`;
  const tls =
    protocol === "https:" ? " The certificate must be one that this machine trusts (NODE_EXTRA_CA_CERTS)." : "";
  return `no ClickHouse server answers at ${host} (${code}): is it running, and is index.url right?${tls}`;
}

function refusal(code: string): string {
  if (WRONG_LOGIN.has(code))
    return "the ClickHouse server refuses the user or the password: see index.user and index.password_file, and restart";
  if (code === NO_RIGHT || code === READ_ONLY)
    return "the ClickHouse user may not do what the index needs: grant it ALL on index.database, and SELECT on system.*";
  return `the ClickHouse server refuses to be asked (code ${code}): see its log`;
}

/** As `ECONNREFUSED`; null when something answered. */
function networkCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]{2,63}$/.test(code)) return code;
  return error.message.toLowerCase().includes("timeout") ? "no answer in time" : null;
}
