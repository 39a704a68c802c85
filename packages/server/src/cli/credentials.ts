import { Command } from "commander";

import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { importRevokedCommand, revokeIds } from "./revoked-ids.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface Revoked {
  readonly issuer: string;
  readonly jti: string | null;
  readonly subject: string | null;
  readonly issued_before: string | null;
  readonly reason: string;
  readonly revoked_by: string;
  readonly revoked_at: string;
}

interface RevokeOptions extends TargetOptions {
  readonly issuer?: string;
  readonly jti?: string;
  readonly subject?: string;
  readonly all?: boolean;
  readonly issuedBefore?: string;
  readonly reason: string;
  readonly json?: boolean;
}

/** Tokens of other issuers. Keys of this server are `tallystick keys`. */
export function credentialsCommand(parts: CliParts, run: Run): Command {
  return new Command("credentials")
    .description("credentials that no longer hold: ids as records show them, and JWTs of other issuers")
    .addCommand(importRevokedCommand(parts, run))
    .addCommand(revokeCommand(parts, run))
    .addCommand(revokedCommand(parts, run));
}

function revokeCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("revoke"))
    .description("revoke credentials by the ids that records show; with --issuer a JWT by its id, a subject's, or all")
    .argument("[credential-id...]", "credential_id or auth_token_id, never a secret; without --issuer")
    .option("--issuer <name>", "the issuer's name in access.jwt")
    .option("--jti <id>", "the token's id")
    .option("--subject <subject>", "whose tokens, instead")
    .option("--all", "all of the issuer, instead")
    .option("--issued-before <time>", "with --subject or --all: RFC 3339 or as now-1h; now when absent")
    .requiredOption("--reason <reason>", "why; it is recorded")
    .option("--json", "as JSON")
    .action((ids: readonly string[], options: RevokeOptions) =>
      run(async () => {
        if (ids.length > 0 && options.issuer === undefined) return revokeIds(parts, options, ids);
        if (options.issuer === undefined || ids.length > 0)
          throw new CommandError("Give credential ids, or --issuer with --jti, --subject or --all.");
        const { issuer, jti, subject, all, issuedBefore: issued_before, reason } = options;
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const body = { issuer, jti, subject, all, issued_before, reason };
        const revoked = await client.send<Revoked>("POST", "/api/credentials/revoke", body);
        if (options.json === true) parts.terminal.json(revoked);
        else parts.terminal.line(`revoked ${what(revoked)}`);
        return EXIT.ok;
      }),
    );
}

function revokedCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("revoked"))
    .description("list tokens of other issuers that were revoked here; ids of records that were are records")
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: TargetOptions & { readonly json?: boolean; readonly local?: boolean }) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { revoked } = await client.get<{ readonly revoked: readonly Revoked[] }>("/api/credentials/revoked");
        const rows = revoked.map((one) => [
          what(one),
          timeText(one.revoked_at, options.local === true),
          one.revoked_by,
          one.reason,
        ]);
        const columns = ["what", "revoked at", "by", "reason"].map((title) => ({ title }));
        if (options.json === true) parts.terminal.json({ revoked });
        else for (const line of table(columns, rows, null)) parts.terminal.line(line);
        parts.terminal.note(IDS_ELSEWHERE);
        return EXIT.ok;
      }),
    );
}

const IDS_ELSEWHERE = `Credential ids of records: tallystick search --own 'operation:"revoke credential"'`;

function what({ issuer, jti, subject, issued_before: before }: Revoked): string {
  if (jti !== null) return `token ${jti} of ${issuer}`;
  return `${subject === null ? "all tokens" : `tokens of ${subject}`} by ${issuer} issued before ${before}`;
}
