const COUNT = new Intl.NumberFormat("en-GB");

export function formatCount(count: number): string {
  return COUNT.format(count);
}

/** RFC 3339 UTC as people scan it: `2026-11-25 08:20:43.120`; anything else as it is. */
export function formatMoment(text: string): string {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?Z$/.exec(text);
  if (parts === null) return text;
  const [, day, time, fraction] = parts;
  return `${day} ${time}${fraction === undefined ? "" : `.${fraction}`}`;
}

export function formatDuration(us: number): string {
  if (us < 1_000) return `${us} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 1 : 0)} ms`;
  return `${(us / 1_000_000).toFixed(2)} s`;
}
