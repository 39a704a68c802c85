import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { getJson } from "../client/api.ts";
import type { Session } from "../client/types.ts";
import { LoginPage } from "../session/login-page.tsx";
import { ProblemView } from "./problem-view.tsx";

/** The frame of every page; who is not logged in sees how to, and comes back to the same address. */
export function Frame({ children }: { readonly children: ReactNode }) {
  const session = useQuery({
    queryKey: ["session"],
    queryFn: ({ signal }) => getJson<Session>("/api/session", {}, signal),
    refetchInterval: 60_000,
  });
  return (
    <div className="flex h-full flex-col">
      <header className="flex shrink-0 items-center gap-2 border-b border-line bg-raised px-4 py-2">
        <img alt="" height={20} src="/tallystick.svg" width={20} />
        <span className="font-semibold">Tallystick</span>
        {session.data?.authenticated === true && (
          <span className="ml-auto text-quiet">
            {session.data.name} · {session.data.role}
          </span>
        )}
      </header>
      <div className="min-h-0 grow">{content(session.data, session.error, () => void session.refetch(), children)}</div>
    </div>
  );
}

function content(session: Session | undefined, error: Error | null, retry: () => void, children: ReactNode): ReactNode {
  if (error !== null) return <ProblemView problem={error} retry={retry} />;
  if (session === undefined) return <p className="p-4 text-quiet">Loading…</p>;
  return session.authenticated ? children : <LoginPage methods={session.methods} retry={retry} />;
}
