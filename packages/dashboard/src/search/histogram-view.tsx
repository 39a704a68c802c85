import { memo, useRef, useState, type PointerEvent } from "react";
import type { Histogram, HistogramBucket } from "../client/types.ts";
import { formatCount, formatInterval } from "../page/format.ts";
import { useMoments, type Moments } from "../page/zone.ts";
import type { SearchState } from "./search-state.ts";

interface HistogramProps {
  readonly histogram: Histogram | undefined;
  readonly change: (changes: Partial<SearchState>) => void;
}

const HEIGHT = 72;
const FAILED = ["error", "denied", "timeout"] as const;

/** Records over time, failures in their own colour; drag over it to look closer. */
export const HistogramView = memo(function HistogramView({ histogram, change }: HistogramProps) {
  const moments = useMoments();
  const buckets = histogram?.buckets ?? [];
  const highest = Math.max(1, ...buckets.map((bucket) => bucket.count));
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const chart = useRef<SVGSVGElement>(null);
  const bucketAt = (event: PointerEvent): number => {
    const box = chart.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return 0;
    const at = Math.floor(((event.clientX - box.left) / box.width) * buckets.length);
    return Math.min(Math.max(at, 0), buckets.length - 1);
  };
  const release = () => {
    if (drag !== null && histogram !== undefined) change(range(histogram, Math.min(...drag), Math.max(...drag)));
    setDrag(null);
  };
  return (
    <figure className="h-24 shrink-0 select-none">
      <svg
        ref={chart}
        aria-label={label(histogram)}
        className="h-[72px] w-full cursor-crosshair touch-none rounded bg-raised"
        onPointerDown={(event) => {
          if (buckets.length === 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag([bucketAt(event), bucketAt(event)]);
        }}
        onPointerMove={(event) => drag !== null && setDrag([drag[0], bucketAt(event)])}
        onPointerUp={release}
        preserveAspectRatio="none"
        role="img"
        viewBox={`0 0 ${Math.max(buckets.length, 1)} ${HEIGHT}`}
      >
        {buckets.map((bucket, at) => (
          <Bar at={at} bucket={bucket} highest={highest} key={bucket.from} moments={moments} />
        ))}
        {drag !== null && (
          <rect
            className="fill-accent opacity-25"
            height={HEIGHT}
            width={Math.abs(drag[1] - drag[0]) + 1}
            x={Math.min(...drag)}
            y={0}
          />
        )}
      </svg>
      <figcaption className="flex min-h-6 justify-between gap-3 pt-0.5 text-xs text-quiet [&>span:last-child]:text-right [&>span:nth-child(2)]:text-center">
        <span>{buckets[0] === undefined ? "" : `${moments.moment(buckets[0].from)} ${moments.label}`}</span>
        <span>
          {histogram === undefined ? "" : `${formatCount(highest)} at most in ${formatInterval(histogram.bucket_ms)}`}
        </span>
        <span>
          {histogram === undefined || buckets.length === 0 ? "" : `${moments.moment(end(histogram))} ${moments.label}`}
        </span>
      </figcaption>
    </figure>
  );
});

interface BarProps {
  readonly at: number;
  readonly bucket: HistogramBucket;
  readonly highest: number;
  readonly moments: Moments;
}

function Bar({ at, bucket, highest, moments }: BarProps) {
  if (bucket.count === 0) return null;
  const failed = FAILED.reduce((sum, status) => sum + (bucket.by_status[status] ?? 0), 0);
  const whole = Math.max((bucket.count / highest) * (HEIGHT - 4), 1.5);
  const bad = failed === 0 ? 0 : Math.max((failed / bucket.count) * whole, 1.5);
  return (
    <g>
      <title>{`${moments.moment(bucket.from)} ${moments.label}: ${bucket.count} records, ${failed} failed`}</title>
      <rect className="fill-bar" height={whole - bad} width={0.82} x={at + 0.09} y={HEIGHT - whole} />
      <rect className="fill-bar-bad" height={bad} width={0.82} x={at + 0.09} y={HEIGHT - bad} />
    </g>
  );
}

function range(histogram: Histogram, first: number, last: number): Partial<SearchState> {
  const start = histogram.buckets[first];
  const final = histogram.buckets[last];
  if (start === undefined || final === undefined) return {};
  return { from: start.from, to: new Date(Date.parse(final.from) + histogram.bucket_ms).toISOString() };
}

function end(histogram: Histogram): string {
  const last = histogram.buckets.at(-1);
  return last === undefined
    ? ""
    : new Date(Date.parse(last.from) + histogram.bucket_ms).toISOString().replace(".000Z", "Z");
}

function label(histogram: Histogram | undefined): string {
  if (histogram === undefined) return "Records over time";
  return `Records over time: ${formatCount(histogram.total)} in ${histogram.buckets.length} intervals of ${formatInterval(histogram.bucket_ms)}`;
}
