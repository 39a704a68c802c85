import { parseArgs } from "node:util";
import { parseBatchSecrets } from "./batch-keys.ts";
import type { Http } from "./http-source.ts";
import { VerifyTrouble } from "./result.ts";
import type { VerifyResult } from "./result.ts";
import { summarise } from "./summary.ts";
import { verifyProof } from "./verify-proof.ts";
import { verifyServer } from "./verify-server.ts";

/** What the command needs of the machine it runs on. */
export interface Platform {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether somebody watches standard error. */
  readonly isTerminal: boolean;
  readFile(path: string): Promise<Uint8Array>;
  print(text: string): unknown;
  warn(text: string): unknown;
  readonly http: Http;
}

const EXIT_CLEAN = 0;
const EXIT_FAULT = 1;
const EXIT_COULD_NOT_RUN = 2;

const USAGE = `tallystick-verify: check what a Tallystick log says, without trusting it

  tallystick-verify PROOF --leaf FILE --vkey KEY
      one record: PROOF is a .tlog-proof file, FILE its leaf (or the record as the API gives it out)
  tallystick-verify URL [--token T] [--vkey KEY] [--since FILE]
      a server, or one tree of it (URL/trees/LOG/EPOCH): every tile, and every record when T may read them

  --vkey KEY    verifier key that you trust (name+id+key); may be repeated
  --since FILE  checkpoint that you kept from an earlier day; may be repeated
  --producers   for a server: check every signature of a producer over its batch as well
  --secrets FILE  HMAC secrets of producers, a line each: the key's id and the secret
  --token T     bearer token; TALLYSTICK_TOKEN is read when it is absent
  --json        the result as one JSON object

Exit codes: 0 clean, 1 a fault was found, 2 could not run.
`;

/** Runs the command and returns its exit code. */
export async function runCommand(args: readonly string[], platform: Platform): Promise<number> {
  try {
    const request = parse(args);
    if (request === null) {
      platform.print(USAGE);
      return EXIT_CLEAN;
    }
    const result = await run(request, platform);
    platform.print(request.json ? `${JSON.stringify(result)}\n` : `${summarise(result).join("\n")}\n`);
    return result.clean ? EXIT_CLEAN : EXIT_FAULT;
  } catch (error) {
    if (!(error instanceof VerifyTrouble)) throw error;
    platform.warn(`tallystick-verify: ${error.message}\n`);
    return EXIT_COULD_NOT_RUN;
  }
}

interface Request {
  readonly subject: string;
  readonly leaf: string | null;
  readonly vkeys: readonly string[];
  readonly since: readonly string[];
  readonly token: string | null;
  readonly producers: boolean;
  readonly secrets: string | null;
  readonly json: boolean;
}

/** Null when help is asked for. */
function parse(args: readonly string[]): Request | null {
  const { values, positionals } = parsed(args);
  if (values.help === true) return null;
  const [subject, ...more] = positionals;
  if (subject === undefined || more.length > 0) {
    throw new VerifyTrouble("give one proof file or one URL; --help tells more");
  }
  return {
    subject,
    leaf: values.leaf ?? null,
    vkeys: values.vkey ?? [],
    since: values.since ?? [],
    token: values.token ?? null,
    producers: values.producers === true,
    secrets: values.secrets ?? null,
    json: values.json === true,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new VerifyTrouble(`${error instanceof Error ? error.message : "wrong arguments"}; --help tells more`);
  }
}

const OPTIONS = {
  leaf: { type: "string" },
  vkey: { type: "string", multiple: true },
  since: { type: "string", multiple: true },
  token: { type: "string" },
  producers: { type: "boolean" },
  secrets: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

function run(request: Request, platform: Platform): Promise<VerifyResult> {
  return /^https?:\/\//i.test(request.subject) ? runOnServer(request, platform) : runOnProof(request, platform);
}

async function runOnProof(request: Request, platform: Platform): Promise<VerifyResult> {
  const { subject, leaf, vkeys, since, token, producers, secrets } = request;
  if (since.length > 0 || token !== null || producers || secrets !== null)
    throw new VerifyTrouble("--since, --token, --producers and --secrets go with a URL, not with a proof");
  if (leaf === null) throw new VerifyTrouble("a proof is checked with its leaf: give --leaf FILE");
  if (vkeys.length === 0) throw new VerifyTrouble("a proof is checked with a key that you trust: give --vkey KEY");
  const [proof, leafFile] = await Promise.all([read(platform, subject), read(platform, leaf)]);
  return verifyProof({ proof, leaf: leafFile, vkeys });
}

async function runOnServer(request: Request, platform: Platform): Promise<VerifyResult> {
  const { subject, leaf, vkeys } = request;
  if (leaf !== null) throw new VerifyTrouble("--leaf goes with a proof, not with a URL");
  const token = request.token ?? platform.environment["TALLYSTICK_TOKEN"] ?? null;
  const since = await Promise.all(request.since.map((path) => read(platform, path)));
  const onProgress = progress(platform);
  const given = token === null || token === "" ? {} : { token: token.trim() };
  const producers = await producersOf(request, platform);
  const options = { url: subject, vkeys, since, ...given, ...producers, http: platform.http, onProgress };
  return verifyServer(options).finally(() => {
    if (platform.isTerminal) platform.warn("\r\u001b[K");
  });
}

async function producersOf({ producers, secrets }: Request, platform: Platform) {
  if (!producers && secrets !== null) throw new VerifyTrouble("--secrets goes with --producers");
  if (!producers) return {};
  const text = secrets === null ? "" : new TextDecoder().decode(await read(platform, secrets));
  return { producers: { secrets: parseBatchSecrets(text) } };
}

function progress(platform: Platform): (tree: string, leaves: number, size: number) => void {
  return (tree, leaves, size) => {
    if (platform.isTerminal) platform.warn(`\r\u001b[K${tree}: ${leaves} of ${size} leaves`);
  };
}

async function read(platform: Platform, path: string): Promise<Uint8Array> {
  try {
    return await platform.readFile(path);
  } catch (error) {
    throw new VerifyTrouble(`${path}: ${error instanceof Error ? error.message : "cannot be read"}`);
  }
}
