import { createContext, useContext } from "react";

/** As the server's table of permissions has them. */
export type Permission =
  | "read"
  | "payloads"
  | "audit"
  | "alert"
  | "respond"
  | "hold"
  | "erase"
  | "retain"
  | "approve"
  | "operate"
  | "manage";

/** Who is logged in, as the session last said; a login that ends takes nothing off the page. */
export interface Who {
  /** Of the principal, as records name it. */
  readonly name: string;
  readonly role: string;
  readonly permissions: readonly string[];
}

export const NOBODY: Who = { name: "", role: "", permissions: [] };

export const WhoContext = createContext<Who>(NOBODY);

export const useWho = (): Who => useContext(WhoContext);

/** Whether who is logged in may do it: what would be refused is not offered. */
export function useMay(permission: Permission): boolean {
  return useWho().permissions.includes(permission);
}
