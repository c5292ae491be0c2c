/** The Dockerfile as a list of steps, so that what it does can be done without Docker. */
import { readFileSync } from 'node:fs';

export interface Step {
  instruction: string;
  /** What follows it, on one line. */
  text: string;
}

/** The stages of a Dockerfile, each from its `FROM` on. */
export function dockerStages(file: string): Step[][] {
  const text = readFileSync(file, 'utf8')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '');
  const stages: Step[][] = [];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const [, instruction = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') stages.push([]);
    stages.at(-1)?.push({ instruction, text: rest });
  }
  return stages;
}

/** What the steps of one instruction say. */
export const textsOf = (stage: readonly Step[], instruction: string): string[] =>
  stage.filter((step) => step.instruction === instruction).map(({ text }) => text);

/** Whether `.dockerignore` lets a path of the repository into the build: the last line that fits decides. */
export function goesIntoBuild(path: string, ignoreFile: string): boolean {
  const rules = readFileSync(ignoreFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  let included = true;
  for (const rule of rules) {
    const pattern = rule.replace(/^!/, '');
    const anywhere = pattern.startsWith('**/');
    const name = pattern.replace(/^\*\*\//, '');
    const fits =
      pattern === '*' ||
      (anywhere ? path.split('/').includes(name) : path === name || path.startsWith(`${name}/`));
    if (fits) included = rule.startsWith('!');
  }
  return included;
}
