/**
 * Wraps any disk and makes chosen writes fail in the ways real ones do: nothing reached the disk; everything did but
 * the answer was lost; a part did; no space is left. Faults are queued and each is used once, or stands until it is
 * lifted. Reads are never touched. Every write passes a counter, so that a test can walk through "the first write
 * fails", "the second write fails", … to the last.
 */
import { TallystickError } from "../errors.ts";
import type { AppendFile, Disk } from "./disk.ts";

export type WriteKind =
  | "makeFolder"
  | "replaceFile"
  | "createAppend"
  | "openAppend"
  | "append"
  | "sync"
  | "truncate"
  | "remove"
  | "rename";

export const FAULT_KINDS = ["not persisted", "persisted but error returned", "torn", "no space"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** Only writes of this kind; any when absent. */
  readonly write?: WriteKind;
  /** Only files whose path contains this; any when absent. */
  readonly path?: string;
  /** Writes that fit and still pass before it strikes; 0 when absent. */
  readonly skip?: number;
  /** Strikes every fitting write until `lift`; once when absent. */
  readonly stays?: boolean;
  /** After it struck, every later write fails with nothing persisted, as if the process were dead. */
  readonly fatal?: boolean;
}

export interface FaultDisk extends Disk {
  inject(fault: Fault): void;
  /** Removes every fault, also the death of a fatal one. */
  lift(): void;
  /** Writes that reached the disk so far, failed ones included. */
  writes(): number;
  /** True once an injected fault struck. */
  struck(): boolean;
}

interface Queued {
  readonly fault: Fault;
  passed: number;
}

interface Switch {
  faults: Queued[];
  writes: number;
  struck: boolean;
  dead: boolean;
}

export function faultDisk(inner: Disk): FaultDisk {
  const state: Switch = { faults: [], writes: 0, struck: false, dead: false };
  const guarded = <Value>(write: WriteKind, path: string, action: Action<Value>): Promise<Value> =>
    strikeOr(state, write, path, action);
  const wrap = (file: AppendFile): AppendFile => ({
    path: file.path,
    append: (bytes) =>
      guarded("append", file.path, {
        whole: () => file.append(bytes),
        part: () => file.append(bytes.subarray(0, Math.ceil(bytes.length / 2))),
      }),
    sync: () => guarded("sync", file.path, { whole: () => file.sync() }),
    truncate: (length) => guarded("truncate", file.path, { whole: () => file.truncate(length) }),
    close: () => file.close(),
  });
  return {
    readFile: (path) => inner.readFile(path),
    read: (path, offset, length) => inner.read(path, offset, length),
    size: (path) => inner.size(path),
    list: (path) => inner.list(path),
    space: (path) => inner.space(path),
    makeFolder: (path) => guarded("makeFolder", path, { whole: () => inner.makeFolder(path) }),
    replaceFile: (path, bytes) => guarded("replaceFile", path, { whole: () => inner.replaceFile(path, bytes) }),
    createAppend: (path) => guarded("createAppend", path, { whole: async () => wrap(await inner.createAppend(path)) }),
    openAppend: (path) => guarded("openAppend", path, { whole: async () => wrap(await inner.openAppend(path)) }),
    remove: (path) => guarded("remove", path, { whole: () => inner.remove(path) }),
    rename: (from, to) => guarded("rename", from, { whole: () => inner.rename(from, to) }),
    inject: (fault) => void state.faults.push({ fault, passed: 0 }),
    lift() {
      state.faults = [];
      state.dead = false;
    },
    writes: () => state.writes,
    struck: () => state.struck,
  };
}

interface Action<Value> {
  readonly whole: () => Promise<Value>;
  /** What a torn write leaves; where a write cannot be torn (a rename), nothing. */
  readonly part?: () => Promise<unknown>;
}

async function strikeOr<Value>(state: Switch, write: WriteKind, path: string, action: Action<Value>): Promise<Value> {
  state.writes += 1;
  if (state.dead) throw injected(path, "not persisted");
  const kind = nextFault(state, write, path);
  if (kind === null) return action.whole();
  if (kind === "persisted but error returned") await action.whole();
  if (kind === "torn") await action.part?.();
  throw injected(path, kind);
}

function nextFault(state: Switch, write: WriteKind, path: string): FaultKind | null {
  for (const queued of state.faults) {
    const { fault } = queued;
    if (fault.write !== undefined && fault.write !== write) continue;
    if (fault.path !== undefined && !path.includes(fault.path)) continue;
    if (queued.passed++ < (fault.skip ?? 0)) continue;
    if (fault.stays !== true) state.faults = state.faults.filter((other) => other !== queued);
    state.struck = true;
    state.dead = fault.fatal === true;
    return fault.kind;
  }
  return null;
}

function injected(path: string, kind: FaultKind): TallystickError {
  if (kind === "no space") return new TallystickError("journal_full", `no space is left for ${path} (injected)`);
  return new TallystickError("disk_failed", `a write to ${path} failed (injected: ${kind})`);
}
