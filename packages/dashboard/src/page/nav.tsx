import { Link } from "@tanstack/react-router";
import { placesFor } from "./places.ts";
import { useWho } from "./who.ts";

const LOOK = "block rounded px-2.5 py-1.5 hover:bg-ground";

/** The way to every screen; where one is stands out. */
export function Nav({ chosen }: { readonly chosen?: () => void }) {
  const { permissions } = useWho();
  return (
    <nav aria-label="Screens" className="flex flex-col gap-4">
      {placesFor(permissions).map((group) => (
        <div key={group.title}>
          <p className="px-2.5 pb-1 text-xs text-quiet">{group.title}</p>
          <ul>
            {group.places.map((place) => (
              <li key={place.to}>
                <Link
                  activeOptions={{ exact: place.to === "/", includeSearch: false }}
                  activeProps={{
                    className: `${LOOK} bg-accent-ground font-medium text-accent`,
                    "aria-current": "page",
                  }}
                  inactiveProps={{ className: LOOK }}
                  {...(chosen === undefined ? {} : { onClick: chosen })}
                  to={place.to}
                >
                  {place.title}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
