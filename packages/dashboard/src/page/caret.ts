import { useLayoutEffect, useRef, useState, type RefObject } from "react";

/**
 * Where the caret of a controlled box is, as far as something is offered there; null: nothing is. `placeCaret` moves it
 * once the text that is being set is there, before the next key comes.
 */
export function useCaret(box: RefObject<HTMLInputElement | HTMLTextAreaElement | null>, text: string) {
  const [caret, setCaret] = useState<number | null>(null);
  const placed = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (placed.current === null) return;
    box.current?.setSelectionRange(placed.current, placed.current);
    setCaret(placed.current);
    placed.current = null;
  }, [box, text]);
  const placeCaret = (place: number): void => {
    placed.current = place;
  };
  return { caret, setCaret, placeCaret };
}
