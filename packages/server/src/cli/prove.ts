import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredRecord } from "@tallystick/record";
import { summarise, verifyProof } from "@tallystick/verify";
import { Command } from "commander";
import { setTimeout as sleep } from "node:timers/promises";

import { connectTo } from "./client.ts";
import type { Client } from "./client.ts";
import { asCommandError, CommandError } from "./command-error.ts";
import { EXIT } from "./exit-codes.ts";
import type { Outcome, Run } from "./outcome.ts";
import type { CliParts } from "./parts.ts";
import { addTargetOptions, findTarget } from "./target.ts";
import type { TargetOptions } from "./target.ts";
import { grouped } from "./terminal.ts";

/** The API waits for a checkpoint by itself; this often it is asked again. */
const ATTEMPTS = 10;
const PAUSE_MS = 200;
const MAX_MATCHES_SHOWN = 10;

interface ProveOptions extends TargetOptions {
  readonly query?: string;
  readonly out?: string;
  readonly json?: boolean;
}

interface ProvenRecord extends StoredRecord {
  readonly leaf: string;
  readonly proof: string | null;
}

interface Evidence {
  readonly stored: ProvenRecord;
  readonly proof: string;
  readonly vkey: string;
}

export function proveCommand(parts: CliParts, run: Run): Command {
  return addTargetOptions(
    new Command("prove").description("fetch a record's proof, check it here, and write what a stranger needs"),
  )
    .argument("[leaf]", "the record's place, as default/2026-11/42")
    .option("-q, --query <query>", "the one record that matches, instead")
    .option("--out <folder>", "write record.json, record.tlog-proof and log.vkey there")
    .option("--json", "as JSON")
    .action((leaf: string | undefined, options: ProveOptions) =>
      run(async () => {
        const client = connectTo(await findTarget(parts, options), parts.fetch);
        const place = await placeOf(client, leaf, options.query);
        const evidence = await fetchEvidence(client, place);
        return report(parts, evidence, options);
      }),
    );
}

async function placeOf(client: Client, leaf: string | undefined, query: string | undefined): Promise<string> {
  if ((leaf === undefined) === (query === undefined)) {
    throw new CommandError("Name one record.", {
      code: "bad_request",
      hint: "By its place, default/2026-11/42, or with -q and a query.",
    });
  }
  if (leaf !== undefined) {
    const [, tree, index] = /^([^/]+\/[^/:]+)[/:](\d+)$/.exec(leaf) ?? [];
    if (tree === undefined || index === undefined)
      throw new CommandError(`${leaf} is no place of a record.`, {
        code: "bad_request",
        hint: "Write it as default/2026-11/42, or as default/2026-11:42.",
      });
    return `${tree}/${index}`;
  }
  const { records } = await client.get<{ readonly records: readonly StoredRecord[] }>("/api/search", {
    q: query,
    limit: MAX_MATCHES_SHOWN,
  });
  const [first] = records;
  if (first === undefined) throw new CommandError("No record matches.", { code: "not_found", exitCode: EXIT.negative });
  if (records.length > 1) {
    const places = records.map(
      ({ tree, leaf_index: index, record }) => `${tree}/${index}  ${record.timestamp}  ${record.operation}`,
    );
    throw new CommandError(`More than one record matches:\n${places.join("\n")}`, {
      code: "bad_request",
      hint: "Name one of them by its place.",
    });
  }
  return `${first.tree}/${first.leaf_index}`;
}

async function fetchEvidence(client: Client, place: string): Promise<Evidence> {
  const trees = await client.get<readonly { readonly tree: string; readonly vkey: string }[]>("/api/trees");
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await client.get<ProvenRecord>(`/api/records/${place}`).catch(notThere);
    const vkey = trees.find(({ tree }) => tree === stored.tree)?.vkey;
    if (stored.proof !== null && vkey !== undefined) return { stored, proof: stored.proof, vkey };
    await sleep(PAUSE_MS);
  }
  throw new CommandError("No checkpoint covers the record yet.", {
    code: "not_published",
    hint: "Ask again; the server's log tells when publishing fails.",
  });
}

/** That there is no such record is an answer. */
function notThere(error: unknown): never {
  const { message, code, hint } = asCommandError(error);
  if (code !== "not_found") throw error;
  throw new CommandError(message, {
    code,
    exitCode: EXIT.negative,
    cause: error,
    ...(hint === null ? {} : { hint }),
  });
}

async function report(
  { terminal }: CliParts,
  { stored, proof, vkey }: Evidence,
  { out, json }: ProveOptions,
): Promise<Outcome> {
  const leaf = Buffer.from(stored.leaf);
  const result = await verifyProof({ proof, leaf, vkeys: [vkey] });
  if (out !== undefined) {
    await mkdir(out, { recursive: true });
    await writeFile(join(out, "record.json"), leaf);
    await writeFile(join(out, "record.tlog-proof"), proof);
    await writeFile(join(out, "log.vkey"), `${vkey}\n`);
  }
  const { tree, leaf_index: index } = stored;
  if (json === true)
    terminal.json({
      tree,
      leaf_index: index,
      verified: result.clean,
      faults: result.faults,
      vkey,
      leaf: stored.leaf,
      proof,
    });
  else if (result.clean) {
    terminal.line(
      `${terminal.paint("green", "proven")}: leaf ${grouped(index)} of ${tree} is under a signed checkpoint of ${grouped(result.trees[0]?.size ?? 0)} leaves`,
    );
    if (out === undefined) terminal.line(proof.trimEnd());
    else
      terminal.line(
        `wrote ${["record.json", "record.tlog-proof", "log.vkey"].map((name) => join(out, name)).join(", ")}`,
      );
  } else for (const line of summarise(result)) terminal.line(line);
  return result.clean ? EXIT.ok : EXIT.negative;
}
