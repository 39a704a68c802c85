/** A time of the API for people: UTC as it is, or the machine's with its offset. */
export function timeText(rfc3339: string, local: boolean): string {
  if (!local) return rfc3339;
  const date = new Date(rfc3339);
  const offset = -date.getTimezoneOffset();
  const shifted = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const fraction = /\.\d+/.exec(rfc3339)?.[0] ?? "";
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
  return `${shifted}${fraction}${offset < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
}
