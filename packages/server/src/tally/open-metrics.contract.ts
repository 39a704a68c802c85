/**
 * A strict reader of OpenMetrics 1.0 text, written after its ABNF and not after our writer: whatever Prometheus would
 * refuse, and what it would take in silence though the specification forbids it, is an error.
 */
export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadFamily {
  readonly name: string;
  readonly type: string;
  readonly unit: string;
  readonly help: string;
  readonly samples: readonly ReadSample[];
}

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$|^[+-]?Inf$|^NaN$/;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total", "_created"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count", "_created"],
};

interface Draft {
  name: string;
  type: string;
  unit: string;
  help: string | null;
  samples: ReadSample[];
}

export function readOpenMetrics(text: string): readonly ReadFamily[] {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (lines.pop() !== "# EOF") throw new Error("the text does not end with # EOF");
  const families: Draft[] = [];
  for (const line of lines) {
    if (line.startsWith("#")) describe(families, line);
    else takeSample(families, line);
  }
  const names = families.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw new Error("a family comes twice");
  for (const family of families) check(family);
  return families.map(({ help, ...family }) => ({ ...family, help: help ?? "" }));
}

function describe(families: Draft[], line: string): void {
  const match = /^# (TYPE|UNIT|HELP) (\S+) (.*)$/.exec(line);
  if (match === null) throw new Error(`no description: ${line}`);
  const [, what, name, rest] = match as unknown as [string, string, string, string];
  if (!METRIC_NAME.test(name)) throw new Error(`no name: ${line}`);
  let family = families.at(-1);
  if (family?.name !== name) {
    family = { name, type: "", unit: "", help: null, samples: [] };
    families.push(family);
  }
  if (family.samples.length > 0) throw new Error(`described after its samples: ${line}`);
  if (what === "TYPE" && family.type === "" && rest in SUFFIXES) family.type = rest;
  else if (what === "UNIT" && family.unit === "" && name.endsWith(`_${rest}`)) family.unit = rest;
  else if (what === "HELP" && family.help === null) family.help = unescaped(rest);
  else throw new Error(`not allowed here: ${line}`);
}

function takeSample(families: readonly Draft[], line: string): void {
  const family = families.at(-1);
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
  if (family === undefined || name === undefined) throw new Error(`no sample: ${line}`);
  const suffix = name.slice(family.name.length);
  if (!name.startsWith(family.name) || SUFFIXES[family.type]?.includes(suffix) !== true)
    throw new Error(`no sample of ${family.name}: ${line}`);
  const { labels, end } =
    line[name.length] === "{" ? readLabels(line, name.length + 1) : { labels: {}, end: name.length };
  const value = line.slice(end + 1);
  if (line[end] !== " " || !NUMBER.test(value)) throw new Error(`no value: ${line}`);
  family.samples.push({ name, labels, value: Number(value.replace("Inf", "Infinity")) });
}

function readLabels(line: string, from: number): { readonly labels: Record<string, string>; readonly end: number } {
  const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"([,}])/y;
  const labels: Record<string, string> = {};
  label.lastIndex = from;
  for (;;) {
    const match = label.exec(line);
    if (match === null) throw new Error(`no label at ${from}: ${line}`);
    const [, name, value, after] = match as unknown as [string, string, string, string];
    if (name in labels) throw new Error(`a label comes twice: ${line}`);
    labels[name] = unescaped(value);
    if (after === "}") return { labels, end: label.lastIndex };
  }
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.?)/g, (whole, character: string) => {
    if (character === "n") return "\n";
    if (character === "\\" || character === '"') return character;
    throw new Error(`no escape: ${whole}`);
  });
}

/** Labels are a set: their order makes no other series. */
function keyOf(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).toSorted();
  return JSON.stringify(names.map((name) => [name, labels[name]]));
}

function check({ name, type, samples }: Draft): void {
  if (type === "") throw new Error(`${name} has no type`);
  const seen = samples.map((sample) => sample.name + keyOf(sample.labels));
  if (new Set(seen).size !== seen.length) throw new Error(`a sample of ${name} comes twice`);
  if (type === "counter" && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below zero`);
  if (type === "histogram") checkHistogram(name, samples);
}

/** Of each series: bounds rise and end with +Inf, counts do not fall, and the last is the count. */
function checkHistogram(name: string, samples: readonly ReadSample[]): void {
  const series = new Map<string, ReadSample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = keyOf(labels);
    series.set(key, [...(series.get(key) ?? []), sample]);
  }
  for (const [key, all] of series) {
    const buckets = all.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels["le"]?.replace("Inf", "Infinity")));
    const counts = buckets.map(({ value }) => value);
    const rises = (values: readonly number[], least: number) =>
      values.every((value, at) => at === 0 || value - values[at - 1]! >= least);
    if (bounds.at(-1) !== Infinity || !rises(bounds, Number.MIN_VALUE)) throw new Error(`bounds of ${name}${key}`);
    if (!rises(counts, 0)) throw new Error(`counts of ${name}${key}`);
    const count = all.find((sample) => sample.name === `${name}_count`)?.value;
    const sum = all.find((sample) => sample.name === `${name}_sum`)?.value;
    if (count !== counts.at(-1) || !(sum! >= 0)) throw new Error(`count or sum of ${name}${key}`);
  }
}
