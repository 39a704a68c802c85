import { useState } from "react";
import { Button } from "../page/button.tsx";
import { Popover } from "../page/popover.tsx";
import { columnsOf, DEFAULT_COLUMNS, type ChangeSearch, type SearchState } from "./search-state.ts";
import { useFields } from "./use-completion.ts";

interface ColumnPickerProps {
  readonly state: SearchState;
  readonly change: ChangeSearch;
}

/** Which columns the table has, and in what order. */
export function ColumnPicker({ state, change }: ColumnPickerProps) {
  const columns = columnsOf(state);
  const set = (chosen: readonly string[]) => {
    const joined = chosen.join(",");
    change({ columns: joined === DEFAULT_COLUMNS || joined === "" ? undefined : joined });
  };
  const moved = (at: number, step: number) => {
    const order = [...columns];
    const [one] = order.splice(at, 1);
    if (one !== undefined) order.splice(at + step, 0, one);
    set(order);
  };
  return (
    <Popover className="w-80" label="Columns">
      {() => (
        <>
          <ol className="mb-3 flex max-h-64 flex-col gap-0.5 overflow-y-auto">
            {columns.map((field, at) => (
              <li className="flex items-center gap-1 rounded px-1 hover:bg-raised" key={field}>
                <span className="min-w-0 grow truncate font-mono text-xs">{field}</span>
                <Small disabled={at === 0} label={`Move ${field} to the left`} press={() => moved(at, -1)} sign="↑" />
                <Small
                  disabled={at === columns.length - 1}
                  label={`Move ${field} to the right`}
                  press={() => moved(at, 1)}
                  sign="↓"
                />
                <Small
                  disabled={columns.length === 1}
                  label={`Remove ${field}`}
                  press={() => set(columns.filter((one) => one !== field))}
                  sign="×"
                />
              </li>
            ))}
          </ol>
          <AddColumn add={(field) => set([...columns, field])} columns={columns} state={state} />
          <Button className="mt-2 w-full" onClick={() => set([])}>
            The usual columns
          </Button>
        </>
      )}
    </Popover>
  );
}

interface AddColumnProps {
  readonly state: SearchState;
  readonly columns: readonly string[];
  readonly add: (field: string) => void;
}

function AddColumn({ state, columns, add }: AddColumnProps) {
  const [typed, setTyped] = useState("");
  const fields = useFields(state).data;
  const names = [...(fields?.fields ?? []), ...(fields?.attributes ?? [])].map(({ name }) => name);
  const words = typed.trim().toLowerCase();
  const found =
    words === "" ? [] : names.filter((name) => name.toLowerCase().includes(words) && !columns.includes(name));
  return (
    <>
      <input
        aria-label="Add a column"
        className="w-full rounded border border-line bg-raised px-2 py-1"
        onChange={(event) => setTyped(event.target.value)}
        placeholder="Add a field or attribute"
        value={typed}
      />
      <ul className="max-h-40 overflow-y-auto">
        {found.slice(0, 30).map((name) => (
          <li key={name}>
            <button
              className="w-full cursor-pointer truncate rounded px-2 py-1 text-left font-mono text-xs hover:bg-raised"
              onClick={() => {
                add(name);
                setTyped("");
              }}
              type="button"
            >
              + {name}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

interface SmallProps {
  readonly label: string;
  readonly sign: string;
  readonly disabled: boolean;
  readonly press: () => void;
}

function Small({ label, sign, disabled, press }: SmallProps) {
  return (
    <button
      aria-label={label}
      className="size-6 cursor-pointer rounded text-quiet hover:bg-line hover:text-ink disabled:cursor-default disabled:opacity-30"
      disabled={disabled}
      onClick={press}
      type="button"
    >
      {sign}
    </button>
  );
}
