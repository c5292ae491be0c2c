/** The funnel builder: steps in the address, suggested names, and how many users reached each step. */
import { useRef, useState } from 'preact/hooks';
import type { CountedName } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { useParam } from '../../router.js';
import { Button } from '../../ui/button.js';
import { Combobox } from '../../ui/combobox.js';
import { Icon } from '../../ui/icons.js';
import { Panel } from '../../ui/panel.js';
import type { Range } from '../../ui/range.js';
import { SaveButtons } from '../../ui/save-buttons.js';
import { Empty, Loaded } from '../../ui/states.js';
import { FunnelChart } from './funnel-chart.js';

const STEPS_MIN = 2;
const STEPS_MAX = 20;
const SUGGESTIONS_MAX = 50;

/** The API separates steps by commas, so a name with a comma cannot be a step. */
const canBeStep = ({ name }: CountedName): boolean => !name.includes(',');

export function Funnel({ app, range }: { app: string; range: Range }) {
  const [given, setSteps] = useParam('steps');
  const steps = given.split(',').filter((step) => step !== '');
  const svg = useRef<SVGSVGElement>(null);
  const { from, to } = range;
  const ask = { steps: steps.join(','), app, from, to };
  const query = useQuery('funnel', steps.length < STEPS_MIN ? undefined : ask, { keep: true });
  const change = (next: readonly string[]) => setSteps(next.filter(Boolean).join(','), 'push');
  const isBuilt = steps.length >= STEPS_MIN;
  const rows = isBuilt ? rowsOf(query.data?.steps ?? []) : [];
  return (
    <Panel
      title="Funnel"
      note="users who completed the steps in order"
      end={<SaveButtons title="Funnel" name="funnel" header={CSV_HEADER} rows={rows} svg={svg} />}
    >
      <div class="funnel">
        <StepList app={app} steps={steps} onChange={change} />
        <div class="funnel-result">
          {isBuilt ? (
            <Loaded query={query} lines={steps.length * 2}>
              {(data) => <FunnelChart steps={data.steps} svg={svg} />}
            </Loaded>
          ) : (
            <Empty title={steps.length === 0 ? 'Build a funnel' : 'One more step'}>
              Add two or more steps: any event, page or request.
            </Empty>
          )}
        </div>
      </div>
    </Panel>
  );
}

interface StepListProps {
  app: string;
  steps: readonly string[];
  onChange: (steps: readonly string[]) => void;
}

function StepList({ app, steps, onChange }: StepListProps) {
  const [typed, setTyped] = useState<string>();
  const ask = typed === undefined ? undefined : { prefix: typed.trim(), app, limit: SUGGESTIONS_MAX };
  const names = useQuery('names', ask, { keep: true });
  const options = (typed === undefined ? undefined : names.data?.names.filter(canBeStep)) ?? [];
  const shown = steps.length < STEPS_MAX ? [...steps, ''] : steps;
  return (
    <ol class="steps">
      {shown.map((step, index) => (
        // The key is the index: a name may come twice.
        <li key={index} class="step">
          <span class="step-number soft">{index + 1}</span>
          <Combobox
            label={`Step ${index + 1}`}
            value={step}
            placeholder={step === '' ? (index === 0 ? 'First step' : 'Then …') : undefined}
            options={options}
            onTyping={setTyped}
            onChange={(name) => onChange(shown.with(index, name.replaceAll(',', ' ').trim()))}
          />
          {step !== '' && (
            <>
              {index > 0 && (
                <Button
                  kind="quiet icon-only"
                  aria-label={`Move step ${index + 1} up`}
                  onClick={() => onChange(steps.with(index - 1, step).with(index, steps[index - 1] ?? ''))}
                >
                  <Icon name="up" size={14} />
                </Button>
              )}
              <Button
                kind="quiet icon-only"
                aria-label={`Remove step ${index + 1}`}
                onClick={() => onChange(steps.toSpliced(index, 1))}
              >
                <Icon name="close" size={14} />
              </Button>
            </>
          )}
        </li>
      ))}
    </ol>
  );
}

const CSV_HEADER = ['step', 'name', 'users', 'share_of_previous', 'share_of_first'];

function rowsOf(steps: readonly CountedName[]): (string | number)[][] {
  const first = steps[0]?.count ?? 0;
  return steps.map(({ name, count }, index) => {
    const previous = steps[index - 1]?.count ?? count;
    return [index + 1, name, count, share(count, previous), share(count, first)];
  });
}

const share = (part: number, whole: number): number => (whole === 0 ? 0 : Number((part / whole).toFixed(4)));
