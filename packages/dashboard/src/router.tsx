import { createRootRoute, createRoute, createRouter, Navigate, Outlet } from "@tanstack/react-router";
import { Frame } from "./page/frame.tsx";
import { SearchPage } from "./search/search-page.tsx";
import { DevicePage } from "./session/device-page.tsx";
import { parseSearchState } from "./search/search-state.ts";

const root = createRootRoute({
  component: () => (
    <Frame>
      <Outlet />
    </Frame>
  ),
  notFoundComponent: () => <Navigate to="/" search={parseSearchState({})} />,
});

const search = createRoute({
  getParentRoute: () => root,
  path: "/",
  validateSearch: parseSearchState,
  component: SearchPage,
});

const device = createRoute({ getParentRoute: () => root, path: "/device", component: DevicePage });

export const router = createRouter({ routeTree: root.addChildren([device, search]) });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
