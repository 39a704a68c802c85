import { useEffect, useRef, type RefObject } from "react";

import { LARGEST_SCALE } from "./layout.ts";

interface View {
  x: number;
  y: number;
  scale: number;
}

const MIN_SCALE = 0.08;
const MAX_SCALE = 2.5;
const MARGIN_PX = 28;
/** So small names can still be read; of a larger map it begins with where somebody looks, else at its left side. */
const LEGIBLE_SCALE = 0.55;

/**
 * Drag moves, the wheel zooms. The drawing's transform is set past React, so that thousands of edges move without
 * being drawn again. `fit` shows all of it. `looksAt` is in sight at first, where not all can be.
 */
export function usePanZoom(
  size: { readonly width: number; readonly height: number },
  looksAt: { readonly x: number; readonly y: number } | null,
): {
  readonly svg: RefObject<SVGSVGElement | null>;
  readonly content: RefObject<SVGGElement | null>;
  readonly fit: () => void;
  readonly zoom: (factor: number) => void;
} {
  const svg = useRef<SVGSVGElement>(null);
  const content = useRef<SVGGElement>(null);
  const view = useRef<View>({ x: 0, y: 0, scale: 1 });
  const apply = () => {
    const { x, y, scale } = view.current;
    content.current?.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  };
  const show = (minScale: number) => {
    const box = svg.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return;
    const room = { width: box.width - 2 * MARGIN_PX, height: box.height - 2 * MARGIN_PX };
    const scale = Math.max(minScale, Math.min(LARGEST_SCALE, room.width / size.width, room.height / size.height));
    const begins = (length: number, of: number, at: number | undefined) => {
      const free = length - of * scale;
      if (free >= 2 * MARGIN_PX || at === undefined) return Math.max(free / 2, MARGIN_PX);
      return Math.min(MARGIN_PX, Math.max(free - MARGIN_PX, length / 2 - at * scale));
    };
    const x = begins(box.width, size.width, looksAt?.x);
    view.current = { scale, x, y: begins(box.height, size.height, looksAt?.y ?? size.height / 2) };
    apply();
  };
  const fit = () => show(MIN_SCALE);
  const begin = () => show(LEGIBLE_SCALE);
  const zoomAt = (factor: number, x: number, y: number) => {
    const before = view.current;
    const scale = Math.min(Math.max(before.scale * factor, MIN_SCALE), MAX_SCALE);
    const by = scale / before.scale;
    view.current = { scale, x: x - (x - before.x) * by, y: y - (y - before.y) * by };
    apply();
  };
  useEffect(begin, [size.width, size.height]);
  useEffect(() => {
    const drawing = svg.current;
    if (drawing === null) return undefined;
    const resized = new ResizeObserver(begin);
    resized.observe(drawing);
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = drawing.getBoundingClientRect();
      zoomAt(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
    };
    const move = (event: PointerEvent) => {
      if (event.buttons !== 1) return;
      view.current = { ...view.current, x: view.current.x + event.movementX, y: view.current.y + event.movementY };
      apply();
    };
    drawing.addEventListener("wheel", wheel, { passive: false });
    drawing.addEventListener("pointermove", move);
    return () => {
      resized.disconnect();
      drawing.removeEventListener("wheel", wheel);
      drawing.removeEventListener("pointermove", move);
    };
  }, [size.width, size.height]);
  const zoom = (factor: number) => {
    const box = svg.current?.getBoundingClientRect();
    if (box !== undefined) zoomAt(factor, box.width / 2, box.height / 2);
  };
  return { svg, content, fit, zoom };
}
