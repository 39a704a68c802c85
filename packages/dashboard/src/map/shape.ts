/** What a map looks like: what is drawn where, and how large. */
export interface LayoutEdge {
  readonly caller: string;
  readonly callee: string;
  readonly calls: number;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Room {
  readonly width: number;
  readonly height: number;
}

/** Services that belong together. */
export interface GroupBox extends Place, Room {
  /** Empty: one service by itself. */
  readonly name: string;
  readonly members: readonly string[];
}

export interface Layout extends Room {
  /** Which way calls go. */
  readonly direction: "right" | "down" | "any";
  readonly places: ReadonlyMap<string, Place>;
  /** Through which points calls go that pass by other services, see lanes.ts; none: straight. */
  readonly ways: ReadonlyMap<string, readonly Place[]>;
  /** How large a service is drawn. */
  readonly node: Room;
  /** None: each service stands by itself. */
  readonly groups: readonly GroupBox[];
  /** Names as they are shown, where they are not whole. */
  readonly shown: ReadonlyMap<string, string>;
}

/** A small map is drawn no larger. */
export const LARGEST_SCALE = 1.15;

/** How large something is drawn so that all of it is seen. */
export function scaleFor({ width, height }: Room, room: Room): number {
  return Math.min(LARGEST_SCALE, room.width / width, room.height / height);
}
