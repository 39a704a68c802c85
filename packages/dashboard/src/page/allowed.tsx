import type { ReactNode } from "react";
import { useMay, useWho, type Permission } from "./who.ts";

interface AllowedProps {
  readonly to: Permission;
  readonly children: ReactNode;
  /** Said in its place to whom it is refused, as "places holds"; absent: nothing is said. */
  readonly what?: string;
}

/** What is offered to those alone who may do it; the others read whose it is. */
export function Allowed({ to, children, what }: AllowedProps) {
  const isAllowed = useMay(to);
  const { role } = useWho();
  if (isAllowed) return children;
  return what === undefined ? null : (
    <p className="text-quiet">
      Your role, {role}, {what}.
    </p>
  );
}
