import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { getJson } from "../client/api.ts";
import type { Session } from "../client/types.ts";
import { moveRow, openRow } from "../table/row-keys.ts";
import { LoginAgain } from "../session/login-again.tsx";
import { LoginPage } from "../session/login-page.tsx";
import { returnAddress } from "../session/return-address.ts";
import { Header } from "./header.tsx";
import { Help } from "./help.tsx";
import { useKeys, type Keys } from "./keys.ts";
import { Nav } from "./nav.tsx";
import { Palette } from "./palette.tsx";
import { placesFor } from "./places.ts";
import { ProblemView } from "./problem-view.tsx";
import { Loading } from "./states.tsx";
import { NOBODY, WhoContext, type Who } from "./who.ts";

type Overlay = "palette" | "help" | "menu" | null;

/**
 * The frame of every page; who is not logged in sees how to, and comes back to the same address. A login that ends
 * while somebody works lies over the page, which stays as it was below it.
 */
export function Frame({ children }: { readonly children: ReactNode }) {
  const session = useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => getJson<Session>("/api/session", {}, signal),
    refetchInterval: 60_000,
    refetchOnWindowFocus: true,
  });
  const [overlay, setOverlay] = useState<Overlay>(null);
  const isIn = session.data?.authenticated === true;
  const who = useLastWho(session.data);
  const wasIn = who !== NOBODY;
  useReturn(isIn);
  usePageKeys(isIn, who, setOverlay);
  const close = () => setOverlay(null);
  const retry = () => void session.refetch();
  return (
    <WhoContext value={who}>
      <div className="flex h-full flex-col">
        <Header session={session.data} open={setOverlay} />
        <div className="flex min-h-0 grow">
          {wasIn && (
            <div className="hidden w-40 shrink-0 overflow-y-auto border-r border-line bg-raised p-2 pt-4 lg:block">
              <Nav />
            </div>
          )}
          <div className="min-h-0 min-w-0 grow">{wasIn ? children : entrance(session.data, session.error, retry)}</div>
        </div>
        {wasIn && session.data?.authenticated === false && <LoginAgain methods={session.data.methods} retry={retry} />}
        {overlay === "palette" && <Palette close={close} showHelp={() => setOverlay("help")} />}
        {overlay === "help" && <Help close={close} />}
        {overlay === "menu" && <Menu close={close} />}
      </div>
    </WhoContext>
  );
}

/** Who was logged in last: what he wrote and may do stays on the page when his login ends. */
function useLastWho(session: Session | undefined): Who {
  const [who, setWho] = useState(NOBODY);
  useEffect(() => {
    if (session?.authenticated !== true) return;
    const { name, role, permissions } = session;
    setWho({ name: name ?? "", role: role ?? "", permissions });
  }, [session]);
  return who;
}

function entrance(session: Session | undefined, error: Error | null, retry: () => void): ReactNode {
  if (error !== null && session === undefined) return <ProblemView problem={error} retry={retry} />;
  if (session === undefined || session.authenticated) return <Loading />;
  return <LoginPage methods={session.methods} retry={retry} />;
}

function Menu({ close }: { readonly close: () => void }) {
  return (
    <dialog
      aria-label="Menu"
      className="fixed inset-y-0 left-0 m-0 h-full max-h-none w-56 bg-raised p-3 text-ink shadow-2xl backdrop:bg-black/45"
      onCancel={close}
      onClick={(event) => event.target === event.currentTarget && close()}
      ref={(dialog) => {
        if (dialog !== null && !dialog.open) dialog.showModal();
      }}
    >
      <Nav chosen={close} />
    </dialog>
  );
}

function usePageKeys(isIn: boolean, { permissions }: Who, setOverlay: (overlay: Overlay) => void): void {
  const navigate = useNavigate();
  const places = placesFor(permissions).flatMap((group) =>
    group.places.map(({ key, to }) => [`g ${key}`, () => void navigate({ to })] as const),
  );
  const keys: Keys = {
    ...Object.fromEntries(places),
    "?": () => setOverlay("help"),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    "/": () => {
      const box = document.querySelector<HTMLElement>("[data-query-box]");
      if (box === null) void navigate({ to: "/search" });
      else box.focus();
    },
  };
  useKeys(isIn ? keys : {});
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (isIn && event.key === "Enter") openRow();
      if (!isIn || event.key !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOverlay("palette");
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, [isIn, setOverlay]);
}

/** Back to where somebody was before the identity provider's pages. */
function useReturn(isIn: boolean): void {
  const navigate = useNavigate();
  useEffect(() => {
    const address = isIn ? returnAddress.take() : null;
    if (address !== null) void navigate({ href: address });
  }, [isIn, navigate]);
}
