/** Which frame an error's group goes by, for the stacks that browsers write. */
import t from 'tap';
import { frameOf } from '../../src/domain/error-grouping.js';
import type { JsonText } from '../../src/domain/event.js';

const frame = (props: object) => frameOf(JSON.stringify(props) as JsonText);

t.test('the first frame of a stack, without its origin', async (t) => {
  const chromium =
    'TypeError: x is not a function\n    at f (https://a.example/app.js:3:14)\n    at g (app.js:1:1)';
  t.equal(frame({ stack: chromium }), 'f (/app.js:3:14)');
  t.equal(
    frame({ stack: 'f@https://a.example:8443/app.js:3:14\ng@app.js:1:1' }),
    'f@/app.js:3:14',
    'Firefox',
  );
  t.equal(
    frame({ stack: '@http://localhost:3000/src/a.ts:3:14' }),
    '@/src/a.ts:3:14',
    'a frame without a name',
  );
  t.equal(frame({ stack: 'Error: a@b.c wrote\r\n    at async h (x.js:1:2)\r\n' }), 'async h (x.js:1:2)');
  t.equal(
    frame({ stack: 'Error\n    at eval (eval at f (https://a/x.js:1:1), <anonymous>:1:1)' }),
    'eval (eval at f (/x.js:1:1), <anonymous>:1:1)',
  );
});

t.test('without a frame, the place that the browser named', async (t) => {
  t.equal(frame({ source: 'https://a.example/app.js', line: 3, column: 14 }), '/app.js:3:14');
  t.equal(frame({ stack: 'Error: no frames', source: '/app.js', line: 3 }), '/app.js:3');
  t.equal(frame({ stack: null, source: '', line: 3 }), '3');
});

t.test('whatever else clients send is no frame', async (t) => {
  t.equal(frameOf(undefined), '');
  for (const props of [{}, { stack: 7 }, { stack: {}, source: 1 }, { stack: 'a@b' }, { line: 3 }]) {
    t.equal(frame(props), '', JSON.stringify(props));
  }
  t.equal(frame({ stack: `${'x\n'.repeat(1_000_000)} at f` }), '', 'nor looked for without end');
  t.equal(frame({ stack: `at ${'x'.repeat(10_000)}` }).length, 512);
});
