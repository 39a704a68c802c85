import { createRootRoute, createRoute, createRouter, Navigate, Outlet } from "@tanstack/react-router";
import { Frame } from "./page/frame.tsx";
import { SearchPage } from "./search/search-page.tsx";
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

export const router = createRouter({ routeTree: root.addChildren([search]) });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
