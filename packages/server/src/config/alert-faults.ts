/** What a schema cannot say of alerts: names that must be known, matchers that must be readable, what a kind needs. */
import { isCidr } from "../access/client-address.ts";
import { matcherFault } from "../alert/matchers.ts";

interface Fault {
  readonly path: readonly string[];
  readonly message: string;
}

interface Channel {
  readonly name?: unknown;
  readonly kind?: unknown;
  readonly [key: string]: unknown;
}

/** Of a section that may not be valid otherwise. */
export function alertFaults(value: unknown): readonly Fault[] {
  const { alerts, respond } = (value ?? {}) as Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;
  const channels = listOf(alerts?.["channels"]) as readonly Channel[];
  const names = channels.map(({ name }) => name);
  const routes = listOf(alerts?.["routes"]) as readonly Readonly<Record<string, unknown>>[];
  const inhibit = listOf(alerts?.["inhibit"]) as readonly Readonly<Record<string, unknown>>[];
  const webhooks = channels.filter(({ kind }) => kind === "webhook").map(({ name }) => name);
  return [
    ...respondFaults(respond, webhooks),
    ...channels.flatMap((channel, at) =>
      channelFaults(channel, ["alerts", "channels", String(at)], names.indexOf(channel.name) < at),
    ),
    ...routes.flatMap((route, at) => {
      const path = ["alerts", "routes", String(at)];
      return [...matcherFaults(route["match"], [...path, "match"]), ...unknownChannels(route["channels"], names, path)];
    }),
    ...inhibit.flatMap((rule, at) =>
      ["source", "target"].flatMap((side) => inhibitFaults(rule[side], ["alerts", "inhibit", String(at), side])),
    ),
    ...listOf(alerts?.["allow_private"]).flatMap((cidr, at) =>
      typeof cidr !== "string" || isCidr(cidr)
        ? []
        : [{ path: ["alerts", "allow_private", String(at)], message: "must be an address or CIDR, as 10.0.0.0/8" }],
    ),
  ];
}

function respondFaults(
  respond: Readonly<Record<string, unknown>> | null | undefined,
  webhooks: readonly unknown[],
): readonly Fault[] {
  const rules = listOf(respond?.["rules"]) as readonly Readonly<Record<string, unknown>>[];
  const names = rules.map(({ name }) => name);
  const never = matcherFaults(respond?.["never"], ["respond", "never"]);
  const ofRules = rules.flatMap((rule, at) => {
    const path = ["respond", "rules", String(at)];
    const isTwice = names.indexOf(rule["name"]) < at;
    const isUnknown = rule["action"] === "webhook" && !webhooks.includes(rule["channel"]);
    return [
      ...matcherFaults(rule["match"], [...path, "match"]),
      ...(isTwice ? [{ path: [...path, "name"], message: "is the name of another rule" }] : []),
      ...(isUnknown ? [{ path, message: "of action webhook needs channel, the name of a webhook channel" }] : []),
    ];
  });
  return [...never, ...ofRules];
}

const listOf = (value: unknown): readonly unknown[] =>
  (Array.isArray(value) ? value : []).filter((one) => one !== null);

const URL_KEYS = ["url", "url_file", "url_name"];
const SECRET_KEYS = ["secret_file", "secret_name"];

/** What each kind cannot do without; the first of them that is set is enough. */
const NEEDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  webhook: [URL_KEYS, SECRET_KEYS],
  slack: [["url_file", "url_name"]],
  pagerduty: [SECRET_KEYS],
  alertmanager: [URL_KEYS],
  email: [["smtp"], ["from"], ["to"]],
};

function channelFaults(channel: Channel, path: readonly string[], isTwice: boolean): readonly Fault[] {
  const isSet = (key: string) => {
    const value = channel[key];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== "";
  };
  const missing = (NEEDS[String(channel.kind)] ?? []).filter((keys) => !keys.some(isSet));
  return [
    ...(isTwice ? [{ path: [...path, "name"], message: "is the name of another channel" }] : []),
    ...missing.map((keys) => ({ path, message: `of kind ${String(channel.kind)} needs ${keys.join(" or ")}` })),
    ...[URL_KEYS, SECRET_KEYS]
      .filter((keys) => keys.filter(isSet).length > 1)
      .map((keys) => ({ path, message: `has one of ${keys.join(", ")}, not several` })),
    ...(isSet("user") && !SECRET_KEYS.some(isSet)
      ? [{ path, message: "with a user needs secret_file or secret_name" }]
      : []),
  ];
}

function unknownChannels(value: unknown, names: readonly unknown[], path: readonly string[]): readonly Fault[] {
  return listOf(value).flatMap((name, at) =>
    names.includes(name)
      ? []
      : [
          {
            path: [...path, "channels", String(at)],
            message: `names no channel; there are ${names.join(", ") || "none"}`,
          },
        ],
  );
}

function inhibitFaults(value: unknown, path: readonly string[]): readonly Fault[] {
  return listOf(value).length === 0 ? [{ path, message: "must have a matcher" }] : matcherFaults(value, path);
}

function matcherFaults(value: unknown, path: readonly string[]): readonly Fault[] {
  return listOf(value).flatMap((text, at) => {
    const fault = typeof text === "string" ? matcherFault(text) : null;
    return fault === null ? [] : [{ path: [...path, String(at)], message: fault }];
  });
}
