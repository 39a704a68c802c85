import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { childrenOf, statFields } from "../integrity/running-server.ts";

const CLOCK_TICKS_A_SECOND = 100;

/** Allocated bytes of a folder's files; files that vanish meanwhile count nothing. */
export function folderBytes(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) bytes += folderBytes(path);
      else if (entry.isFile()) bytes += sizeOf(path);
    }
  } catch {
    return bytes;
  }
  return bytes;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** User and system CPU-seconds of one process. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return fields === null ? 0 : (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_A_SECOND;
}

/** Resident bytes, now and at most, of a process and all its children. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } {
  let now = 0;
  let peak = 0;
  for (const one of [pid, ...childrenOf(pid)]) {
    now += statusBytes(one, "VmRSS");
    peak += statusBytes(one, "VmHWM");
  }
  return { now, peak };
}

function statusBytes(pid: number, field: string): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
