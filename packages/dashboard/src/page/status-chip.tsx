const LOOK: Readonly<Record<string, string>> = {
  success: "text-good bg-good-ground",
  error: "text-bad bg-bad-ground",
  denied: "text-warn bg-warn-ground",
  timeout: "text-bad bg-bad-ground",
};

export function StatusChip({ status }: { readonly status: string }) {
  return <span className={`rounded px-1.5 py-0.5 ${LOOK[status] ?? "bg-raised text-quiet"}`}>{status}</span>;
}
