import { useState } from "react";
import { Button } from "../page/button.tsx";
import { FormFault } from "../page/field.tsx";
import { Popover } from "../page/popover.tsx";
import { parseSearchState, type ChangeSearch, type SearchState } from "./search-state.ts";
import { useSavedSearches } from "./use-saved-searches.ts";

/** Searches under a name, which follow their user to every browser; a colleague gets a view by its link. */
export function SavedSearches({ state, change }: { readonly state: SearchState; readonly change: ChangeSearch }) {
  const { found, save: keep, forget } = useSavedSearches();
  const [name, setName] = useState("");
  const saved = found.data?.searches ?? [];
  const save = () => {
    const wanted = name.trim();
    if (wanted === "") return;
    const { record: _record, live: _live, ...view } = state;
    keep.mutate({ name: wanted, view: viewOf(view) }, { onSuccess: () => setName("") });
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
                    change({ ...EMPTY, ...stateOf(one.view) });
                    close();
                  }}
                  title={stateOf(one.view).q ?? "every record"}
                  type="button"
                >
                  {one.name}
                </button>
                <Button
                  aria-label={`Forget ${one.name}`}
                  className="px-2! py-0.5!"
                  onClick={() => forget.mutate(one.name)}
                >
                  ×
                </Button>
              </li>
            ))}
            {saved.length === 0 && (
              <li className="px-2 py-1 text-quiet">
                {found.data === undefined ? "They come …" : "You have saved no search yet."}
              </li>
            )}
          </ul>
          <FormFault error={found.error ?? keep.error ?? forget.error} />
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
            <Button disabled={name.trim() === "" || keep.isPending} onClick={save}>
              {saved.some((one) => one.name === name.trim()) ? "Replace" : "Save"}
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

function viewOf(state: SearchState): string {
  const said = Object.entries(state).filter(([, value]) => value !== undefined && value !== "" && value !== false);
  return new URLSearchParams(said.map(([name, value]) => [name, String(value)])).toString();
}

function stateOf(view: string): SearchState {
  return parseSearchState(Object.fromEntries(new URLSearchParams(view)));
}
