import { useRef, useState, type PointerEvent } from "react";
import type { Backtest } from "../client/rules.ts";
import type { Histogram } from "../client/types.ts";
import { formatCount, formatInterval } from "../page/format.ts";
import { useMoments } from "../page/zone.ts";
import { firedKey, subjectText } from "./fired-list.tsx";

interface BacktestChartProps {
  readonly tried: Backtest;
  /** Every record of the period; undefined: not there yet. */
  readonly all: Histogram | undefined;
  readonly pick: (from: string, to: string) => void;
}

const UP = 56;
const DOWN = 28;

/** Hits upwards, all records downwards, each by its own measure, over the same time; drag over it to look closer. */
export function BacktestChart({ tried, all, pick }: BacktestChartProps) {
  const { moment, label } = useMoments();
  const chart = useRef<SVGSVGElement>(null);
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const width = tried.width_ms;
  const first = Math.floor(Date.parse(tried.from) / width);
  const count = Math.max(1, Math.floor((Date.parse(tried.to) - 1) / width) - first + 1);
  const most = highest(tried.buckets.map(({ hits }) => hits));
  const records = all?.bucket_ms === width ? all.buckets.filter((bucket) => bucket.count > 0) : [];
  const mostRecords = highest(records.map((bucket) => bucket.count));
  const placeOf = (event: PointerEvent) => {
    const box = chart.current?.getBoundingClientRect();
    if (box === undefined || box.width === 0) return 0;
    return Math.min(Math.max(Math.floor(((event.clientX - box.left) / box.width) * count), 0), count - 1);
  };
  const release = () => {
    if (drag === null) return;
    const [low, high] = [Math.min(...drag), Math.max(...drag)];
    if (high > low)
      pick(new Date((first + low) * width).toISOString(), new Date((first + high + 1) * width).toISOString());
    setDrag(null);
  };
  return (
    <figure className="select-none">
      <svg
        aria-label={`${formatCount(tried.hits)} ${unitOf(tried)} over ${count} intervals of ${formatInterval(width)}`}
        className="h-21 w-full cursor-crosshair touch-none rounded bg-raised"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag([placeOf(event), placeOf(event)]);
        }}
        onPointerMove={(event) => drag !== null && setDrag([drag[0], placeOf(event)])}
        onPointerUp={release}
        preserveAspectRatio="none"
        ref={chart}
        role="img"
        viewBox={`0 0 ${count} ${UP + DOWN}`}
      >
        <Held count={count} first={first} tried={tried} />
        <Bars first={first} most={most} mostRecords={mostRecords} records={records} tried={tried} />
        {drag !== null && (
          <rect
            className="fill-accent opacity-25"
            height={UP + DOWN}
            width={Math.abs(drag[1] - drag[0]) + 1}
            x={Math.min(...drag)}
            y={0}
          />
        )}
      </svg>
      <figcaption className="grid grid-cols-2 gap-x-4 pt-1 text-xs text-quiet">
        <span>
          {moment(tried.from).slice(0, 16)} {label}
        </span>
        <span className="text-right">
          {moment(tried.to).slice(0, 16)} {label}
        </span>
        <span className="col-span-2 pt-1">
          Upwards {unitOf(tried)}, {formatCount(tried.hits === 0 ? 0 : most)} at most in {formatInterval(width)};
          downwards all records
          {records.length === 0 ? "" : `, ${formatCount(mostRecords)} at most`}.
          {tried.fired !== undefined && tried.fired.length > 0 && " Shaded: while its condition held."}
        </span>
      </figcaption>
    </figure>
  );
}

/** Of a measure: through which time its condition held, behind the bars. */
function Held({ tried, first, count }: { readonly tried: Backtest; readonly first: number; readonly count: number }) {
  const { moment, label } = useMoments();
  const placeOf = (at: string) => Math.min(Math.max(Date.parse(at) / tried.width_ms - first, 0), count);
  return tried.fired?.map((fired) => {
    const { since, over_at: over, fired_at: at, labels, seen } = fired;
    const x = placeOf(since);
    return (
      <rect
        className="fill-bad opacity-20"
        height={UP}
        key={firedKey(fired)}
        width={Math.max(placeOf(over ?? tried.to) - x, 0.2)}
        x={x}
        y={0}
      >
        <title>{`${subjectText(labels)}: ${seen}, fired ${moment(at)} ${label}`}</title>
      </rect>
    );
  });
}

/** What the bars count. */
const unitOf = ({ fired }: Backtest): string => (fired === undefined ? "hits" : "times fired");

const highest = (counts: readonly number[]): number => Math.max(1, ...counts);

interface BarsProps {
  readonly tried: Backtest;
  readonly records: Histogram["buckets"];
  /** The number of the first interval, counted from 1970. */
  readonly first: number;
  readonly most: number;
  readonly mostRecords: number;
}

function Bars({ tried, records, first, most, mostRecords }: BarsProps) {
  const { moment, label } = useMoments();
  const at = (from: string) => Math.round(Date.parse(from) / tried.width_ms) - first + 0.09;
  return (
    <>
      {records.map(({ from, count }) => {
        const height = Math.max((count / mostRecords) * (DOWN - 3), 1);
        return <rect className="fill-bar" height={height} key={from} width={0.82} x={at(from)} y={UP} />;
      })}
      {tried.buckets.map(({ from, hits }) => {
        const height = Math.max((hits / most) * (UP - 4), 2);
        return (
          <rect className="fill-accent" height={height} key={from} width={0.82} x={at(from)} y={UP - height}>
            <title>{`${moment(from)} ${label}: ${formatCount(hits)} ${unitOf(tried)}`}</title>
          </rect>
        );
      })}
    </>
  );
}
