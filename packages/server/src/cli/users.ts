import { Command, Option } from "commander";

import { ROLES } from "../control/role.ts";
import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addScopeOptions, scopeOf, scopeText } from "./scope-options.ts";
import type { ScopeOptions, ShownScope } from "./scope-options.ts";
import { table } from "./table.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { timeText } from "./time-text.ts";

interface User {
  readonly name: string;
  readonly role: string;
  readonly scope: ShownScope;
  readonly has_password: boolean;
  readonly created_at: string;
  readonly disabled_at: string | null;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
  readonly local?: boolean;
}

export function usersCommand(parts: CliParts, run: Run): Command {
  return new Command("users")
    .description("make, list, change and disable users of this server")
    .addCommand(addCommand(parts, run))
    .addCommand(listCommand(parts, run))
    .addCommand(setCommand(parts, run))
    .addCommand(passwordCommand(parts, run))
    .addCommand(linkCommand(parts, run))
    .addCommand(disableCommand(parts, run));
}

const role = () =>
  new Option("--role <role>", "what the user may do").choices(ROLES.filter((name) => name !== "producer"));
const pathOf = (name: string) => `/api/users/${encodeURIComponent(name)}`;

function addCommand(parts: CliParts, run: Run): Command {
  return addScopeOptions(
    addTargetOptions(new Command("add").description("make a user").argument("<name>", "records say `user:<name>`")),
  )
    .addOption(role().default("viewer"))
    .option("--password-stdin", "read a password from standard input; without one a link from `users link` lets in")
    .option("--json", "as JSON")
    .action((name: string, options: Options & ScopeOptions & { role: string; passwordStdin?: boolean }) =>
      run(async () => {
        const scope = scopeOf(options);
        const password = options.passwordStdin === true ? await passwordFrom(parts) : null;
        const body = {
          name,
          role: options.role,
          ...(scope === null ? {} : { scope }),
          ...(password === null ? {} : { password }),
        };
        const user = await connectTo(await findTarget(parts, options), parts.fetch).send<User>(
          "POST",
          "/api/users",
          body,
        );
        return told(parts, options, user, `made ${user.name}, ${user.role}, who sees ${scopeText(user.scope)}`);
      }),
    );
}

/** A secret on the command line would stand in the shell's history and in the list of processes. */
async function passwordFrom({ readStdin }: CliParts): Promise<string> {
  const password = (await readStdin()).replace(/\r?\n$/, "");
  if (password !== "") return password;
  throw new CommandError("There is no password on standard input.", {
    code: "bad_request",
    hint: "Pipe it in, as in `tallystick users password ada --password-stdin < file`.",
  });
}

function listCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("list").description("list all users, disabled ones too"))
    .option("--local", "times of this machine instead of UTC")
    .option("--json", "as JSON")
    .action((options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const { users } = await client.get<{ readonly users: readonly User[] }>("/api/users");
        const { terminal } = parts;
        if (options.json === true) terminal.json({ users });
        else {
          const columns = ["name", "role", "sees", "password", "created", "state"].map((title) => ({ title }));
          const rows = users.map((user) => userRow(user, options.local === true));
          for (const line of table(columns, rows, null)) terminal.line(line);
        }
        return EXIT.ok;
      }),
    );
}

function userRow(user: User, local: boolean): readonly string[] {
  const { name, role: itsRole, scope, has_password: hasPassword, created_at: created, disabled_at: disabled } = user;
  const state = disabled === null ? "active" : `disabled ${timeText(disabled, local)}`;
  return [name, itsRole, scopeText(scope), hasPassword ? "yes" : "no", timeText(created, local), state];
}

function setCommand(parts: CliParts, run: Run): Command {
  return addScopeOptions(
    addTargetOptions(new Command("set").description("change what a user may do or see, at once").argument("<name>")),
  )
    .addOption(role())
    .option("--json", "as JSON")
    .action((name: string, options: Options & ScopeOptions & { role?: string }) =>
      run(async () => {
        const scope = scopeOf(options);
        const body = {
          ...(options.role === undefined ? {} : { role: options.role }),
          ...(scope === null ? {} : { scope }),
        };
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const user = await client.send<User>("POST", pathOf(name), body);
        return told(parts, options, user, `${user.name} is ${user.role} and sees ${scopeText(user.scope)}`);
      }),
    );
}

function passwordCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("password")
      .description("set a user's password, or take it away; the user's sessions end")
      .argument("<name>"),
  )
    .option("--password-stdin", "read it from standard input")
    .option("--none", "take it away: a one-time link alone lets the user in")
    .option("--json", "as JSON")
    .action((name: string, options: Options & { passwordStdin?: boolean; none?: boolean }) =>
      run(async () => {
        if ((options.passwordStdin === true) === (options.none === true))
          throw new CommandError("Give either --password-stdin or --none.", { code: "bad_request" });
        const password = options.none === true ? null : await passwordFrom(parts);
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const user = await client.send<User>("POST", pathOf(name), { password });
        return told(parts, options, user, `${user.name} has ${user.has_password ? "a new password" : "no password"}`);
      }),
    );
}

function linkCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("link").description("print a one-time link that logs a user in").argument("<name>"),
  )
    .option("--json", "as JSON")
    .action((name: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const path = `/api/login-link?user=${encodeURIComponent(name)}`;
        const link = await client.send<{ readonly url: string }>("POST", path);
        if (options.json === true) parts.terminal.json(link);
        else parts.terminal.line(link.url);
        return EXIT.ok;
      }),
    );
}

function disableCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("disable").description("disable a user, at once and for ever").argument("<name>"))
    .option("--json", "as JSON")
    .action((name: string, options: Options) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const user = await client.send<User>("DELETE", pathOf(name));
        return told(parts, options, user, `${user.name} is disabled`);
      }),
    );
}

function told({ terminal }: CliParts, options: Options, user: User, sentence: string): Outcome {
  if (options.json === true) terminal.json(user);
  else terminal.line(sentence);
  return EXIT.ok;
}
