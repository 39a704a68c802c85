import { useQuery } from "@tanstack/react-query";
import type { Status } from "../client/status.ts";
import type { Tree } from "../client/types.ts";
import { Chip } from "../page/chip.tsx";
import { formatAge, formatCount } from "../page/format.ts";
import { DataTable } from "../table/data-table.tsx";
import { checkTree, type TreeCheck } from "./check-tree.ts";
import { keepCheckpoint, knownCheckpoint } from "./known-checkpoints.ts";

interface TreeTableProps {
  readonly trees: readonly Tree[];
  readonly status: Status | undefined;
  readonly chosen: string | undefined;
  readonly choose: (tree: string) => void;
}

export function TreeTable({ trees, status, chosen, choose }: TreeTableProps) {
  const positions = new Map(status?.trees.map((one) => [one.tree, one]));
  return (
    <DataTable
      columns={[
        {
          title: "tree",
          cell: ({ tree }) => (
            <button
              className="cursor-pointer font-mono whitespace-nowrap text-accent underline decoration-line"
              onClick={() => choose(tree)}
              type="button"
            >
              {tree}
            </button>
          ),
        },
        { title: "under a checkpoint", numeric: true, cell: ({ size }) => formatCount(size) },
        {
          title: "journaled",
          numeric: true,
          cell: ({ tree }) => (positions.has(tree) ? formatCount(positions.get(tree)?.journaled ?? 0) : "–"),
        },
        {
          title: "searchable",
          numeric: true,
          cell: ({ tree }) => <Searchable position={positions.get(tree)} />,
        },
        {
          title: "newest checkpoint",
          className: "whitespace-nowrap",
          cell: ({ tree }) => {
            const age = positions.get(tree)?.checkpoint_age_s ?? null;
            return age === null ? "before this start" : `${formatAge(age)} ago`;
          },
        },
        { title: "checked in this browser", className: "min-w-56", cell: (tree) => <Verified tree={tree} /> },
        { title: "origin", className: "min-w-72 font-mono text-xs break-all text-quiet", cell: ({ origin }) => origin },
      ]}
      empty="There is no tree yet."
      isChosen={({ tree }) => tree === chosen}
      keyOf={({ tree }) => tree}
      label="Trees"
      rows={trees}
    />
  );
}

/** How much of it the index holds, and how much it does not yet. */
function Searchable({ position }: { readonly position: Status["trees"][number] | undefined }) {
  if (position === undefined) return "–";
  const behind = position.journaled - position.indexed;
  if (behind <= 0) return "all";
  return <span className="text-warn">{formatCount(behind)} to come</span>;
}

/** Against what this browser saw last; what was found consistent is what it is compared with next time. */
function Verified({ tree }: { readonly tree: Tree }) {
  const { data, error } = useQuery({
    queryKey: ["tree check", tree.origin, tree.size],
    queryFn: async ({ signal }): Promise<TreeCheck> => {
      const known = knownCheckpoint(tree.origin);
      const check = await checkTree(tree, known === null ? null : { note: known, isOwn: true }, signal);
      if (check.kind === "signed" || check.kind === "consistent") keepCheckpoint(tree.origin, check.newest.note);
      return check;
    },
    staleTime: Infinity,
  });
  if (error !== null) return <span className="text-warn">{error.message}</span>;
  if (data === undefined) return <span className="text-quiet">…</span>;
  return <CheckSaid check={data} />;
}

export function CheckSaid({ check }: { readonly check: TreeCheck }) {
  if (check.kind === "empty") return <span className="text-quiet">no checkpoint yet</span>;
  if (check.kind === "failed")
    return (
      <span className="font-medium text-bad" role="alert">
        {check.reason}
      </span>
    );
  return (
    <span className="flex flex-wrap items-center gap-2">
      <Chip tone="good">signed</Chip>
      {check.kind === "consistent" ? (
        <>
          <Chip tone="good">consistent</Chip>
          <span className="text-quiet">with {formatCount(check.oldSize)} leaves seen before</span>
        </>
      ) : (
        <span className="text-quiet">seen here for the first time</span>
      )}
    </span>
  );
}
