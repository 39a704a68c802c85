import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseBatchSecrets, summarise, verifyServer, VerifyTrouble } from "@tallystick/verify";
import type { VerifyResult } from "@tallystick/verify";
import { Command } from "commander";

import { parseRemembered } from "../fsck/known-notes.ts";
import { asCommandError, CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import { loadConfig } from "./load-config.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts, KnownBefore } from "./parts.ts";
import { secureFetch } from "./secure-fetch.ts";
import type { TlsOptions } from "./secure-fetch.ts";
import { addTlsOptions } from "./target.ts";
import { grouped, progressBar } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

interface VerifyOptions extends TlsOptions {
  readonly vkey?: string;
  readonly since?: string;
  readonly integrityKey?: string;
  readonly producers?: boolean;
  readonly secrets?: string;
  readonly token?: string;
  readonly data?: string;
  readonly config?: string;
  readonly json?: boolean;
}

export function verifyCommand(parts: CliParts, run: Run): Command {
  return addTlsOptions(new Command("verify"))
    .description("check a data folder, a copy of one, or a server by what it serves")
    .argument("[folder-or-url]", "a data folder, or a server's URL")
    .option("--vkey <key>", "the verifier key that you knew before, or a file with it")
    .option(
      "--since <file>",
      "a checkpoint that you kept, or several as a copies file or a syslog collector's file holds them",
    )
    .option(
      "--integrity-key <file>",
      "what `keys export-integrity` printed: checks every segment's HMAC without the KMS key",
    )
    .option(
      "--producers",
      "check every signature of a producer over its batch as well (a folder: needs the KMS key; a URL: --token)",
    )
    .option("--secrets <file>", "for a URL with --producers: HMAC secrets, a line each: the key's id and the secret")
    .option("--token <token>", "for a URL: a reader's bearer token (TALLYSTICK_TOKEN)")
    .option("--data <folder>", "the data folder, where none is named as above")
    .option("--config <file>", "for a folder: configuration file, for kms.file and ledger.head")
    .option("--json", "the result as JSON")
    .action((named: string | undefined, options: VerifyOptions) =>
      run(async () => {
        const given = whatToVerify(named, options.data);
        const isUrl = /^https?:\/\//.test(given);
        if (options.secrets !== undefined && !(isUrl && options.producers === true))
          throw new CommandError("--secrets goes with --producers and a server's URL.", {
            code: "bad_request",
            hint: "A data folder holds the secrets in keys/.",
          });
        const known = await knownBefore(options);
        const result = isUrl
          ? await verifyUrl(parts, given, options, known)
          : await verifyPath(parts, given, options, known);
        return showResult(parts.terminal, result, options.json === true);
      }),
    );
}

/** As other commands take a folder, and as one names what is to be verified. */
function whatToVerify(named: string | undefined, folder: string | undefined): string {
  const given = named ?? folder;
  if (given !== undefined && (named === undefined || folder === undefined)) return given;
  const what = given === undefined ? "Nothing is named that is to be verified" : "Two things are named";
  throw new CommandError(`${what}.`, {
    code: "bad_request",
    hint: "Name one data folder or URL: `tallystick verify ./tallystick-data`.",
  });
}

async function knownBefore({ vkey, since, integrityKey, producers }: VerifyOptions): Promise<KnownBefore> {
  const hex = integrityKey === undefined ? null : (await contents(integrityKey)).toString("latin1").trim();
  if (hex !== null && !/^[0-9a-f]{64}$/.test(hex))
    throw new CommandError("The integrity key is not 64 hex digits.", { code: "bad_request" });
  return {
    vkey: vkey === undefined ? null : await keyText(vkey),
    since: since === undefined ? null : await remembered(since),
    integrityKey: hex === null ? null : Buffer.from(hex, "hex"),
    producers: producers === true,
  };
}

/** A key has a plus sign in it; anything else is a file that holds one. */
async function keyText(given: string): Promise<string> {
  if (/^\S+\+[0-9a-f]{8}\+\S+$/.test(given.trim())) return given.trim();
  return (await contents(given, "--vkey takes a key, as `vkey` of /api/trees, or a file that holds one."))
    .toString("utf8")
    .trim();
}

const SINCE_HINT = "--since takes a file of checkpoints that you kept, as GET /trees/<tree>/checkpoint serves them.";

async function remembered(file: string): Promise<Buffer> {
  const bytes = await contents(file, SINCE_HINT);
  try {
    parseRemembered(bytes);
  } catch (cause) {
    throw new CommandError(`${file}: ${asCommandError(cause).message}`, {
      code: "bad_request",
      cause,
      hint: SINCE_HINT,
    });
  }
  return bytes;
}

async function contents(file: string, hint?: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new CommandError(`${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      code: "bad_request",
      cause,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

async function verifyUrl(
  parts: CliParts,
  url: string,
  options: VerifyOptions,
  known: KnownBefore,
): Promise<VerifyResult> {
  const token = options.token ?? parts.environment["TALLYSTICK_TOKEN"];
  const { terminal } = parts;
  try {
    const producers = known.producers === true ? { producers: { secrets: await batchSecrets(options) } } : {};
    return await verifyServer({
      url,
      http: { ...parts.http, fetch: (await secureFetch(parts, options)) ?? parts.http.fetch },
      ...(token === undefined ? {} : { token }),
      ...producers,
      ...(known.vkey === null ? {} : { vkeys: [known.vkey] }),
      ...(known.since === null ? {} : { since: parseRemembered(known.since).map(({ note }) => note) }),
      onProgress: (tree, leaves, size) => terminal.progress(progressBar(leaves, size, `leaves of ${tree}`)),
    });
  } catch (error) {
    if (error instanceof VerifyTrouble) throw new CommandError(error.message, { code: "not_verified", cause: error });
    throw error;
  } finally {
    terminal.progressDone();
  }
}

async function batchSecrets({ secrets }: VerifyOptions): Promise<ReadonlyMap<string, string>> {
  return parseBatchSecrets(secrets === undefined ? "" : (await contents(secrets)).toString("utf8"));
}

async function verifyPath(
  parts: CliParts,
  folder: string,
  options: VerifyOptions,
  known: KnownBefore,
): Promise<VerifyResult> {
  const { config, base } = await loadConfig(parts, options.config);
  const { terminal } = parts;
  try {
    return await parts.folder.verify({ folder: resolve(folder), config, base }, known, (tree, leaves) =>
      terminal.progress(`${grouped(leaves)} leaves checked, in ${tree}`),
    );
  } finally {
    terminal.progressDone();
  }
}

export function showResult(terminal: Terminal, result: VerifyResult, asJson: boolean): Outcome {
  if (asJson) terminal.json(result);
  else {
    const [verdict = "", ...faults] = summarise(result);
    terminal.line(terminal.paint(result.clean ? "green" : "red", verdict));
    for (const line of faults) terminal.line(line);
    for (const { tree, size, root } of result.trees)
      terminal.line(`  ${tree}: ${grouped(size)} leaves${root === null ? ", no checkpoint yet" : `, root ${root}`}`);
    const payloads = payloadsLine(result);
    if (payloads !== null) terminal.line(payloads);
    const macs = macsLine(result);
    if (macs !== null) terminal.line(macs);
  }
  return result.clean ? EXIT.ok : EXIT.negative;
}

/** Of a folder only: a server does not serve its payload files. */
function payloadsLine({
  payloads,
}: VerifyResult & {
  readonly payloads?: { readonly kept: number; readonly erased: number; readonly contents: string };
}) {
  if (payloads === undefined || payloads.contents !== "checked") return null;
  const { kept, erased } = payloads;
  return kept + erased === 0 ? null : `  bodies: ${grouped(kept)} checked, ${grouped(erased)} erased`;
}

/** Of a folder only: a server does not serve its segments. */
function macsLine(result: VerifyResult & { readonly macs?: "checked" | "not checked" }): string | null {
  const { macs, faults, contents: read } = result;
  if (macs === undefined) return null;
  const why =
    read === "checked"
      ? "a segment that is still written, or that an unclean stop left, has none"
      : "that needs the KMS key or --integrity-key";
  if (macs === "not checked") return `  segment HMACs: not all checked (${why})`;
  const bad = faults.filter(({ code }) => code === "segment_mac").length;
  return `  segment HMACs: checked${bad === 0 ? "" : `, ${grouped(bad)} wrong`}`;
}
