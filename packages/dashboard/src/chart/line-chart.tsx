import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useMoments } from "../page/zone.ts";

export interface ChartLine {
  readonly title: string;
  readonly values: readonly (number | null)[];
  /** A colour of the palette, as `--bad`. */
  readonly colour: string;
  readonly kind: "area" | "line" | "dashed";
}

interface LineChartProps {
  readonly label: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
  readonly format: (value: number) => string;
  /** A moment that stands out, in seconds since 1970. */
  readonly mark?: number | null;
  readonly pick?: (fromS: number, toS: number) => void;
}

const HEIGHT_PX = 128;

/** Lines over time; drag over it to look closer. What it shows is said in words too, for who does not see it. */
export function LineChart(props: LineChartProps) {
  const { label, times, lines, format } = props;
  const { zone } = useMoments();
  const frame = useRef<HTMLDivElement>(null);
  const current = useRef(props);
  current.current = props;
  useEffect(() => {
    const box = frame.current;
    if (box === null) return undefined;
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    let plot = draw(box, current.current, zone);
    const again = () => {
      plot.destroy();
      plot = draw(box, current.current, zone);
    };
    const resized = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT_PX }));
    resized.observe(box);
    scheme.addEventListener("change", again);
    return () => {
      resized.disconnect();
      scheme.removeEventListener("change", again);
      plot.destroy();
    };
  }, [times, lines, zone, props.mark]);
  return (
    <figure className="min-w-0">
      <div aria-hidden="true" ref={frame} style={{ height: HEIGHT_PX }} />
      <figcaption className="sr-only">{`${label}. ${lines.map((line) => described(line, format)).join(" ")}`}</figcaption>
    </figure>
  );
}

function described({ title, values }: ChartLine, format: (value: number) => string): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `${title}: nothing.`;
  const last = known.at(-1) ?? 0;
  return `${title}: ${format(last)} at the end, ${format(Math.max(...known))} at most.`;
}

function draw(box: HTMLElement, props: LineChartProps, zone: string): uPlot {
  const { times, lines, format, mark, pick } = props;
  const style = getComputedStyle(box);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  const options: uPlot.Options = {
    width: box.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    // The last time stands whole.
    padding: [8, 18, 0, 0],
    cursor: { y: false, drag: { x: pick !== undefined, y: false, setScale: false } },
    tzDate: (seconds) =>
      zone === "UTC" ? uPlot.tzDate(new Date(seconds * 1_000), "Etc/UTC") : new Date(seconds * 1_000),
    scales: { y: { range: (_plot, _low, high) => [0, (high ?? 0) <= 0 ? 1 : high * 1.1] } },
    axes: [
      {
        ...axis,
        size: 24,
        grid: { show: false },
        space: 70,
        values: (_plot, at) => at.map((value) => clock(value, zone)),
      },
      { ...axis, size: 58, space: 32, values: (_plot, at) => at.map((value) => (value === 0 ? "0" : format(value))) },
    ],
    series: [{}, ...lines.map((line) => seriesOf(line, colour))],
    hooks: {
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width > 4) pick?.(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
      draw: [(plot) => mark !== undefined && mark !== null && drawMark(plot, mark, colour("--bad"))],
    },
  };
  return new uPlot(options, [[...times], ...lines.map(({ values }) => [...values])] as uPlot.AlignedData, box);
}

function seriesOf(line: ChartLine, colour: (name: string) => string): uPlot.Series {
  const stroke = colour(line.colour);
  return {
    label: line.title,
    stroke,
    width: line.kind === "dashed" ? 1.25 : 1.75,
    points: { show: false },
    spanGaps: true,
    ...(line.kind === "dashed" ? { dash: [4, 4] } : {}),
    ...(line.kind === "area" ? { fill: `color-mix(in srgb, ${stroke} 14%, transparent)` } : {}),
  };
}

function drawMark(plot: uPlot, atS: number, colour: string): void {
  const x = Math.round(plot.valToPos(atS, "x", true));
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.setLineDash([2, 3]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

function clock(seconds: number, zone: string): string {
  const at = new Date(seconds * 1_000);
  const shown = zone === "UTC" ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shown.toISOString().slice(11, 16);
}
