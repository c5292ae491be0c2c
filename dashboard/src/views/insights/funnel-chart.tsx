/** A funnel as bars: each step's share of the first, and the users lost before it. */
import type { RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import type { CountedName } from '../../api/client.js';
import { count, counted, percent } from '../../format/number.js';
import { useBox } from '../../ui/use-box.js';

const ROW = 58;
const BAR = 16;
const NUMBERS_WIDTH = 150;
const LETTER_WIDTH = 7.2;

export function FunnelChart({
  steps,
  svg,
}: {
  steps: readonly CountedName[];
  svg: RefObject<SVGSVGElement>;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const { width } = useBox(frame);
  const first = steps[0]?.count ?? 0;
  const last = steps.at(-1)?.count ?? 0;
  const room = Math.max(4, Math.floor((width - NUMBERS_WIDTH) / LETTER_WIDTH));
  const label = steps.map(({ name, count: users }) => `${name}: ${count(users)}`).join(', then ');
  return (
    <div ref={frame} class="chart tone-accent">
      <svg ref={svg} width={width} height={steps.length * ROW} role="img" aria-label={`Funnel. ${label}`}>
        {steps.map(({ name, count: users }, index) => {
          const y = index * ROW;
          const previous = steps[index - 1]?.count ?? users;
          const barWidth = first === 0 ? 0 : (users / first) * width;
          return (
            // The key is the index: a name may come twice.
            <g key={index}>
              <title>{name}</title>
              <text class="funnel-name" x={0} y={y + 14}>
                {cut(`${index + 1}  ${name}`, room)}
              </text>
              <text class="funnel-count" x={width} y={y + 14} text-anchor="end">
                {count(users)} · {percent(first === 0 ? 0 : users / first)}
              </text>
              <rect class="funnel-room" x={0} y={y + 21} width={width} height={BAR} rx={3} />
              {barWidth > 0 && (
                <rect class="bar" x={0} y={y + 21} width={Math.max(2, barWidth)} height={BAR} rx={3} />
              )}
              {index > 0 && (
                <text class="axis" x={width} y={y + 51} text-anchor="end">
                  {previous === 0
                    ? 'nobody came this far'
                    : `${percent(users / previous)} continued · ${count(previous - users)} dropped off`}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <p class="funnel-sum">
        <b>
          {count(last)} of {counted(first, 'user')} ({percent(first === 0 ? 0 : last / first)})
        </b>{' '}
        <span class="soft">completed the funnel</span>
      </p>
    </div>
  );
}

const cut = (text: string, letters: number): string =>
  text.length <= letters ? text : `${text.slice(0, letters - 1)}…`;
