/**
 * A trace as lines: calls below the calls that made them, a bar for when each ran, and what is odd about it on a line
 * of its own. In a bar `█` is the callee at work, `░` the time between the halves, `▒` a call whose other half is
 * missing.
 */
import type { TraceHalf, TraceNode } from "../search/trace/node.ts";
import type { TraceAnswer } from "../search/trace/trace.ts";
import { durationText } from "./record-text.ts";
import { grouped, printable } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

const DEFAULT_WIDTH = 120;
const MIN_BAR = 12;
const MAX_LABEL_SHARE = 0.45;
/** Deeper calls are not indented further. */
const MAX_INDENTED = 16;
/** Smaller differences of times are the clocks' own. */
const NOTABLE_US = 1_000;
const FAILED: ReadonlySet<string> = new Set(["error", "timeout", "denied"]);

export const LEGEND = "█ callee at work  ░ between the halves  ▒ other half missing  ✗ failed";

export function waterfall(terminal: Terminal, trace: TraceAnswer): readonly string[] {
  const width = terminal.width ?? DEFAULT_WIDTH;
  const labels = trace.nodes.map((node) => labelOf(node, trace.nodes));
  const times = trace.nodes.map(({ duration_us: us }) => (us === null ? "?" : durationText(us)));
  const timeWidth = longest(times);
  const labelWidth = Math.min(longest(labels), Math.floor(width * MAX_LABEL_SHARE));
  const barWidth = Math.max(width - labelWidth - timeWidth - 6, MIN_BAR);
  return [
    ...headOf(terminal, trace),
    "",
    ...trace.nodes.flatMap((node, place) => {
      const mark = FAILED.has(node.status) ? terminal.paint("red", "✗") : " ";
      const label = fitted(labels[place]!, labelWidth);
      const styled = FAILED.has(node.status) ? terminal.paint("red", label) : label;
      const bar = barOf(node, trace.duration_us, barWidth);
      const line = `${mark} ${styled}  ${times[place]!.padStart(timeWidth)}  ${paintBar(terminal, node, bar)}`;
      const indent = " ".repeat(4 + indentOf(node));
      return [line, ...oddities(terminal, node, trace).map((text) => indent + text)];
    }),
  ];
}

function headOf(terminal: Terminal, trace: TraceAnswer): readonly string[] {
  const { counts, first_failure: first, clocks } = trace;
  const many = (count: number, one: string, more = `${one}s`) => `${grouped(count)} ${count === 1 ? one : more}`;
  const found = trace.found_by.includes("trace") ? "trace" : (trace.found_by[0] ?? "trace").replace("_", " ");
  const facts = [
    many(counts.calls, "call"),
    many(counts.records, "record"),
    many(trace.services.length, "service"),
    ...(counts.failed === 0 ? [] : [terminal.paint("red", `${grouped(counts.failed)} failed`)]),
    ...(counts.unpaired === 0 ? [] : [terminal.paint("yellow", `${grouped(counts.unpaired)} unpaired`)]),
    ...(counts.retries === 0 ? [] : [many(counts.retries, "retry", "retries")]),
    ...(counts.roots < 2 ? [] : [`${grouped(counts.roots)} roots`]),
  ];
  const failure = first === null ? null : trace.nodes[first]!;
  return [
    terminal.paint("bold", `${found} ${printable(trace.id)}`),
    `${trace.started}  ${durationText(trace.duration_us)}  ${facts.join(", ")}`,
    ...(failure === null
      ? []
      : [
          `${terminal.paint("red", "first failure")} ${callText(failure)}: ${failureText(failure)}` +
            ` (${placeOf(failure.caller ?? failure.callee ?? failure.observers[0] ?? failure.more[0])})`,
        ]),
    ...clocks.map(({ recorder_id: recorder, host, offset_us: us }) => {
      const where = host === "" ? "" : ` on ${printable(host)}`;
      const way = us > 0 ? "ahead" : "behind";
      return `clock of ${printable(recorder)}${where} is ${durationText(Math.abs(us))} ${way}; its bars are put right`;
    }),
  ];
}

function placeOf(half: TraceHalf | undefined): string {
  return half === undefined ? "no record" : `${half.tree}/${half.leaf_index}`;
}

function callText({ service_id: service, target_id: target, operation }: TraceNode): string {
  return printable(target === "none" ? `${service} ${operation}` : `${service} → ${target} ${operation}`);
}

