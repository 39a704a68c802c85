/** Goes from row to row of the list in which the focus is, else of the first one on the screen. */
export function moveRow(step: 1 | -1): void {
  const active = document.activeElement;
  const list = active?.closest("table, [role=table], [role=list]") ?? document;
  const within = [...list.querySelectorAll<HTMLElement>("[data-row]")];
  const rows = within.length > 0 ? within : [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row === active || row.contains(active));
  rows[Math.min(Math.max(at + step, 0), rows.length - 1)]?.focus();
}

/** What Enter does on a row: its first link or button. */
export function openRow(): void {
  const active = document.activeElement;
  if (active instanceof HTMLElement && active.hasAttribute("data-row"))
    active.querySelector<HTMLElement>("a, button")?.click();
}
