import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { getJson } from "../client/api.ts";
import type { SearchPage } from "../client/types.ts";
import type { Period } from "./window.ts";

interface ExampleButtonProps {
  readonly q: string;
  readonly period: Pick<Period, "from" | "to">;
  /** What it opens, for who does not see the row. */
  readonly says: string;
  readonly word?: string;
}

/** Opens the newest call that matches; it is looked for when somebody asks, not for every row. */
export function ExampleButton({ q, period: { from, to }, says, word = "example" }: ExampleButtonProps) {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [state, setState] = useState<"ready" | "asking" | "none">("ready");
  const open = async () => {
    setState("asking");
    const page = await queries
      .fetchQuery({
        queryKey: ["example", q, from, to],
        queryFn: ({ signal }) => getJson<SearchPage>("/api/search", { q, from, to, limit: 1 }, signal),
      })
      .catch(() => null);
    const call = page?.records[0]?.call_id;
    if (call === undefined) return setState("none");
    setState("ready");
    return navigate({ to: "/call", search: { id: call } });
  };
  if (state === "none") return <span className="text-quiet">none left</span>;
  return (
    <button
      aria-label={says}
      className="cursor-pointer text-accent underline decoration-line underline-offset-2 hover:decoration-accent"
      disabled={state === "asking"}
      onClick={() => void open()}
      type="button"
    >
      {word}
    </button>
  );
}
