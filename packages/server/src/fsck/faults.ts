import { FaultList } from "@tallystick/verify";
import type { Fault, FaultCode } from "@tallystick/verify";

export type FaultPlace = Omit<Fault, "code" | "message" | "tree">;

/** The faults of one folder, files named below it; bounded as FaultList is. */
export class FolderFaults {
  readonly list = new FaultList();
  readonly #root: string;

  constructor(root: string) {
    this.#root = root.endsWith("/") ? root : `${root}/`;
  }

  add(code: FaultCode, message: string, place: FaultPlace = {}, tree?: string): void {
    const file = place.file === undefined ? {} : { file: this.relative(place.file) };
    this.list.add({ code, message, ...place, ...file, ...(tree === undefined ? {} : { tree }) });
  }

  relative(path: string): string {
    return path.startsWith(this.#root) ? path.slice(this.#root.length) : path;
  }
}

/** The same list, each fault with the tree it is in. */
export class TreeFaults {
  readonly #list: FolderFaults;
  readonly #tree: string;

  constructor(list: FolderFaults, tree: string) {
    this.#list = list;
    this.#tree = tree;
  }

  add(code: FaultCode, message: string, place: FaultPlace = {}): void {
    this.#list.add(code, message, place, this.#tree);
  }

  relative(path: string): string {
    return this.#list.relative(path);
  }
}
