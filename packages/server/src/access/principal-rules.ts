/**
 * What a certificate or a JWT may do: `access.principals`, the first rule that fits. A name that is proven and that no
 * rule fits may do nothing: an authority or an issuer often serves more than one system.
 */
import { isOwnLog } from "../control/own-logs.ts";
import { TallystickError } from "../errors.ts";
import { WHOLE_SCOPE } from "../search/scope.ts";
import type { Principal } from "./access.ts";
import { scopeOf } from "./permissions.ts";

export interface PrincipalRule {
  /**
   * A principal's name. `*` stands for letters of one part, `**` at the end for whatever follows, `{name}` for letters of
   * one part that `services` and `relay` may name. Parts end at / in a SPIFFE id, at . in a DNS name, at / and :
   * elsewhere.
   */
  readonly match: string;
  readonly role: "producer" | "viewer" | "auditor" | "investigator";
  readonly services?: readonly string[];
  readonly relay?: readonly string[];
  readonly log: string;
  /** 0: no limit. */
  readonly records_per_second: number;
  readonly bytes_per_day: number;
  readonly scope?: {
    readonly logs?: readonly string[];
    readonly services?: readonly string[];
    readonly data_classes?: readonly string[];
  };
}

export interface PrincipalRules {
  /** Null when no rule fits. */
  principalOf(name: string): Principal | null;
}

const CAPTURE = /\{([a-z][a-z0-9_]{0,30})\}/g;

/** `config_invalid` for a rule that means nothing. */
export function principalRules(rules: readonly PrincipalRule[]): PrincipalRules {
  const compiled = rules.map((rule, place) => {
    assertSensible(rule, `access.principals.${place}`);
    return { rule, pattern: patternOf(rule.match) };
  });
  return {
    principalOf(name) {
      for (const { rule, pattern } of compiled) {
        const found = pattern.exec(name);
        if (found !== null) return principalBy(rule, name, found.groups ?? {});
      }
      return null;
    },
  };
}

function principalBy(rule: PrincipalRule, name: string, captured: Readonly<Record<string, string>>): Principal {
  const filled = (names: readonly string[]) =>
    names.map((one) => one.replaceAll(CAPTURE, (whole, key: string) => captured[key] ?? whole));
  const services = filled(rule.services ?? []);
  const [only] = services;
  const isOne = services.length === 1 && only !== undefined && !only.includes("*");
  const relay = rule.relay === undefined ? null : filled(rule.relay);
  return {
    name,
    role: rule.role,
    service: isOne ? only : null,
    services: isOne ? [] : services,
    relay: relay?.includes("*") === true ? "*" : relay,
    log: rule.log,
    quota: {
      recordsPerSecond: rule.records_per_second === 0 ? null : rule.records_per_second,
      bytesPerDay: rule.bytes_per_day === 0 ? null : rule.bytes_per_day,
    },
    scope: scopeOf(rule.role, {
      logs: rule.scope?.logs ?? WHOLE_SCOPE.logs,
      services: rule.scope?.services ?? WHOLE_SCOPE.services,
      dataClasses: rule.scope?.data_classes ?? WHOLE_SCOPE.dataClasses,
    }),
  };
}

function assertSensible(rule: PrincipalRule, where: string): void {
  const refuse = (message: string, hint: string) =>
    new TallystickError("config_invalid", `${where}: ${message}`, { hint, at: { key: where } });
  const speaks = rule.services !== undefined || rule.relay !== undefined;
  if (rule.role === "producer" && !speaks)
    throw refuse(
      "a producer speaks for nobody.",
      "Give services that it speaks for, or relay: [...] that it forwards for.",
    );
  if (rule.role !== "producer" && speaks)
    throw refuse("only a producer speaks for services.", "Take services and relay out.");
  if (rule.services !== undefined && rule.relay !== undefined)
    throw refuse("it speaks for its services or relays for others, not both.", "Write two rules.");
  if (rule.role === "producer" && rule.scope !== undefined)
    throw refuse("a producer reads nothing.", "Take scope out.");
  if (isOwnLog(rule.log)) throw refuse(`the log ${rule.log} takes Tallystick's own records only.`, "Name another log.");
  // More would make matching a name, which may be of a stranger's making, more than linear.
  const parts = rule.match.replace(/\*\*$/, "{rest}").split(separatorsOf(rule.match));
  if (parts.some((part) => (part.match(/\*|\{[^}]*\}/g) ?? []).length > 1))
    throw refuse("match has more than one * or {name} in one part.", "** stands at the end alone.");
  const names = [...(rule.services ?? []), ...(rule.relay ?? [])].flatMap((name) => capturesOf(name));
  const known = capturesOf(rule.match);
  const missing = names.find((name) => !known.includes(name));
  if (missing !== undefined)
    throw refuse(`{${missing}} is not in match.`, "A name in braces stands in match and in services.");
  if (new Set(known).size < known.length) throw refuse("match has one name twice.", "Give each part its own name.");
}

const capturesOf = (text: string): readonly string[] => [...text.matchAll(CAPTURE)].map(([, name = ""]) => name);

function separatorsOf(match: string): RegExp {
  if (match.startsWith("spiffe://")) return /\//;
  return match.startsWith("dns:") ? /\./ : /[/:]/;
}

function patternOf(match: string): RegExp {
  const part = match.startsWith("spiffe://") ? "[^/]" : match.startsWith("dns:") ? "[^.]" : "[^/:]";
  const source = match
    .split(/(\*\*|\*|\{[a-z][a-z0-9_]{0,30}\})/)
    .map((piece) => {
      if (piece === "**") return ".*";
      if (piece === "*") return `${part}+`;
      const name = /^\{(.*)\}$/.exec(piece)?.[1];
      return name === undefined ? piece.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&") : `(?<${name}>${part}+)`;
    })
    .join("");
  return new RegExp(`^${source}$`);
}
