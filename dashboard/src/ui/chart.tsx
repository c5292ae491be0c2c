/** Charts as plain SVG: small bars for a table's row, and days on an axis with a tip at the pointer. */
import type { RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { CountedDay } from '../api/client.js';
import { count, roundUp, short } from '../format/number.js';
import { longDay, shortDay } from '../format/time.js';
import { useBox } from './use-box.js';

export type Tone = 'accent' | 'error' | 'pageview';

const SPARK_HEIGHT = 20;

/** Errors as bars without axes, as wide as their container. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const max = Math.max(1, ...values);
  return (
    <svg
      class="sparkline tone-error"
      viewBox={`0 0 ${Math.max(1, values.length)} ${SPARK_HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      {values.map((value, index) => {
        const height = value === 0 ? 0.75 : Math.max(2, (value / max) * SPARK_HEIGHT);
        return (
          <rect
            key={index}
            class={value === 0 ? 'bar-none' : 'bar'}
            x={index + 0.1}
            y={SPARK_HEIGHT - height}
            width={0.8}
            height={height}
          />
        );
      })}
    </svg>
  );
}

export interface BarChartProps {
  bars: readonly CountedDay[];
  /** What is counted: `users`. */
  unit: string;
  /** What the chart shows, for screen readers. */
  label: string;
  tone?: Tone;
  height?: number;
  svg?: RefObject<SVGSVGElement>;
}

const AXIS_WIDTH = 40;
const AXIS_HEIGHT = 22;
const TOP = 10;
const LABEL_WIDTH = 62;
const BAR_WIDTH_MAX = 48;
const TIP_MARGIN = 60;

/** A bar for each day on a labelled axis, as wide as its container. */
export function BarChart({ bars, unit, label, tone = 'accent', height = 180, svg }: BarChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const { width } = useBox(frame);
  const [at, setAt] = useState<number>();
  const max = roundUp(Math.max(...bars.map(({ count }) => count), 1));
  const plot = { width: Math.max(1, width - AXIS_WIDTH), height: height - AXIS_HEIGHT - TOP };
  const slot = plot.width / Math.max(1, bars.length);
  const barWidth = Math.min(BAR_WIDTH_MAX, Math.max(1, slot - Math.min(6, slot * 0.3)));
  const y = (value: number) => TOP + plot.height * (1 - value / max);
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / slot));
  const pointed = at === undefined ? undefined : bars[at];
  const ticks = max < 4 ? [0, max] : [0, max / 2, max];

  return (
    <div
      ref={frame}
      class={`chart tone-${tone}`}
      onPointerLeave={() => setAt(undefined)}
      onPointerMove={(event) => {
        const x = event.clientX - event.currentTarget.getBoundingClientRect().left - AXIS_WIDTH;
        const index = Math.floor(x / slot);
        setAt(index >= 0 && index < bars.length ? index : undefined);
      }}
    >
      <svg ref={svg} width={width} height={height} role="img" aria-label={label}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1={AXIS_WIDTH} x2={width} y1={y(tick)} y2={y(tick)} />
            <text class="axis" x={AXIS_WIDTH - 8} y={y(tick) + 4} text-anchor="end">
              {short(tick)}
            </text>
          </g>
        ))}
        {bars.map(({ day, count: value }, index) => {
          const x = AXIS_WIDTH + slot * index + (slot - barWidth) / 2;
          return (
            <g key={day}>
              <rect
                class={index === at ? 'bar bar-at' : 'bar'}
                x={x}
                y={y(value)}
                width={barWidth}
                height={Math.max(0, TOP + plot.height - y(value))}
                rx={Math.min(2, barWidth / 2)}
              />
              {(bars.length - 1 - index) % every === 0 && (
                <text class="axis" x={labelX(x + barWidth / 2, width)} y={height - 6} text-anchor="middle">
                  {shortDay(day)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      {pointed !== undefined && at !== undefined && (
        <Tip
          day={pointed}
          unit={unit}
          left={clamp(AXIS_WIDTH + slot * (at + 0.5), TIP_MARGIN, width - TIP_MARGIN)}
          top={Math.max(0, y(pointed.count) - 8)}
        />
      )}
    </div>
  );
}

function Tip({ day, unit, ...place }: { day: CountedDay; unit: string; left: number; top: number }) {
  return (
    <div class="chart-tip" style={place}>
      <span>
        <b>{count(day.count)}</b> {unit}
      </span>
      <span class="soft">{longDay(day.day)} UTC</span>
    </div>
  );
}

/** Keeps a label within the chart. */
const labelX = (x: number, width: number): number => clamp(x, AXIS_WIDTH, width - LABEL_WIDTH / 3);

const clamp = (value: number, min: number, max: number): number => Math.max(min, Math.min(max, value));
