/** Figures as OpenMetrics 1.0 text. Samples of a family stand together, after its description; `# EOF` ends it all. */

export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export interface Sample {
  /** What the sample's name has after the family's: `_total`, `_bucket` …; '' for a gauge. */
  readonly suffix: string;
  /** As `labelled` makes them; '' for none. */
  readonly labels: string;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly unit?: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export function openMetricsText(families: readonly Family[]): string {
  return `${families.map(familyText).join("")}# EOF\n`;
}

function familyText({ name, type, unit, help, samples }: Family): string {
  const lines = [`# TYPE ${name} ${type}`];
  if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
  lines.push(`# HELP ${name} ${escaped(help)}`);
  for (const { suffix, labels, value } of samples)
    lines.push(labels === "" ? `${name}${suffix} ${value}` : `${name}${suffix}{${labels}} ${value}`);
  return `${lines.join("\n")}\n`;
}

/** `caller="orders",callee="payments"`. Made once for all samples of a series. */
export function labelled(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");
}

function escaped(text: string): string {
  return text
    .replaceAll("\\", String.raw`\\`)
    .replaceAll("\n", String.raw`\n`)
    .replaceAll('"', String.raw`\"`);
}
