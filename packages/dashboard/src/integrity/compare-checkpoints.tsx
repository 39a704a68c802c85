import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { Tree } from "../client/types.ts";
import { Button } from "../page/button.tsx";
import { formatCount } from "../page/format.ts";
import { Panel } from "../page/panel.tsx";
import { checkTree, type TreeCheck } from "./check-tree.ts";

/** Two checkpoints, from wherever one kept them, or one against the newest: is one the beginning of the other? */
export function CompareCheckpoints({ tree }: { readonly tree: Tree }) {
  const [text, setText] = useState("");
  const [other, setOther] = useState("");
  const check = useMutation({
    mutationFn: () => {
      const second = other.trim() === "" ? undefined : noteOf(other);
      return checkTree(tree, { note: noteOf(text), isOwn: false, other: second }, new AbortController().signal);
    },
  });
  return (
    <Panel note={<span className="font-mono">{tree.tree}</span>} title="Consistency of two checkpoints">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          check.mutate();
        }}
      >
        <NoteBox
          change={setText}
          label="A checkpoint that you kept"
          placeholder={`${tree.origin}\n1234\nbase64 of the root\n\n— ${tree.origin} base64 of the signature`}
          text={text}
        />
        <NoteBox
          change={setOther}
          label="Against"
          placeholder="empty: the newest one; or another one that you kept"
          text={other}
        />
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

interface NoteBoxProps {
  readonly label: string;
  readonly placeholder: string;
  readonly text: string;
  readonly change: (text: string) => void;
}

function NoteBox({ label, placeholder, text, change }: NoteBoxProps) {
  return (
    <label className="block">
      {label}
      <textarea
        className="mt-1 block h-28 w-full rounded border border-line bg-raised px-3 py-2 font-mono text-xs"
        maxLength={10_000}
        onChange={(event) => change(event.target.value)}
        placeholder={placeholder}
        spellCheck={false}
        value={text}
      />
    </label>
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
