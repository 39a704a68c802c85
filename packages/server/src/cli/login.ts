import { Command } from "commander";

import { connectTo } from "./client.ts";
import { CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { keepToken, keptToken } from "./kept-tokens.ts";
import type { Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";

interface Begun {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri_complete: string;
  readonly interval: number;
  readonly expires_at: string;
}

interface Answer {
  readonly state: "pending" | "denied" | "allowed";
  readonly token: string | null;
  readonly expires_at: string | null;
}

interface Options extends TargetOptions {
  readonly json?: boolean;
}

/** More questions than a code is good for. */
const MAX_QUESTIONS = 1_000;

export function loginCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("login").description("log this command line in as yourself: open a page, compare a code, let it in"),
  )
    .option("--json", "where one is logged in and until when, as JSON; the link and the code are said as text before")
    .action((options: Options) =>
      run(async () => {
        const { url, ...way } = await findTarget(parts, options);
        const client = connectTo({ url, ...way, token: null }, parts.fetch);
        const begun = await client.send<Begun>("POST", "/api/device");
        parts.terminal.note(`Open ${begun.verification_uri_complete}`);
        parts.terminal.note(`and let the device in whose code is ${begun.user_code}.`);
        for (let question = 0; question < MAX_QUESTIONS; question++) {
          const body = { device_code: begun.device_code };
          const { state, token, expires_at: until } = await client.send<Answer>("POST", "/api/device/token", body);
          if (state === "denied") throw new CommandError("The device was not let in.", { code: "forbidden" });
          if (token !== null) {
            await keepToken(parts.environment, url, token);
            if (options.json === true) parts.terminal.json({ url, expires_at: until });
            else parts.terminal.line(`Logged in to ${url} until ${until}.`);
            return EXIT.ok;
          }
          await parts.http.wait(begun.interval * 1_000);
        }
        throw new CommandError("Nobody let the device in in time.", { code: "unauthenticated" });
      }),
    );
}

export function logoutCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(new Command("logout").description("end the session that `tallystick login` began"))
    .option("--json", "where one is logged out, as JSON")
    .action((options: Options) =>
      run(async () => {
        const { url, ...way } = await findTarget(parts, options);
        const token = await keptToken(parts.environment, url);
        if (token === null) throw new CommandError(`Nobody is logged in to ${url}.`, { code: "not_found" });
        await keepToken(parts.environment, url, null);
        await connectTo({ url, ...way, token }, parts.fetch).send("DELETE", "/api/session");
        if (options.json === true) parts.terminal.json({ url });
        else parts.terminal.line(`Logged out of ${url}.`);
        return EXIT.ok;
      }),
    );
}
