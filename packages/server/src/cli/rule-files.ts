/** Rules and events as files on this machine. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

import type { RuleFile } from "../detect/sigma/check.ts";
import { MAX_RULE_FILE_BYTES } from "../detect/sigma/limits.ts";
import { NO_PLACEHOLDERS } from "../detect/sigma/modifiers.ts";
import type { Placeholders } from "../detect/sigma/modifiers.ts";
import { RuleFault } from "../detect/sigma/fault.ts";
import { shippedPipeline } from "../detect/pack.ts";
import { readPipeline } from "../detect/sigma/pipeline.ts";
import type { Pipeline } from "../detect/sigma/pipeline.ts";
import type { CheckSettings } from "../detect/sigma/check.ts";
import { CommandError } from "./command-error.ts";

const RULE_NAME = /\.ya?ml$/i;
const MAX_DEPTH = 32;

/** The files named, and every `.yml` of the folders named, in order of their names. */
export async function readRuleFiles(paths: readonly string[]): Promise<readonly RuleFile[]> {
  const files: RuleFile[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found === null) throw new CommandError(`${path} is not there`, { hint: "Name a file of rules or a folder." });
    for (const file of found.isDirectory() ? await rulesWithin(path, 0) : [path]) files.push(await readRuleFile(file));
  }
  return files;
}

async function rulesWithin(folder: string, depth: number): Promise<readonly string[]> {
  if (depth > MAX_DEPTH) return [];
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${folder} cannot be read (${error.code ?? "no code"})`, { cause: error });
  });
  const found = await Promise.all(
    entries
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .map(async (entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return rulesWithin(path, depth + 1);
        return entry.isFile() && RULE_NAME.test(entry.name) ? [path] : [];
      }),
  );
  return found.flat();
}

async function readRuleFile(file: string): Promise<RuleFile> {
  try {
    const { size } = await stat(file);
    if (size > MAX_RULE_FILE_BYTES)
      return { file, text: null, reason: `the file is longer than the ${MAX_RULE_FILE_BYTES} bytes that it may have` };
    const bytes = await readFile(file);
    return { file, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isNoText = error instanceof TypeError || code === "ERR_ENCODING_INVALID_ENCODED_DATA";
    return {
      file,
      text: null,
      reason: isNoText ? "the file is no UTF-8" : `the file cannot be read (${code ?? "no code"})`,
    };
  }
}

/** An option that may be given again. */
export const more = (value: string, values: readonly string[]): readonly string[] => [...values, value];

export interface SettingOptions {
  readonly placeholders?: string;
  readonly pipeline?: readonly string[];
}

export async function readSettings(options: SettingOptions, shipped: string): Promise<CheckSettings> {
  const files = (options.pipeline ?? []).map((name) => shippedPipeline(name, shipped) ?? name);
  return {
    placeholders: await readPlaceholders(options.placeholders),
    pipelines: await Promise.all(files.map(pipelineIn)),
  };
}

async function pipelineIn(file: string): Promise<Pipeline> {
  try {
    return readPipeline(await readText(file));
  } catch (error) {
    if (!(error instanceof RuleFault)) throw error;
    throw new CommandError(`${file}:${error.place.line}:${error.place.column}: ${error.message}`, { cause: error });
  }
}

/** A YAML map of a placeholder's name to its values. */
async function readPlaceholders(file: string | undefined): Promise<Placeholders> {
  if (file === undefined) return NO_PLACEHOLDERS;
  let value: unknown;
  try {
    value = parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new CommandError(`${file} cannot be read as YAML`, { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CommandError(`${file} must be a map of a placeholder's name to its values`);
  return new Map(
    Object.entries(value).map(([name, values]) => [name, (Array.isArray(values) ? values : [values]).map(String)]),
  );
}

export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(`${file} cannot be read (${code ?? "no code"})`, { cause: error });
  }
}
