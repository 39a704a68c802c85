import { formatCount } from "../page/format.ts";
import type { ProofCheck } from "./check-proof.ts";
import { PathDrawing } from "./path-drawing.tsx";

interface ProofViewProps {
  readonly check: ProofCheck;
  /** The path as a drawing too, open at once. */
  readonly drawn?: boolean;
}

/** The verdict of the check made in this browser, and the path that led to it. */
export function ProofView({ check, drawn = false }: ProofViewProps) {
  if (check.kind === "waiting") {
    return (
      <p className="rounded bg-warn-ground px-3 py-2 text-warn" role="status">
        Durable; the checkpoint that covers it follows within a second or two.
      </p>
    );
  }
  if (check.kind === "failed") {
    return (
      <p className="rounded bg-bad-ground px-3 py-2 font-medium text-bad" role="alert">
        Not proven: {check.reason}.
      </p>
    );
  }
  return (
    <details className="rounded bg-good-ground px-3 py-2 text-good" open={drawn}>
      <summary className="cursor-pointer font-medium">
        <span role="status">
          {check.isErased
            ? `This record was erased; its hash is proven in the log of ${formatCount(check.treeSize)} leaves`
            : `Proven in this browser: in the log of ${formatCount(check.treeSize)} leaves`}
        </span>
      </summary>
      <div className="mt-2 rounded bg-ground p-2">
        <PathDrawing check={check} />
      </div>
      <dl className="mt-2 flex flex-col gap-1 font-mono text-xs break-all text-ink">
        <dt className="text-quiet">leaf hash</dt>
        <dd>{check.leafHash}</dd>
        {!drawn && (
          <>
            <dt className="text-quiet">path, from the leaf up ({check.path.length})</dt>
            {check.path.map((hash, at) => (
              <dd key={at}>{hash}</dd>
            ))}
          </>
        )}
        <dt className="text-quiet">root under the signed checkpoint of {check.origin}</dt>
        <dd>{check.root}</dd>
      </dl>
    </details>
  );
}
