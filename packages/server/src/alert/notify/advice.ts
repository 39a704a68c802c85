/** What to do about a channel that does not take what it is sent: a sentence, or none where there is nothing to say. */

const BY_STATUS: Readonly<Record<number, string>> = {
  400: "It does not take this kind of message: does the channel's kind fit its address?",
  401: "It does not accept the channel's secret: look at that.",
  403: "It does not let this sender in: look at the channel's secret, and at the receiver's rules.",
  404: "There is nothing at this address: look at the channel's URL.",
  405: "It takes no POST there: look at the channel's URL.",
  410: "The address was given up by the receiver: take a new one.",
  413: "The message is too large for it: give the route a group_by that makes smaller groups.",
  422: "It does not take this kind of message: does the channel's kind fit its address?",
  429: "It asks for fewer: lower the channel's per_minute.",
};

/** Of an answer by HTTP. */
export function adviceOnStatus(status: number): string {
  if (status >= 300 && status < 400) return "Redirects are not followed: give the address that it leads to.";
  if (status >= 500) return "The receiver itself has trouble: look there.";
  return BY_STATUS[status] ?? "";
}

const NOT_BELIEVED = "Its certificate is not believed here: NODE_EXTRA_CA_CERTS names further authorities.";
const NO_ANSWER = "Does a firewall lie between, and is the address right?";

const BY_CODE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "Nothing listens there: is the receiver running, and is the port right?",
  ENOTFOUND: "The name is not known here: look at the channel's address, and at this machine's DNS.",
  EAI_AGAIN: "The name could not be looked up: look at this machine's DNS.",
  ETIMEDOUT: NO_ANSWER,
  EHOSTUNREACH: NO_ANSWER,
  ENETUNREACH: NO_ANSWER,
  UND_ERR_CONNECT_TIMEOUT: NO_ANSWER,
  UND_ERR_HEADERS_TIMEOUT: "It takes the connection and does not answer: look at the receiver.",
  DEPTH_ZERO_SELF_SIGNED_CERT: NOT_BELIEVED,
  SELF_SIGNED_CERT_IN_CHAIN: NOT_BELIEVED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: NOT_BELIEVED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: NOT_BELIEVED,
  CERT_HAS_EXPIRED: "Its certificate has expired: the receiver needs a new one.",
  ERR_TLS_CERT_ALTNAME_INVALID: "Its certificate is for another name: look at the channel's address.",
  ERR_SSL_WRONG_VERSION_NUMBER: "It does not speak TLS there: http:// or https://, and which port?",
};

/** Of a connection that did not come about, by the error's code. */
export const adviceOnCode = (code: unknown): string => (typeof code === "string" ? (BY_CODE[code] ?? "") : "");

/** Of an answer by SMTP. */
export function adviceOnMail(code: number): string {
  if (code === 530 || code === 534 || code === 535) return "It does not accept user and password: look at those.";
  if (code >= 550 && code <= 554) return "It does not take this sender or these receivers: look at from and to.";
  return code < 500 ? "It says so for now: look at the mail server." : "";
}

/** What happened, and what to do. */
export const withAdvice = (happened: string, advice: string): string =>
  advice === "" ? happened : `${happened} ${advice}`;
