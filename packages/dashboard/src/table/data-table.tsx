import { useState, type ReactNode } from "react";
import { Button } from "../page/button.tsx";
import { formatCount } from "../page/format.ts";

export interface DataColumn<Row> {
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  readonly numeric?: boolean;
  /** By what it is sorted, largest first; absent: it is not. */
  readonly sort?: (row: Row) => number | string;
  readonly className?: string;
}

interface DataTableProps<Row> {
  readonly label: string;
  readonly columns: readonly DataColumn<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Title of the column that it is sorted by at first; absent: as it came. */
  readonly sortBy?: string;
  readonly empty?: ReactNode;
  /** So many rows stand there at first, and one click brings the others; absent: all. */
  readonly few?: number;
  /** A row that stands out. */
  readonly isChosen?: (row: Row) => boolean;
}

/**
 * Rows under titles; `j` and `k` go from row to row, Enter follows a row's first link. A click on a title sorts. In
 * little room a row is its first cell and, beneath it, the others, each with its title (style.css).
 */
export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, keyOf, sortBy, empty, few = rows.length, isChosen } = props;
  const [sorting, setSorting] = useState({ by: sortBy, isUp: false });
  const [isWhole, setIsWhole] = useState(false);
  if (rows.length === 0) return <p className="px-4 py-6 text-center text-quiet">{empty ?? "Nothing here."}</p>;
  const all = sorted(rows, columns.find(({ title }) => title === sorting.by)?.sort, sorting.isUp);
  // One or two more are no more to read than the button.
  const isCut = !isWhole && all.length > few + 2;
  const shown = isCut ? all.slice(0, few) : all;
  return (
    <div className="data-rows relative overflow-x-auto" tabIndex={0} role="region" aria-label={`${label}, scrollable`}>
      <table aria-label={label} className="w-full border-collapse text-left">
        <thead className="text-xs text-quiet">
          <tr>
            {columns.map((column) => (
              <Title
                column={column}
                isUp={sorting.isUp}
                key={column.title}
                sort={() => setSorting({ by: column.title, isUp: sorting.by === column.title && !sorting.isUp })}
                sorted={sorting.by === column.title}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, at) => (
            <tr
              className={`border-t border-line hover:bg-raised focus:bg-raised ${isChosen?.(row) === true ? "bg-accent-ground" : ""}`}
              data-row=""
              key={keyOf(row)}
              tabIndex={at === 0 ? 0 : -1}
            >
              {columns.map((column) => (
                <td
                  className={`px-4 py-1.5 align-baseline ${column.numeric === true ? "text-right whitespace-nowrap tabular-nums" : ""} ${column.className ?? ""}`}
                  data-title={column.title === "" ? undefined : column.title}
                  key={column.title}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {isCut && (
        <div className="border-t border-line px-4 py-2">
          <Button onClick={() => setIsWhole(true)}>{`Show all ${formatCount(all.length)}`}</Button>
        </div>
      )}
    </div>
  );
}

interface TitleProps<Row> {
  readonly column: DataColumn<Row>;
  readonly sorted: boolean;
  readonly isUp: boolean;
  readonly sort: () => void;
}

function Title<Row>({ column, sorted: isSorted, isUp, sort }: TitleProps<Row>) {
  const side = column.numeric === true ? "text-right" : "";
  if (column.sort === undefined)
    return (
      <th className={`px-4 py-1.5 font-normal ${side}`} scope="col">
        {column.title === "" ? <span className="sr-only">more</span> : column.title}
      </th>
    );
  return (
    <th
      aria-sort={isSorted ? (isUp ? "ascending" : "descending") : "none"}
      className={`px-4 py-1.5 font-normal ${side}`}
      scope="col"
    >
      <button className="cursor-pointer whitespace-nowrap hover:text-ink" onClick={sort} type="button">
        {column.numeric === true && <Arrow isShown={isSorted} isUp={isUp} />}
        {column.title}
        {column.numeric !== true && <Arrow isShown={isSorted} isUp={isUp} />}
      </button>
    </th>
  );
}

function Arrow({ isShown, isUp }: { readonly isShown: boolean; readonly isUp: boolean }) {
  return (
    <span aria-hidden="true" className={isShown ? "px-1 text-ink" : "px-1 opacity-0"}>
      {isUp ? "↑" : "↓"}
    </span>
  );
}

function sorted<Row>(rows: readonly Row[], by: DataColumn<Row>["sort"], isUp: boolean): readonly Row[] {
  if (by === undefined) return rows;
  const up = (one: Row, other: Row) => {
    const [a, b] = [by(one), by(other)];
    return a < b ? -1 : a > b ? 1 : 0;
  };
  return rows.toSorted((one, other) => (isUp ? up(one, other) : up(other, one)));
}
