const COUNT = new Intl.NumberFormat("en-GB");

export function formatCount(count: number): string {
  return COUNT.format(count);
}

export type Zone = "UTC" | "local";

const MOMENT = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?Z$/;

/** RFC 3339 UTC as people scan it: `2026-11-25 08:20:43.120`, in UTC or here; anything else as it is. */
export function formatMoment(text: string, zone: Zone): string {
  const parts = MOMENT.exec(zone === "UTC" ? text : shifted(text));
  if (parts === null) return text;
  const [, day, time, fraction] = parts;
  return `${day} ${time}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** The same without the day, which is known. */
export function formatTimeOfDay(text: string, zone: Zone): string {
  return formatMoment(text, zone).slice(11);
}

/** The same to the second, without the day when it is today's. */
export function formatClock(text: string, zone: Zone): string {
  const whole = formatMoment(text, zone).replace(/\.\d+$/, "");
  const today = formatMoment(new Date().toISOString(), zone).slice(0, 10);
  return whole.startsWith(today) ? whole.slice(11) : whole;
}

/** Local time written as if it were UTC; the fraction stays as it was. */
function shifted(text: string): string {
  const parts = MOMENT.exec(text);
  if (parts === null) return text;
  const at = new Date(text);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
  return `${local}${parts[3] === undefined ? "" : `.${parts[3]}`}Z`;
}

export function formatDuration(us: number): string {
  if (us < 1_000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${(us / 1_000).toFixed(us < 10_000 ? 1 : 0)} ms`;
  return us < 60_000_000 ? `${(us / 1_000_000).toFixed(2)} s` : formatAge(us / 1_000_000);
}

/** How long ago or how long, to two units at most. */
export function formatAge(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  if (s < 7_200) return `${Math.floor(s / 60)} min`;
  if (s < 172_800) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`;
  return `${Math.floor(s / 86_400)} days`;
}

/** How wide a bar of time is, in one unit. */
export function formatInterval(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${ms / 1_000} s`;
  if (ms < 3_600_000) return `${ms / 60_000} min`;
  return `${ms / 3_600_000} h`;
}

/** A share of 1. All and nothing are only said of all and nothing. */
export function formatShare(share: number): string {
  if (share > 0 && share < 0.0005) return "< 0.1%";
  if (share < 1 && share > 0.9995) return "> 99.9%";
  const percent = share * 100;
  return `${percent >= 99.95 || percent < 0.05 ? percent.toFixed(0) : percent.toFixed(1)}%`;
}

export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond < 1 / 600) return "< 0.1/min";
  if (perSecond < 1) return `${(perSecond * 60).toFixed(perSecond < 0.1 ? 1 : 0)}/min`;
  return perSecond < 10 ? `${perSecond.toFixed(1)}/s` : `${formatCount(Math.round(perSecond))}/s`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** A long id as people tell it apart: its first and last characters. */
export function shortId(id: string): string {
  const bare = id.replace(/^sha256:/, "");
  return bare.length <= 20 ? bare : `${bare.slice(0, 10)}…${bare.slice(-6)}`;
}
