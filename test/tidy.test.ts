/**
 * The parts of the style that a machine can check. EXCEPTIONS may only shrink: a line here is a debt, not a permission.
 */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["packages", "scripts", "test", "bench", "integrity", "interop", "examples"];
const MAX_FILE_LINES = 500;
const MAX_VIEW_LINES = 250;
const MAX_FUNCTION_LINES = 70;
const MAX_LINE_LENGTH = 120;
const BANNED_WORDS = /(^|-)(manager|service|helper|helpers|util|utils|common|shared)(-|\.|$)/;

/** `file` or `file:function`: longer than the limit today. */
const EXCEPTIONS: ReadonlySet<string> = new Set([]);

/** Server folders and root files, left to right: a file imports only from its own place or from those before it. */
const FLOW: readonly string[] = [
  "errors.ts clock.ts limits.ts real-clock.ts manual-clock.ts",
  "disk compute kms",
  "journal payload",
  "ledger",
  "index",
  "search",
  "control",
  "access",
  "tally",
  "detect",
  "alert",
  "retain evidence fsck",
  "intake",
  "config",
  "api",
  "cli",
];
const PACKAGE_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  record: [],
  tlog: [],
  verify: ["record", "tlog"],
  server: ["record", "tlog", "verify"],
  dashboard: ["record", "tlog", "verify"],
};
/** Time, randomness, environment and disk are passed in; these places are the adapters where they come from. */
const GLOBALS =
  /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bset(?:Timeout|Interval|Immediate)\(|\bprocess\.env\b|from "node:fs(?:\/promises)?"/;
const ADAPTERS =
  /\/(main|real-clock|node-[a-z-]+)\.ts$|\/server\/src\/(cli|index\/engine|compute)\/|^(scripts|test|bench|integrity|interop|examples)\/|^packages\/dashboard\//;

interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

function sources(): readonly Source[] {
  const found: Source[] = [];
  const walk = (folder: string): void => {
    let entries;
    try {
      entries = readdirSync(folder, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!["node_modules", "dist", "coverage"].includes(entry.name)) walk(path);
      } else if (/\.(ts|tsx)$/.test(entry.name)) {
        const text = readFileSync(path, "utf8");
        found.push({ path: relative(ROOT, path).split(sep).join("/"), text, lines: text.split("\n") });
      }
    }
  };
  for (const folder of FOLDERS) walk(join(ROOT, folder));
  return found;
}

const SOURCES = sources();
const PRODUCT = SOURCES.filter(({ path }) => !/\.(test|contract)\.tsx?$/.test(path));

test("files are short enough to read in one go", () => {
  const long = SOURCES.filter(({ path, lines }) => {
    const limit = path.endsWith(".tsx") ? MAX_VIEW_LINES : MAX_FILE_LINES;
    return lines.length > limit + 1 && !EXCEPTIONS.has(path);
  });
  expect(long.map(({ path, lines }) => `${path}: ${lines.length} lines`)).toEqual([]);
});

test("lines are at most 120 characters", () => {
  const long = SOURCES.flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      line.length > MAX_LINE_LENGTH && !/https?:\/\/|(["'`/]).{40,}\1/.test(line) ? [`${path}:${index + 1}`] : [],
    ),
  );
  expect(long).toEqual([]);
});

test("functions are at most 70 lines", () => {
  expect(PRODUCT.flatMap(longFunctions)).toEqual([]);
});

test("no file is named after nothing in particular", () => {
  expect(SOURCES.filter(({ path }) => BANNED_WORDS.test(basename(path))).map(({ path }) => path)).toEqual([]);
  const mixedCase = SOURCES.filter(({ path }) => !/^[a-z0-9.-]+$/.test(basename(path)));
  expect(mixedCase.map(({ path }) => path)).toEqual([]);
});

test("time, randomness, environment and disk are passed in", () => {
  const taken = PRODUCT.filter(({ path }) => !ADAPTERS.test(path)).flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      GLOBALS.test(line.replace(/\/\/.*$|^\s*\*.*$/, "")) ? [`${path}:${index + 1} ${line.trim()}`] : [],
    ),
  );
  expect(taken).toEqual([]);
});

test("imports follow the flow", () => {
  const against = PRODUCT.filter(({ path }) => path.startsWith("packages/")).flatMap(againstTheFlow);
  expect(against).toEqual([]);
});

test("a TODO names its issue or decision", () => {
  const left = SOURCES.filter(({ path }) => path !== "test/tidy.test.ts").flatMap(({ path, lines }) =>
    lines.flatMap((line, index) =>
      /\b(TODO|FIXME|XXX)\b/.test(line) && !/(#\d+|docs\/adr\/)/.test(line) ? [`${path}:${index + 1}`] : [],
    ),
  );
  expect(left).toEqual([]);
});

function againstTheFlow({ path, text }: Source): readonly string[] {
  const [, owner = "", ...rest] = path.split("/");
  const allowed = PACKAGE_IMPORTS[owner];
  if (allowed === undefined) return [`${path}: unknown package ${owner}`];
  const found: string[] = [];
  for (const [, specifier = ""] of text.matchAll(/^(?:import|export)[^"']*["']([^"']+)["']/gm)) {
    const foreign = /^@tallystick\/([a-z]+)$/.exec(specifier)?.[1];
    if (foreign !== undefined && !allowed.includes(foreign)) found.push(`${path} imports ${specifier}`);
    if (owner === "server" && specifier.startsWith(".")) found.push(...serverImport(path, rest.slice(1), specifier));
  }
  return found;
}

function serverImport(path: string, inside: readonly string[], specifier: string): readonly string[] {
  const from = inside.length === 1 ? (inside[0] ?? "") : (inside[0] ?? "");
  const target = new URL(specifier, `file:///${inside.join("/")}`).pathname.slice(1).split("/");
  const to = target[0] ?? "";
  const here = FLOW.findIndex((place) => place.split(" ").includes(from));
  const there = FLOW.findIndex((place) => place.split(" ").includes(to));
  // Composition roots stand at the end of the flow and may name everything.
  if (here === -1 || path.endsWith("/compute/worker.ts")) return [];
  if (there === -1) return [`${path} imports ${specifier}: only a composition root may`];
  return there > here ? [`${path} imports ${specifier}: against the flow`] : [];
}

function longFunctions({ path, text }: Source): readonly string[] {
  const starts = lineStarts(text);
  const found: string[] = [];
  visit(parseSync(path, text).program, (node, name) => {
    const length = lineOf(starts, node.end) - lineOf(starts, node.start) + 1;
    const label = `${path}:${name}`;
    if (length > MAX_FUNCTION_LINES && !EXCEPTIONS.has(label)) found.push(`${label} (${length} lines)`);
  });
  return found;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

function visit(value: unknown, found: (node: Node, name: string) => void, name = "(anonymous)"): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, found, name);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  const node = value as Node;
  const own = nameOf(node) ?? name;
  if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) found(node, own);
  for (const [key, child] of Object.entries(node)) if (key !== "id" && key !== "key") visit(child, found, own);
}

function nameOf(node: Node): string | undefined {
  const named = (node["id"] ?? node["key"]) as { readonly name?: unknown } | null | undefined;
  return typeof named?.name === "string" ? named.name : undefined;
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
