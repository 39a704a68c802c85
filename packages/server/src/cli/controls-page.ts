/** docs/controls.md, from the table of controls. */
import { may } from "../access/permissions.ts";
import { ROLES } from "../control/role.ts";
import { COMMAND_ACCESS } from "./command-access.ts";
import { STANDARDS } from "./controls.ts";
import type { Control, ControlState, Standard } from "./controls.ts";

const STATES: readonly ControlState[] = ["met", "partly", "not met"];

export function controlsPage(): string {
  return [
    "# Controls",
    "",
    "What auditors ask of an audit log, what here meets it, and the command that shows it. **partly**: this log does its part and something",
    "else has to do the rest. **not met** is meant as it stands. What a clause asks is said in our own words; only its own text counts.",
    "",
    "An auditor's key shows most of it; in brackets is the role that another command takes. Commands on a FOLDER need no server.",
    "",
    "This page is made by `npm run reference`; a test holds each command, option and route in it to those there are.",
    "",
    "**Where is the HMAC?** In the footer of every sealed segment (HMAC-SHA256 under a key of its own: `tallystick keys export-integrity`, `tallystick verify FOLDER --integrity-key FILE`), and in `Tallystick-Signature` of producers that sign with `hmac-sha256`; everything else rests on signed Merkle trees, which a stranger can check and an HMAC's holder could forge.",
    "",
    ...STANDARDS.flatMap(standardText),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

function standardText({ name, controls }: Standard): readonly string[] {
  const counts = STATES.map((state) => `${controls.filter((control) => control.state === state).length} ${state}`);
  return [
    `## ${name}`,
    "",
    `${counts.join(", ")}.`,
    "",
    "| clause | asks | state | by | shown by |",
    "|---|---|---|---|---|",
    ...controls.map(row),
    "",
  ];
}

function row({ clause, asks, state, by, shown }: Control): string {
  const words = shown.map((line) => `\`${line}\`${byOthers(line)}`).join("<br>");
  return `| ${[clause, asks, `**${state}**`, by, words].map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

/** Who shows it, when an auditor's own key does not. */
function byOthers(line: string): string {
  const [, one = "", two = ""] = line.split(" ");
  const need = COMMAND_ACCESS[`${one} ${two}`] ?? COMMAND_ACCESS[one];
  if (need === undefined || need === "public" || need === "folder" || need === "nothing" || may("auditor", need))
    return "";
  const role = ROLES.find((other) => other !== "admin" && may(other, need));
  return ` (${role ?? "administrator"})`;
}
