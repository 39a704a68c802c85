import type { ProducerSummary } from "./producer-check.ts";
import type { Fault, VerifyResult } from "./result.ts";

/** Trees that the verdict names; it stays one line. */
const MAX_NAMED_TREES = 10;

/** A result in words: the verdict first, one line; then a line a fault. */
export function summarise(result: VerifyResult): readonly string[] {
  const lines = [verdict(result), ...result.faults.map(faultLine)];
  if (result.faultsLeftOut > 0) lines.push(`… and ${number(result.faultsLeftOut)} more faults`);
  if (result.producers) lines.push(producersLine(result.producers));
  return lines;
}

function verdict(result: VerifyResult): string {
  const count = result.faults.length + result.faultsLeftOut;
  const found = result.clean ? "clean" : `NOT CLEAN, ${plural(count, "fault")}`;
  const leaves = result.trees.reduce((sum, { size }) => sum + size, 0);
  const erased = result.erasedLeaves === 0 ? "" : `, ${number(result.erasedLeaves)} erased, hash kept`;
  const gone = result.deleted.length === 0 ? "" : `, ${number(result.deleted.length)} deleted with their record`;
  const scope = `${plural(result.trees.length, "tree")}, ${plural(leaves, "leaf", "leaves")}${erased}${gone}`;
  return [`${found}: ${scope}`, contents(result), anchor(result)].join("; ");
}

function contents({ contents: checked, trees }: VerifyResult): string {
  const chain = trees.every((tree) => tree.chain === "checked") ? "" : ", epoch chain not checked";
  return `contents ${checked}${checked === "checked" && trees.length > 0 ? "" : chain}`;
}

function anchor({ anchored, trees }: VerifyResult): string {
  if (anchored) return "anchored";
  if (!trees.some((tree) => tree.anchored))
    return "not anchored (give --vkey or --since to compare with what you knew before)";
  const missing = trees.filter((tree) => !tree.anchored && tree.size > 0).map(({ tree }) => tree);
  const named = missing.slice(0, MAX_NAMED_TREES).join(", ");
  const more = missing.length > MAX_NAMED_TREES ? ` and ${number(missing.length - MAX_NAMED_TREES)} more` : "";
  return `anchored only in part: NOT ${named}${more} (give --vkey, or --since with a checkpoint of each log)`;
}

function faultLine({ code, message, tree, file, offset, index }: Fault): string {
  const place = [
    tree,
    file,
    offset === undefined ? undefined : `byte ${number(offset)}`,
    index === undefined ? undefined : `leaf ${number(index)}`,
  ].filter((part) => part !== undefined);
  return `  ${code}: ${message}${place.length === 0 ? "" : ` (${place.join(", ")})`}`;
}

function producersLine({ batches, verified, notChecked, erased, records }: ProducerSummary): string {
  const open = notChecked === 0 ? "" : `, ${number(notChecked)} not checked (their HMAC secrets are not at hand)`;
  const gone = erased === 0 ? "" : `, ${number(erased)} over records of which some were erased`;
  const right = `${number(verified)} of ${plural(batches, "batch", "batches")} right, over ${plural(records, "record")}`;
  return `  producers' signatures: ${right}${open}${gone}`;
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`;
}

function number(value: number): string {
  return String(value).replaceAll(/\B(?=(?:[0-9]{3})+$)/g, ",");
}
