import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Tree } from "../client/types.ts";
import { Button } from "../page/button.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { checkTree, type TreeCheck } from "./check-tree.ts";

/** An earlier checkpoint, from wherever one kept it, against the newest: is one the beginning of the other? */
export function CompareCheckpoints({ tree }: { readonly tree: Tree }) {
  const [text, setText] = useState("");
  const check = useMutation({
    mutationFn: (older: string) => checkTree(tree, { note: noteOf(older), isOwn: false }, new AbortController().signal),
  });
  return (
    <Panel note={<span className="font-mono">{tree.tree}</span>} title="Consistency with an earlier checkpoint">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          check.mutate(text);
        }}
      >
        <label className="block">
          A checkpoint that you kept
          <textarea
            className="mt-1 block h-32 w-full rounded border border-line bg-raised px-3 py-2 font-mono text-xs"
            maxLength={10_000}
            onChange={(event) => setText(event.target.value)}
            placeholder={`${tree.origin}\n1234\nbase64 of the root\n\n— ${tree.origin} base64 of the signature`}
            spellCheck={false}
            value={text}
          />
        </label>
        <div className="flex items-center gap-3">
          <Button disabled={text.trim() === "" || check.isPending} kind="main" type="submit">
            Check it
          </Button>
          <a className="text-accent underline" download="checkpoint.txt" href={`/trees/${tree.tree}/checkpoint`}>
            Keep the newest one
          </a>
        </div>
        {check.error !== null && (
          <p className="text-bad" role="alert">
            {check.error.message}
          </p>
        )}
        {check.data !== undefined && <Outcome check={check.data} />}
      </form>
    </Panel>
  );
}

/** Pasted text loses its last line's end; a note has one. */
function noteOf(text: string): string {
  return `${text.replaceAll("\r\n", "\n").trim()}\n`;
}

function Outcome({ check }: { readonly check: TreeCheck }) {
  if (check.kind === "failed")
    return (
      <p className="rounded bg-bad-ground px-3 py-2 font-medium text-bad" role="alert">
        Not consistent: {check.reason}.
      </p>
    );
  if (check.kind !== "consistent") return <p className="text-quiet">The tree has no checkpoint yet.</p>;
  return (
    <details className="rounded bg-good-ground px-3 py-2 text-good">
      <summary className="cursor-pointer font-medium">
        <span role="status">
          Verified: the tree of {formatCount(check.newest.size)} leaves is the one of {formatCount(check.oldSize)} with
          leaves added, nothing else.
        </span>
      </summary>
      <ol className="mt-2 font-mono text-xs break-all text-ink">
        {check.hashes.map((hash) => (
          <li key={hash}>{hash}</li>
        ))}
      </ol>
    </details>
  );
}
