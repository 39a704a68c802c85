import { useEffect, useRef, type RefObject } from "react";

import { LARGEST_SCALE, type Place, type Room } from "./shape.ts";

interface View {
  x: number;
  y: number;
  scale: number;
}

interface Moved {
  readonly frame: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  /** Shows all of it. */
  readonly fit: () => void;
  readonly zoom: (factor: number) => void;
}

const MIN_SCALE = 0.08;
const MAX_SCALE = 2.5;
const MARGIN_PX = 28;
/** Below it, names are left out; of a map that is whole only there one begins with a part. */
const FAR_SCALE = 0.42;
/** Below it, names that have room for it are written larger. */
const SMALL_SCALE = 0.62;
/** Of such a map: where somebody looks, else its left side. */
const LEGIBLE_SCALE = 0.55;
/** A hand that presses shakes so much. */
const SHAKE_PX = 4;
/** After it, what was moved as a picture is drawn anew, sharp. */
const REST_MS = 160;

/**
 * Drag moves, the wheel zooms. Only the transform of what is drawn is set, and that past React: the browser moves its
 * picture, and nothing is drawn again until it rests. `looksAt` is brought in sight, beside what lies over the map.
 */
export function usePanZoom(size: Room, looksAt: Place | null): Moved {
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const view = useRef<View>({ x: 0, y: 0, scale: 1 });
  const isTouched = useRef(false);
  const apply = () => {
    const [box, moved] = [frame.current, content.current];
    if (box === null || moved === null) return;
    const { x, y, scale } = view.current;
    moved.style.transform = `translate3d(${Math.round(x)}px, ${Math.round(y)}px, 0) scale(${scale})`;
    box.toggleAttribute("data-far", scale < FAR_SCALE);
    box.toggleAttribute("data-small", scale < SMALL_SCALE);
  };
  const scaleIn = (room: Room) => {
    const [width, height] = [room.width - 2 * MARGIN_PX, room.height - 2 * MARGIN_PX];
    return Math.min(LARGEST_SCALE, width / size.width, height / size.height);
  };
  const show = (minScale: number) => {
    const room = roomOf(frame.current);
    if (room === null) return;
    const whole = scaleIn(room);
    const scale = whole >= FAR_SCALE ? whole : Math.max(minScale, whole);
    const x = begin(room.width, size.width * scale, looksAt === null ? undefined : looksAt.x * scale);
    const y = begin(room.height, size.height * scale, (looksAt?.y ?? size.height / 2) * scale);
    view.current = { scale, x, y };
    apply();
  };
  const look = () => {
    const room = roomOf(frame.current);
    if (looksAt === null || room === null) return;
    if (!isTouched.current && scaleIn(room) >= FAR_SCALE) return show(LEGIBLE_SCALE);
    const { x, y, scale } = view.current;
    view.current = { scale, x: seen(x, looksAt.x * scale, room.width), y: seen(y, looksAt.y * scale, room.height) };
    apply();
  };
  useEffect(() => {
    isTouched.current = false;
    show(LEGIBLE_SCALE);
  }, [size.width, size.height]);
  useEffect(look, [looksAt?.x, looksAt?.y]);
  useEffect(() => {
    const box = frame.current;
    if (box === null) return undefined;
    const resized = new ResizeObserver(() => show(LEGIBLE_SCALE));
    resized.observe(box);
    const ends = listen(box, content, view, () => {
      isTouched.current = true;
      apply();
    });
    return () => {
      resized.disconnect();
      ends();
    };
  }, [size.width, size.height]);
  const zoom = (factor: number) => {
    const room = roomOf(frame.current);
    if (room === null) return;
    zoomAt(view.current, factor, room.width / 2, room.height / 2);
    isTouched.current = true;
    apply();
  };
  return { frame, content, fit: () => show(MIN_SCALE), zoom };
}

function zoomAt(view: View, factor: number, x: number, y: number): void {
  const scale = Math.min(Math.max(view.scale * factor, MIN_SCALE), MAX_SCALE);
  const by = scale / view.scale;
  Object.assign(view, { scale, x: x - (x - view.x) * by, y: y - (y - view.y) * by });
}

/** Where something of that length begins, so that it stands in the middle or shows what is looked at. */
function begin(room: number, length: number, at: number | undefined): number {
  const free = room - length;
  if (free >= 2 * MARGIN_PX || at === undefined) return Math.max(free / 2, MARGIN_PX);
  return Math.min(MARGIN_PX, Math.max(free - MARGIN_PX, room / 2 - at));
}

/** So little further that a place is in sight. */
function seen(begins: number, at: number, room: number): number {
  const aside = Math.min(120, room / 4);
  return Math.min(Math.max(begins, aside - at), room - aside - at);
}

/** Of the frame, what nothing lies over. */
function roomOf(frame: HTMLDivElement | null): Room | null {
  const box = frame?.getBoundingClientRect();
  if (frame === null || box === undefined || box.width === 0) return null;
  const over = frame.parentElement?.querySelector("aside")?.getBoundingClientRect();
  const isOver = over !== undefined && over.left > box.left && over.left < box.right && over.top < box.bottom;
  return { width: isOver ? over.left - box.left : box.width, height: box.height };
}

/** Until the end that is returned, presses and the wheel in the frame change the view. */
function listen(
  box: HTMLDivElement,
  content: RefObject<HTMLDivElement | null>,
  view: RefObject<View>,
  changed: () => void,
): () => void {
  let rests: ReturnType<typeof setTimeout> | undefined;
  let pressed: { readonly x: number; readonly y: number; isDrag: boolean } | null = null;
  /** While it moves it is one picture that nothing else is looked for in. */
  const moving = () => {
    content.current?.style.setProperty("will-change", "transform");
    content.current?.style.setProperty("pointer-events", "none");
    clearTimeout(rests);
    rests = setTimeout(() => {
      content.current?.style.removeProperty("will-change");
      content.current?.style.removeProperty("pointer-events");
    }, REST_MS);
  };
  const wheel = (event: WheelEvent) => {
    event.preventDefault();
    moving();
    const { left, top } = box.getBoundingClientRect();
    zoomAt(view.current, Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
    changed();
  };
  const down = (event: PointerEvent) => {
    pressed = event.button === 0 ? { x: event.clientX, y: event.clientY, isDrag: false } : null;
  };
  const move = (event: PointerEvent) => {
    if (pressed === null || event.buttons !== 1) return;
    if (!pressed.isDrag) {
      if (Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < SHAKE_PX) return;
      pressed.isDrag = true;
      // What is under it at the end is not pressed.
      box.setPointerCapture(event.pointerId);
    }
    moving();
    view.current.x += event.movementX;
    view.current.y += event.movementY;
    changed();
  };
  const on = { wheel, pointerdown: down, pointermove: move } as const;
  for (const [name, heard] of Object.entries(on))
    box.addEventListener(name, heard as EventListener, { passive: false });
  return () => {
    clearTimeout(rests);
    for (const [name, heard] of Object.entries(on)) box.removeEventListener(name, heard as EventListener);
  };
}
