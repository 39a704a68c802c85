import type { Command } from "commander";

export interface ScopeOptions {
  readonly seeLogs?: string;
  readonly seeServices?: string;
  readonly seeClasses?: string;
}

/** What somebody may see; without them everything that the role may. */
export function addScopeOptions(command: Command): Command {
  return command
    .option("--see-logs <list>", "the logs that may be seen, as 'default,payments'")
    .option("--see-services <list>", "the services whose records may be seen, as caller, callee or recorder")
    .option("--see-classes <list>", "the data classes that may be seen, as 'public,internal,unclassified'");
}

/** `scope` of a request's body; null when nothing is said of it. */
export function scopeOf({ seeLogs, seeServices, seeClasses }: ScopeOptions): object | null {
  if (seeLogs === undefined && seeServices === undefined && seeClasses === undefined) return null;
  return {
    ...(seeLogs === undefined ? {} : { logs: namesIn(seeLogs) }),
    ...(seeServices === undefined ? {} : { services: namesIn(seeServices) }),
    ...(seeClasses === undefined ? {} : { data_classes: namesIn(seeClasses) }),
  };
}

function namesIn(text: string): readonly string[] | "*" {
  if (text === "*") return text;
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

export interface ShownScope {
  readonly logs?: readonly string[] | "*";
  readonly services?: readonly string[] | "*";
  readonly data_classes?: readonly string[] | "*";
}

/** `everything`, or what is limited. */
export function scopeText(scope: ShownScope): string {
  const parts = Object.entries(scope).flatMap(([kind, names]) =>
    names === "*" || names === undefined ? [] : [`${kind.replace("_", " ")} ${names.join(", ")}`],
  );
  return parts.length === 0 ? "everything" : parts.join("; ");
}
