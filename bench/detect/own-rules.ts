/**
 * Rules as a security team has them, beside our own pack: lists of names, patterns, networks, thresholds, keywords and,
 * one in twelve, a correlation. They look at the fields that every record has; hardly any record matches.
 */
import { createHash } from "node:crypto";

const list = (values: readonly string[]): string => values.map((value) => `      - "${value}"\n`).join("");
const names = (what: string, n: number, count: number): string =>
  list(Array.from({ length: count }, (_, at) => `${what}-${n}-${at}`));

const SELECTIONS: readonly ((n: number) => string)[] = [
  (n) => `    callee:\n${names("vault", n, 5)}    operation|contains:\n${list([`/export/${n}`, `/dump/${n}`])}`,
  (n) => `    resource|re: '/internal/v[0-9]+/(backup|keys)/${n}(/.*)?$'\n    status: success\n`,
  (n) => `    peer_address|cidr:\n${list([`198.51.${n}.0/24`, `203.0.${n}.0/25`])}    side: callee\n`,
  (n) => `    status_code: '418'\n    duration_us|gte: ${90_000 + n * 1_000}\n    response_size|gt: 1000000\n`,
  (n) => `    credential_id|startswith:\n${names("fp:retired", n, 20)}`,
  (n) =>
    `    operation|startswith:\n${list([`DELETE /archive/${n}`, `PATCH /archive/${n}`])}    caller|endswith: '-batch'\n`,
  (n) => `    attributes.http.user_agent|contains|all:\n${list(["curl/", `scan${n}`])}`,
  (n) => `    host|startswith: 'jump-${n}'\n    auth_method:\n${list(["basic", "none"])}    action: delete\n`,
];

/** Texts of `count` rules, each with an id of its own. */
export function ownRules(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => (n % 12 === 11 ? correlation(n) : single(n)));
}

function single(n: number): string {
  return `${heading(n, "rule")}logsource: {product: tallystick, category: call}
detection:
  selection:
${SELECTIONS[n % SELECTIONS.length]!(n)}  filter:
    service_version|startswith: 'canary-${n}'
  condition: selection and not filter
`;
}

function correlation(n: number): string {
  return `${heading(n, "correlation")}correlation:
  type: ${n % 24 === 23 ? "value_count" : "event_count"}
  rules: [base_${n}]
  group-by: [caller]
  timespan: ${n % 24 === 23 ? "5m" : "1m"}
  condition: {${n % 24 === 23 ? "field: callee, " : ""}gte: 1000000}
---
title: Part of ${n}
name: base_${n}
logsource: {product: tallystick, category: call}
detection:
  selection: {status: denied, operation|startswith: 'GET '}
  condition: selection
`;
}

function heading(n: number, what: string): string {
  const hash = createHash("sha256").update(`bench ${what} ${n}`).digest("hex");
  const id = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
  return `title: Own ${what} ${n}\nid: ${id}\nstatus: test\nlevel: medium\n`;
}

export const PROBED_CALLEE = "probed-by-a-rule";

/** What finds the probes of rules. */
export const PROBE_RULE = `title: Probe
id: 6f1f6f0e-6f3e-4c6e-9a52-0d2f4c3a1b70
status: test
level: high
logsource: {product: tallystick, category: call}
detection:
  selection: {callee: ${PROBED_CALLEE}}
  condition: selection
`;
