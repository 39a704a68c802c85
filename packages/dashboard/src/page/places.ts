import type { Permission } from "./who.ts";

/** The screens that one goes to by name, in the order of the menu; `keys` after `g`. */
export interface Place {
  readonly to:
    | "/"
    | "/search"
    | "/map"
    | "/alerts"
    | "/rules"
    | "/tally"
    | "/producers"
    | "/integrity"
    | "/access"
    | "/keeping"
    | "/settings";
  readonly title: string;
  readonly key: string;
  readonly says: string;
  /** Without it the screen is not offered. */
  readonly needs?: Permission;
}

export interface PlaceGroup {
  readonly title: string;
  readonly places: readonly Place[];
}

const PLACES: readonly PlaceGroup[] = [
  {
    title: "Investigate",
    places: [
      { to: "/", title: "Overview", key: "o", says: "Is the fleet well, is the log whole?" },
      { to: "/search", title: "Search", key: "s", says: "Every record, by any word or field" },
      { to: "/alerts", title: "Alerts", key: "l", says: "What needs somebody, and what shows it" },
      { to: "/rules", title: "Rules", key: "r", says: "What is looked for, what it found, what it would find" },
      { to: "/map", title: "Map", key: "m", says: "Who calls whom, and how well" },
    ],
  },
  {
    title: "Check",
    places: [
      { to: "/tally", title: "Tally", key: "t", says: "Where the two halves of calls disagree" },
      { to: "/producers", title: "Producers", key: "p", says: "Who reports, and what is missing of them" },
      { to: "/integrity", title: "Integrity", key: "i", says: "Trees, checkpoints, and how a stranger verifies them" },
    ],
  },
  {
    title: "Administer",
    places: [
      { to: "/access", title: "Access", key: "a", says: "Who read what; users, keys, sessions", needs: "audit" },
      { to: "/keeping", title: "Keeping", key: "k", says: "Retention, holds, erasures, approvals" },
      { to: "/settings", title: "Settings", key: "e", says: "What the server runs with", needs: "operate" },
    ],
  },
];

/** Those that somebody may see. */
export function placesFor(permissions: readonly string[]): readonly PlaceGroup[] {
  return PLACES.map(({ title, places }) => ({
    title,
    places: places.filter(({ needs }) => needs === undefined || permissions.includes(needs)),
  }));
}
