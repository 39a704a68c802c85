/** docs/access.md: who may do what, from the tables that the server itself uses. */
import { may, PERMISSIONS } from "../access/permissions.ts";
import type { Permission } from "../access/permissions.ts";
import type { RouteAccess } from "../api/route-access.ts";
import { ROLES } from "../control/role.ts";
import type { CommandNeed } from "./command-access.ts";

/** As /api/openapi.json has it. */
export interface DescribedApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedRoute>>>>;
}

interface DescribedRoute {
  readonly summary?: string;
  readonly "x-tallystick-access"?: RouteAccess;
}

const HEAD = ["nobody", ...ROLES] as const;

export function accessPage(api: DescribedApi, commands: Readonly<Record<string, CommandNeed>>): string {
  return [
    "# Who may do what",
    "",
    "This page is made by `npm run reference` from the tables that the server decides by; a test walks every route and every command with",
    "every role and with none, and compares. What a role sees of the log is a matter of its scope besides: logs, services, data classes.",
    "",
    "## Roles",
    "",
    table(
      ["permission", "lets somebody", ...ROLES],
      (Object.keys(PERMISSIONS) as Permission[]).map((permission) => [
        `\`${permission}\``,
        PERMISSIONS[permission],
        ...ROLES.map((role) => mark(may(role, permission))),
      ]),
    ),
    "",
    "## Routes",
    "",
    "`public` answers everybody. `metrics` answers who has `read`, and whoever asks on the server's own machine without a proxy.",
    "",
    table(["route", "needs", ...HEAD], routes(api)),
    "",
    "## Commands",
    "",
    "A command asks a server with the token that it is given, so the server decides. `folder`: it works on a data folder, and whoever the",
    "operating system lets read and write the folder may; `nothing`: it touches neither.",
    "",
    table(
      ["command", "needs", ...HEAD],
      Object.entries(commands).map(([words, need]) => [`\`${words}\``, need, ...marks(need)]),
    ),
    "",
  ].join("\n");
}

function routes({ paths }: DescribedApi): readonly (readonly string[])[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== "head")
      .map(([method, route]) => {
        const need = route["x-tallystick-access"] ?? "public";
        return [`\`${method.toUpperCase()} ${path}\``, need, ...marks(need)];
      }),
  );
}

function marks(need: RouteAccess | CommandNeed): readonly string[] {
  if (need === "folder" || need === "nothing") return HEAD.map(() => "");
  if (need === "public") return HEAD.map(() => mark(true));
  const permission = need === "metrics" ? "read" : need;
  return [mark(false), ...ROLES.map((role) => mark(may(role, permission)))];
}

const mark = (isYes: boolean): string => (isYes ? "yes" : "no");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n");
}
