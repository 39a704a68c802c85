import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Link,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { Frame } from "./page/frame.tsx";
import { texts } from "./page/address.ts";
import { Loading } from "./page/states.tsx";
import { DevicePage } from "./session/device-page.tsx";
import { parseSearchState } from "./search/search-state.ts";

const root = createRootRoute({
  component: () => (
    <Frame>
      <Outlet />
    </Frame>
  ),
  notFoundComponent: () => (
    <p className="p-6">
      There is no such page.{" "}
      <Link className="text-accent underline" to="/">
        To the overview
      </Link>
    </p>
  ),
});

const getParentRoute = () => root;

/** A link of an older version: `/?q=…` was the search. */
const oldSearch = (search: Readonly<Record<string, unknown>>) => "q" in search || "record" in search;

const overview = createRoute({
  getParentRoute,
  path: "/",
  validateSearch: (search: Readonly<Record<string, unknown>>) => search,
  beforeLoad: ({ search: asked }) => {
    if (oldSearch(asked)) throw redirect({ to: "/search", search: parseSearchState(asked) });
  },
  component: lazyRouteComponent(() => import("./overview/overview-page.tsx"), "OverviewPage"),
});

const search = createRoute({
  getParentRoute,
  path: "/search",
  validateSearch: parseSearchState,
  component: lazyRouteComponent(() => import("./search/search-page.tsx"), "SearchPage"),
});

const service = createRoute({
  getParentRoute,
  path: "/service",
  validateSearch: texts("name", "from", "to"),
  component: lazyRouteComponent(() => import("./service/health-page.tsx"), "ServicePage"),
});

const call = createRoute({
  getParentRoute,
  path: "/call",
  validateSearch: texts("id"),
  component: lazyRouteComponent(() => import("./call/call-page.tsx"), "CallPage"),
});

const trace = createRoute({
  getParentRoute,
  path: "/trace",
  validateSearch: texts("id", "call", "view"),
  component: lazyRouteComponent(() => import("./trace/trace-page.tsx"), "TracePage"),
});

const credential = createRoute({
  getParentRoute,
  path: "/credential",
  validateSearch: texts("id", "from", "to"),
  component: lazyRouteComponent(() => import("./credential/credential-page.tsx"), "CredentialPage"),
});

const map = createRoute({
  getParentRoute,
  path: "/map",
  validateSearch: texts("from", "to", "edge", "at", "service", "compare", "as", "find", "only"),
  component: lazyRouteComponent(() => import("./map/map-page.tsx"), "MapPage"),
});

const tally = createRoute({
  getParentRoute,
  path: "/tally",
  validateSearch: texts("from", "to", "kind", "edge", "tab"),
  component: lazyRouteComponent(() => import("./tally/tally-page.tsx"), "TallyPage"),
});

const producers = createRoute({
  getParentRoute,
  path: "/producers",
  validateSearch: texts("state", "history"),
  component: lazyRouteComponent(() => import("./producers/producers-page.tsx"), "ProducersPage"),
});

const integrity = createRoute({
  getParentRoute,
  path: "/integrity",
  validateSearch: texts("tree", "first", "second"),
  component: lazyRouteComponent(() => import("./integrity/integrity-page.tsx"), "IntegrityPage"),
});

const access = createRoute({
  getParentRoute,
  path: "/access",
  validateSearch: texts("tab", "from", "to", "by"),
  component: lazyRouteComponent(() => import("./access/access-page.tsx"), "AccessPage"),
});

const keeping = createRoute({
  getParentRoute,
  path: "/keeping",
  validateSearch: texts("tab"),
  component: lazyRouteComponent(() => import("./keeping/keeping-page.tsx"), "KeepingPage"),
});

const settings = createRoute({
  getParentRoute,
  path: "/settings",
  validateSearch: texts("find"),
  component: lazyRouteComponent(() => import("./settings/settings-page.tsx"), "SettingsPage"),
});

const alerts = createRoute({
  getParentRoute,
  path: "/alerts",
  validateSearch: texts("tab", "id", "state", "level", "group"),
  component: lazyRouteComponent(() => import("./alerts/alerts-page.tsx"), "AlertsPage"),
});

const rules = createRoute({
  getParentRoute,
  path: "/rules",
  validateSearch: texts("tab", "find", "show", "name", "log", "subject"),
  component: lazyRouteComponent(() => import("./rules/rules-page.tsx"), "RulesPage"),
});

const rule = createRoute({
  getParentRoute,
  path: "/rule",
  validateSearch: texts("id", "edit", "version", "from", "to"),
  component: lazyRouteComponent(() => import("./rules/rule-page.tsx"), "RulePage"),
});

const device = createRoute({ getParentRoute, path: "/device", component: DevicePage });

export const router = createRouter({
  routeTree: root.addChildren([
    device,
    overview,
    search,
    service,
    call,
    trace,
    credential,
    map,
    tally,
    producers,
    integrity,
    access,
    keeping,
    settings,
    alerts,
    rules,
    rule,
  ]),
  defaultPendingComponent: () => <Loading lines={8} />,
  defaultPreload: "intent",
  // Values in the address are text: an id of digits alone must not become a number.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const said = Object.entries(search as Readonly<Record<string, unknown>>).filter(
      ([, value]) => value !== undefined && value !== "" && value !== false,
    );
    const text = new URLSearchParams(said.map(([name, value]) => [name, String(value)])).toString();
    return text === "" ? "" : `?${text}`;
  },
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
