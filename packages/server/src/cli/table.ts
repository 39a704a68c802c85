import { stripVTControlCharacters } from "node:util";

export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /** Is cut first when the terminal is too narrow. */
  readonly shrinks?: boolean;
}

const GAP = "  ";
const MIN_SHRUNK = 12;

/** Lines of a table, columns as wide as their widest cell; `width` null means no limit. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | null,
): readonly string[] {
  const cells = [columns.map((column) => column.title.toUpperCase()), ...rows];
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => seen(row[at] ?? ""))));
  if (width !== null) shrink(widths, columns, width);
  return cells.map((row) =>
    row
      .map((cell, at) => aligned(cell, widths[at]!, columns[at]!))
      .join(GAP)
      .trimEnd(),
  );
}

function shrink(widths: number[], columns: readonly Column[], width: number): void {
  const excess = () => widths.reduce((sum, one) => sum + one, GAP.length * (widths.length - 1)) - width;
  for (const [at, column] of columns.entries()) {
    const over = excess();
    if (over > 0 && column.shrinks === true) widths[at] = Math.max(MIN_SHRUNK, widths[at]! - over);
  }
}

function aligned(cell: string, width: number, column: Column): string {
  const length = seen(cell);
  if (length > width) return `${cell.slice(0, width - 1)}…`;
  const space = " ".repeat(width - length);
  return column.right === true ? space + cell : cell + space;
}

const seen = (text: string): number => stripVTControlCharacters(text).length;
