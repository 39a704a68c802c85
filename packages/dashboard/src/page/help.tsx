import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { placesFor } from "./places.ts";
import { useWho } from "./who.ts";

const ANYWHERE: readonly (readonly [string, string])[] = [
  ["/", "Go to the search box"],
  ["Ctrl K, ⌘ K", "Command palette: a screen, a service, an id"],
  ["j, k", "Next, previous row of a list"],
  ["Enter", "Open the row"],
  ["Escape", "Close what is open"],
  ["?", "This page"],
];

/** Every key there is. */
export function Help({ close }: { readonly close: () => void }) {
  const places = placesFor(useWho().permissions).flatMap((group) => group.places);
  return (
    <Dialog close={close} label="Keyboard">
      <div className="flex items-center border-b border-line px-4 py-2">
        <h2 className="font-semibold">Keyboard</h2>
        <Button className="ml-auto" onClick={close}>
          Close
        </Button>
      </div>
      <div className="grid gap-6 p-4 sm:grid-cols-2">
        <KeyList keys={ANYWHERE} title="Anywhere" />
        <KeyList keys={places.map(({ key, title }) => [`g ${key}`, title] as const)} title="Go to" />
      </div>
    </Dialog>
  );
}

function KeyList({ title, keys }: { readonly title: string; readonly keys: typeof ANYWHERE }) {
  return (
    <section>
      <h3 className="mb-2 text-xs text-quiet">{title}</h3>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5">
        {keys.map(([key, says]) => (
          <div className="contents" key={key}>
            <dt>
              <kbd className="rounded border border-line bg-raised px-1.5 py-0.5 font-mono text-xs">{key}</kbd>
            </dt>
            <dd>{says}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
