import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Session } from "../client/types.ts";
import { deleteJson } from "../client/api.ts";
import { Busy } from "./states.tsx";
import { chooseZone, useMoments } from "./zone.ts";

interface HeaderProps {
  readonly session: Session | undefined;
  readonly open: (overlay: "palette" | "help" | "menu") => void;
}

const LOOK = "cursor-pointer whitespace-nowrap rounded border border-line bg-ground px-2.5 py-1 hover:border-quiet";

/** The name, the way to everything, the zone of all times, and who one is. */
export function Header({ session, open }: HeaderProps) {
  const { zone, label } = useMoments();
  const logOut = useMutation({
    mutationFn: () => deleteJson("/api/session"),
    onSuccess: () => location.assign("/"),
  });
  const isIn = session?.authenticated === true;
  return (
    <header className="flex shrink-0 items-center gap-2 border-b border-line bg-raised px-3 sm:gap-3 sm:px-4 py-1.5">
      {isIn && (
        <button aria-label="Menu" className={`${LOOK} lg:hidden`} onClick={() => open("menu")} type="button">
          ☰
        </button>
      )}
      <Link aria-label="Tallystick" className="flex min-h-6 min-w-6 items-center gap-2 font-semibold" to="/">
        <img alt="" height={20} src="/tallystick.svg" width={20} />
        <span className="hidden sm:inline">Tallystick</span>
      </Link>
      {isIn && (
        <>
          <button
            className={`${LOOK} ml-2 flex max-w-96 min-w-0 grow items-center text-left text-quiet`}
            onClick={() => open("palette")}
            type="button"
          >
            <span className="truncate">
              Go to<span className="hidden sm:inline"> a screen, a service, an id</span>
              <span className="sm:hidden"> …</span>
            </span>
            <kbd className="ml-auto hidden pl-2 font-mono text-xs sm:inline">Ctrl K</kbd>
          </button>
          <div className="ml-auto flex items-center gap-2 sm:gap-3">
            <Busy queryKey={[]} />
            <button
              aria-label={`Times are in ${label}; change`}
              className={LOOK}
              onClick={() => chooseZone(zone === "UTC" ? "local" : "UTC")}
              title="The zone in which all times are shown"
              type="button"
            >
              {label}
            </button>
            <button
              aria-label="Keyboard help"
              className={`${LOOK} hidden sm:block`}
              onClick={() => open("help")}
              type="button"
            >
              ?
            </button>
            <span className="hidden truncate text-quiet md:inline">
              {session.name} · {session.role}
            </span>
            <button className={LOOK} onClick={() => logOut.mutate()} type="button">
              Log out
            </button>
          </div>
        </>
      )}
    </header>
  );
}
