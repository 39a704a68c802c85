/** Every screen of the dashboard, with something on it: what axe walks and what is photographed. */

/** Ids of the seeded shop that screens are about. */
export interface ShopIds {
  /** A call that payments failed. */
  readonly failedCall: string;
  readonly failedTrace: string;
  readonly callWithBody: string;
  readonly longTrace: string;
  readonly impostorKey: string;
}

/** A measure that is shipped. */
const FAILING_RULE = "be204c00-471b-5229-bb3d-3b1003f46f6c";

export interface ScreenPath {
  readonly name: string;
  readonly path: string;
  /** Of its heading. */
  readonly title: string | RegExp;
}

/** One of the rules that are shipped, which finds something in the shop. */
export const DENIED_RULE = "3d406cf4-3d7d-5bd6-a1cc-5533cec07b0c";

export function screensOf(ids: ShopIds): readonly ScreenPath[] {
  const of = (name: string, path: string, title: string | RegExp): ScreenPath => ({ name, path, title });
  const call = encodeURIComponent(ids.failedCall);
  return [
    of("overview", "/", "Overview"),
    of("service", "/service?name=payments", "payments"),
    of("search", "/search", "Search"),
    of("record", `/search?q=${encodeURIComponent('status:timeout callee:"payments"')}`, "Search"),
    of("call", `/call?id=${call}`, /→/),
    of("trace", `/trace?id=${ids.failedTrace}&call=${call}`, /POST/),
    of("credential", `/credential?id=${encodeURIComponent(ids.impostorKey)}`, "Credential"),
    of("alerts", "/alerts?group=rule", "Alerts"),
    of("responses", "/alerts?tab=responses", "Alerts"),
    of("silences", "/alerts?tab=silences", "Alerts"),
    of("channels", "/alerts?tab=channels", "Alerts"),
    of("detectors", "/rules?tab=detectors&name=first-seen-edge", "Rules"),
    of("rules", "/rules", "Rules"),
    of("rule", `/rule?id=${DENIED_RULE}`, "A caller is denied again and again"),
    of("measure", `/rule?id=${FAILING_RULE}`, "Calls of an edge fail"),
    of("rule-copy", `/rule?id=${DENIED_RULE}&edit=true`, /Your own of/),
    of("rule-editor", "/rule?edit=true&from=now-1h", "New rule"),
    of("map", "/map?edge=orders%3Apayments", "Map"),
    of("map-list", "/map?as=list", "Map"),
    of("tally", "/tally", "Tally"),
    of("clocks", "/tally?tab=clocks", "Tally"),
    of("coverage", "/tally?tab=coverage", "Tally"),
    of("names", "/tally?tab=names", "Tally"),
    of("producers", "/producers", "Producers"),
    of("integrity", "/integrity", "Integrity"),
    of("access", "/access", "Access"),
    of("access-data", "/access?tab=data", "Access"),
    of("users", "/access?tab=users", "Access"),
    of("keys", "/access?tab=keys", "Access"),
    of("sessions", "/access?tab=sessions", "Access"),
    of("keeping", "/keeping", "Keeping"),
    of("holds", "/keeping?tab=holds", "Keeping"),
    of("erasures", "/keeping?tab=erasures", "Keeping"),
    of("approvals", "/keeping?tab=approvals", "Keeping"),
    of("settings", "/settings", "Settings"),
  ];
}
