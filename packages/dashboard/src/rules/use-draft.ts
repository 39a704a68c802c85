import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { postJson } from "../client/api.ts";
import type { CheckedText } from "../client/rules.ts";

const REST_MS = 350;

/** A text that is written, and what the server says of it once one rests. */
export function useDraft(first: string) {
  const [text, setText] = useState(first);
  const rested = useRested(text);
  const checked = useQuery({
    queryKey: ["rule check", rested],
    queryFn: ({ signal }) => postJson<CheckedText>("/api/rules/check", { text: rested }, signal),
    enabled: rested.trim() !== "",
  });
  // What is said of an older text would stand under the wrong line.
  const isCurrent = rested === text && checked.data !== undefined && !checked.isPlaceholderData;
  return {
    text,
    setText,
    rested,
    checked: isCurrent ? (checked.data ?? null) : null,
    error: checked.error,
    isChanged: text !== first,
  };
}

function useRested(text: string): string {
  const [rested, setRested] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setRested(text), REST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return rested;
}
