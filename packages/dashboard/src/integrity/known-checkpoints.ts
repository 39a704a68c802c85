/** The newest checkpoint of each tree that this browser has seen and found consistent; public text, no secret. */
const KEPT = "tallystick.checkpoints";
const MAX_TREES = 200;

type Kept = Readonly<Record<string, string>>;

/** By origin, since another server has other trees of the same name. */
export function knownCheckpoint(origin: string): string | null {
  return readKept()[origin] ?? null;
}

export function keepCheckpoint(origin: string, note: string): void {
  const { [origin]: _before, ...others } = readKept();
  const all = [...Object.entries(others), [origin, note] as const].slice(-MAX_TREES);
  localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(all)));
}

function readKept(): Kept {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    return typeof found === "object" && found !== null ? (found as Kept) : {};
  } catch {
    return {};
  }
}
