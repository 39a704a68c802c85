import { useState } from "react";
import { Button } from "../page/button.tsx";
import { Popover } from "../page/popover.tsx";
import { parseSearchState, type ChangeSearch, type SearchState } from "./search-state.ts";

interface SavedSearch {
  readonly name: string;
  readonly state: SearchState;
}

const KEPT = "tallystick.searches";
const MAX_SAVED = 100;

/** Searches under a name, in this browser; a colleague gets a view by its link. */
export function SavedSearches({ state, change }: { readonly state: SearchState; readonly change: ChangeSearch }) {
  const [saved, setSaved] = useState(readSaved);
  const [name, setName] = useState("");
  const keep = (all: readonly SavedSearch[]) => {
    const sorted = all.toSorted((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MAX_SAVED);
    setSaved(sorted);
    localStorage.setItem(KEPT, JSON.stringify(sorted));
  };
  const save = () => {
    const wanted = name.trim();
    if (wanted === "") return;
    const { record: _record, live: _live, ...view } = state;
    keep([...saved.filter((one) => one.name !== wanted), { name: wanted, state: view }]);
    setName("");
  };
  return (
    <Popover label="Saved">
      {(close) => (
        <>
          <ul className="mb-2 max-h-60 overflow-y-auto">
            {saved.map((one) => (
              <li className="flex items-center gap-2" key={one.name}>
                <button
                  className="min-w-0 grow cursor-pointer truncate rounded px-2 py-1 text-left hover:bg-raised"
                  onClick={() => {
                    change({ ...EMPTY, ...one.state });
                    close();
                  }}
                  title={one.state.q ?? "every record"}
                  type="button"
                >
                  {one.name}
                </button>
                <Button
                  aria-label={`Forget ${one.name}`}
                  className="px-2! py-0.5!"
                  onClick={() => keep(saved.filter((other) => other !== one))}
                >
                  ×
                </Button>
              </li>
            ))}
            {saved.length === 0 && <li className="px-2 py-1 text-quiet">No search is saved in this browser.</li>}
          </ul>
          <div className="flex gap-2 border-t border-line pt-2">
            <input
              aria-label="Name of this search"
              className="min-w-0 grow rounded border border-line bg-raised px-2 py-1"
              maxLength={80}
              onChange={(event) => setName(event.target.value)}
              onKeyDown={(event) => {
                if (event.key !== "Enter") return;
                event.preventDefault();
                save();
              }}
              placeholder="Name of this search"
              value={name}
            />
            <Button disabled={name.trim() === ""} onClick={save}>
              Save
            </Button>
          </div>
        </>
      )}
    </Popover>
  );
}

const EMPTY: SearchState = {
  q: undefined,
  from: undefined,
  to: undefined,
  record: undefined,
  own: undefined,
  columns: undefined,
  live: undefined,
};

function readSaved(): readonly SavedSearch[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    if (!Array.isArray(found)) return [];
    return found
      .filter((one: Partial<SavedSearch>) => typeof one.name === "string" && typeof one.state === "object")
      .map(({ name, state }: SavedSearch) => ({ name, state: parseSearchState({ ...state }) }));
  } catch {
    return [];
  }
}
