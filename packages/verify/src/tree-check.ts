import type { NoteVerifier, TreeSize } from "@tallystick/tlog";
import type { ErasedPlace } from "./erasure.ts";
import type { EpochLink, Opening } from "./own-leaf.ts";
import type { FaultList } from "./result.ts";
import type { TreeSource } from "./tree-source.ts";

/** What the parts of one tree's check share. */
export interface TreeCheck {
  readonly tree: string;
  readonly source: TreeSource;
  readonly size: TreeSize;
  /** The signed root. */
  readonly root: Uint8Array;
  /** Whether a known key did sign it, so that what does not lead to it is wrong. */
  readonly isSigned: boolean;
  readonly verifiers: readonly NoteVerifier[];
  readonly faults: FaultList;
  readonly onLeaves: (leaves: number) => void;
  readonly found: Findings;
}

/** The hash that a tile must have, and where it is written. */
export interface HashAbove {
  readonly hash: Uint8Array;
  readonly file: string;
  readonly offset: number;
  /** Whether the tile that holds it leads to the signed root. */
  readonly proven: boolean;
}

/** What the check learns on its way. */
export interface Findings {
  tilesChecked: number;
  leavesChecked: number;
  lastLeafHash: Uint8Array | null;
  /** Null until leaf 0 was read and opens the tree. */
  opening: Opening | null;
  readonly links: EpochLink[];
  /** Notes of key successions. */
  readonly successions: string[];
  /** Of the leaf before; RFC 3339 UTC with six fractional digits, so that text order is time order. */
  lastReceivedAt: string;
  /** Whether leaf 0 could be read. */
  chainRead: boolean;
  /** Leaves of which only the hash is there. */
  readonly stubs: { readonly index: number; readonly hash: string }[];
  /** Leaves that ERASURE records of this tree say were erased, here or in older trees. */
  readonly erased: ErasedPlace[];
}

export function noFindings(): Findings {
  return {
    tilesChecked: 0,
    leavesChecked: 0,
    lastLeafHash: null,
    opening: null,
    links: [],
    successions: [],
    lastReceivedAt: "",
    chainRead: false,
    stubs: [],
    erased: [],
  };
}
