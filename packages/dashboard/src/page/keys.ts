import { useEffect, useRef } from "react";

/** What a key does, by its name; `g m` are two keys, one after the other. */
export type Keys = Readonly<Record<string, () => void>>;

const SEQUENCE_MS = 1_200;

/** Keys of the whole page. While somebody types, or a dialog is open, they are letters. */
export function useKeys(keys: Keys): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    let first: { readonly key: string; readonly atMs: number } | null = null;
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]") !== null) return;
      const before = first !== null && event.timeStamp - first.atMs < SEQUENCE_MS ? `${first.key} ` : "";
      first = { key: event.key, atMs: event.timeStamp };
      // After `g` a letter names a screen, and is nobody's own key.
      const alone = before === "g " ? undefined : current.current[event.key];
      const action = current.current[`${before}${event.key}`] ?? alone;
      if (action === undefined) return;
      event.preventDefault();
      first = null;
      action();
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.isContentEditable)
  );
}
