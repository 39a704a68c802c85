import type { ProofCheck } from "./check-proof.ts";

type Verified = Extract<ProofCheck, { readonly kind: "verified" }>;

const STEP = 34;
const WIDTH = 460;
const MIDDLE = WIDTH / 2;
const BOX = 150;
/** Where a hash stands above the node before it, and where it joins the path, in steps. */
const BESIDE = 0.8;
const JOINS = 1.2;

/** The way from the leaf to the root: at each step the hash beside it, on the side where it stands in the tree. */
export function PathDrawing({ check }: { readonly check: Verified }) {
  const sides = sidesOf(check.leafIndex, check.treeSize, check.path.length);
  const height = (check.path.length + 1) * STEP + 44;
  const rootY = 22;
  const y = (step: number) => height - 22 - step * STEP;
  return (
    <svg
      aria-label={`The path of ${check.path.length} hashes from leaf ${check.leafIndex} to the root`}
      className="w-full max-w-lg font-mono text-[10px]"
      role="img"
      viewBox={`0 0 ${WIDTH} ${height}`}
    >
      <line className="stroke-good" strokeWidth={2} x1={MIDDLE} x2={MIDDLE} y1={y(0)} y2={rootY} />
      {check.path.map((hash, step) => {
        const isLeft = sides[step] === "left";
        const x = isLeft ? 16 : WIDTH - 16 - BOX;
        const edge = isLeft ? x + BOX : x;
        return (
          <g key={step}>
            <path
              className="fill-none stroke-quiet"
              d={`M ${edge} ${y(step + BESIDE)} H ${(edge + MIDDLE) / 2} Q ${MIDDLE} ${y(step + BESIDE)} ${MIDDLE} ${y(step + JOINS)}`}
            />
            <rect className="fill-ground stroke-line" height={20} rx={4} width={BOX} x={x} y={y(step + BESIDE) - 10} />
            <text className="fill-ink" textAnchor="middle" x={x + BOX / 2} y={y(step + BESIDE) + 3.5}>
              {hash.slice(0, 18)}…
            </text>
            <circle className="fill-good" cx={MIDDLE} cy={y(step + JOINS)} r={3} />
          </g>
        );
      })}
      <End says={`leaf ${check.leafIndex} · ${check.leafHash.slice(0, 18)}…`} y={y(0)} />
      <End says={`root of ${check.treeSize} · ${check.root.slice(0, 18)}…`} y={rootY} />
    </svg>
  );
}

function End({ says, y }: { readonly says: string; readonly y: number }) {
  return (
    <>
      <rect className="fill-good-ground stroke-good" height={22} rx={4} width={290} x={MIDDLE - 145} y={y - 11} />
      <text className="fill-good font-semibold" textAnchor="middle" x={MIDDLE} y={y + 3.5}>
        {says}
      </text>
    </>
  );
}

/** On which side of the path each hash stands (RFC 9162, section 2.1.3.2). */
function sidesOf(leafIndex: number, treeSize: number, steps: number): readonly ("left" | "right")[] {
  const sides: ("left" | "right")[] = [];
  let index = leafIndex;
  let last = treeSize - 1;
  for (let step = 0; step < steps; step++) {
    const isLeft = index % 2 === 1 || index === last;
    sides.push(isLeft ? "left" : "right");
    if (isLeft)
      while (index % 2 === 0 && index !== 0) {
        index /= 2;
        last = Math.floor(last / 2);
      }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return sides;
}
