import { useRouter } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";
import type { Place } from "./places.ts";

type Screen = Place["to"] | "/service" | "/call" | "/trace" | "/credential" | "/rule";

/** Where a link leads; made by `linkOptions`, which checks the names against the screen's own. */
export interface Target {
  readonly to: Screen;
  readonly search: Readonly<Record<string, unknown>>;
}

interface PageLinkProps {
  readonly target: Target;
  readonly children: ReactNode;
  readonly className?: string;
  readonly title?: string;
}

/**
 * A link to a screen, light enough for a table of hundreds: it follows neither the address nor whether it is the
 * screen one is on, as the router's own does. Where it leads is fetched once somebody points at it.
 */
export function PageLink({ target, children, className, title }: PageLinkProps) {
  const router = useRouter();
  const href = `${target.to}${router.options.stringifySearch(target.search)}`;
  const fetchScreen = () => void router.preloadRoute({ to: target.to });
  return (
    <a
      className={className}
      href={href}
      onClick={(event) => {
        if (!isPlain(event)) return;
        event.preventDefault();
        void router.navigate({ href });
      }}
      onFocus={fetchScreen}
      onMouseEnter={fetchScreen}
      onTouchStart={fetchScreen}
      title={title}
    >
      {children}
    </a>
  );
}

/** A click that opens no other tab or window. */
function isPlain({ button, metaKey, altKey, ctrlKey, shiftKey }: MouseEvent): boolean {
  return button === 0 && !(metaKey || altKey || ctrlKey || shiftKey);
}