/** Below the call that led to it, the caller is known. */
function labelOf(node: TraceNode, nodes: readonly TraceNode[]): string {
  const above = node.parent === null ? null : nodes[node.parent]!;
  const isKnown = above !== null && above.target_id === node.service_id && node.target_id !== "none";
  const text = isKnown ? printable(`${node.target_id} ${node.operation}`) : callText(node);
  return " ".repeat(indentOf(node)) + text;
}

function indentOf({ depth }: TraceNode): number {
  return Math.min(depth, MAX_INDENTED) * 2;
}

function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, text.length), 1);
}

function fitted(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`;
}

interface Cells {
  readonly from: number;
  readonly to: number;
}

function barOf(node: TraceNode, totalUs: number, width: number): string {
  const cellUs = Math.max(totalUs, 1) / width;
  const whole = cellsOf(node.caller ?? node.callee ?? node, cellUs, width);
  const work = node.callee === null ? null : cellsOf(node.callee, cellUs, width);
  const alone = node.missing.length > 0 ? "▒" : "█";
  const cells = Array.from({ length: width }, (_, at) => {
    const isWork = work !== null && at >= work.from && at < work.to;
    if (node.caller !== null && node.callee !== null && isWork) return "█";
    const isRunning = isWork || (at >= whole.from && at < whole.to);
    return isRunning ? (node.caller !== null && node.callee !== null ? "░" : alone) : " ";
  });
  return cells.join("").trimEnd();
}

/** At least one cell, so that a short call is seen. */
function cellsOf(timed: Pick<TraceHalf, "offset_us" | "duration_us">, cellUs: number, width: number): Cells {
  const from = Math.min(Math.max(Math.floor(timed.offset_us / cellUs), 0), width - 1);
  const to = Math.ceil((timed.offset_us + (timed.duration_us ?? 0)) / cellUs);
  return { from, to: Math.min(Math.max(to, from + 1), width) };
}

function paintBar(terminal: Terminal, node: TraceNode, bar: string): string {
  if (FAILED.has(node.status)) return terminal.paint("red", bar);
  return terminal.paint(node.missing.length > 0 ? "yellow" : "cyan", bar);
}

function failureText({ status, status_code: code, error_type: type, error_message: message }: TraceNode): string {
  const parts = [[status, code].filter((part) => part !== null).join(" "), type, message];
  return printable(parts.filter((part) => part !== null && part !== "").join(": "));
}

const EVIDENCE: Readonly<Record<string, string>> = {
  message: "by its message",
  causation: "by its cause",
  request_id: "by request id",
  enclosed: "its parent span was left out; the only call open there",
  correlation: "by correlation id",
};

function oddities(terminal: Terminal, node: TraceNode, trace: TraceAnswer): readonly string[] {
  const { missing, network_us: network, outlasts_us: outlasts, outside_parent_us: outside } = node;
  const isFailed = FAILED.has(node.status);
  const failure = (node.node === trace.first_failure ? "first failure: " : "") + failureText(node);
  const quiet = [
    node.retry_of === null
      ? ""
      : `attempt after one that failed${node.attempt > 0 ? ` (attempt ${node.attempt})` : ""}`,
    node.recovered ? "a later attempt succeeded" : "",
    network !== null && network >= NOTABLE_US ? `network ${durationText(network)}` : "",
    node.parent === null ? "" : (EVIDENCE[node.evidence] ?? ""),
    node.more.length === 0 ? "" : `${node.more.length} more of its records`,
  ].filter((text) => text !== "");
  const loud = [
    ...missing.map((side) => `${side}'s half missing`),
    node.orphan ? "its parent is not recorded" : "",
    node.status_differs ? `caller says ${node.caller!.status}, callee ${node.callee!.status}` : "",
    outlasts === null || outlasts < NOTABLE_US ? "" : `callee went on ${durationText(outlasts)} longer than its caller`,
    outside === null || outside < NOTABLE_US ? "" : `outside of its parent by ${durationText(outside)}`,
  ].filter((text) => text !== "");
  return [
    ...(isFailed ? [terminal.paint("red", failure)] : []),
    ...(loud.length === 0 ? [] : [terminal.paint("yellow", printable(loud.join("; ")))]),
    ...(quiet.length === 0 ? [] : [terminal.paint("dim", quiet.join("; "))]),
  ];
}
