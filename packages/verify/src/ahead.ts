/**
 * Loads things in order with a bounded number under way, so that a slow connection is kept busy and memory is not.
 * The first failure ends the sequence; what else was under way is awaited by nobody and cannot become an unhandled
 * rejection.
 */
export async function* ahead<Item, Loaded>(
  items: Iterable<Item>,
  limit: number,
  load: (item: Item) => Promise<Loaded>,
): AsyncGenerator<readonly [Item, Loaded]> {
  const waiting: { readonly item: Item; readonly loaded: Promise<Loaded> }[] = [];
  for (const item of items) {
    const loaded = load(item);
    loaded.catch(() => undefined);
    waiting.push({ item, loaded });
    if (waiting.length < limit) continue;
    const first = waiting.shift()!;
    yield [first.item, await first.loaded];
  }
  for (const { item, loaded } of waiting) yield [item, await loaded];
}
