/** The shares of the live feed. */
import t from 'tap';
import { createPlaces, type Follower, type Places } from '../../../src/api/live/places.js';
import {
  STREAM_APP_READERS_MAX,
  STREAM_CLIENT_READERS_MAX,
  STREAM_OTHERS_MAX,
  STREAM_READERS_MAX,
} from '../../../src/domain/limits.js';

/** Takes places until there is none, each at the network that `networkOf` gives; returns how to leave each. */
function takeAll(places: Places, follower: Omit<Follower, 'network'>, networkOf = (n: number) => `${n}`) {
  const left: (() => void)[] = [];
  for (let n = 0; ; n++) {
    const leave = places.take({ ...follower, network: networkOf(n) });
    if (leave === undefined) return left;
    left.push(leave);
  }
}
const team = (app: string) => ({ role: 'app', apps: [app] }) as const;
const operator = { role: 'operator', network: 'x' } as const;

t.test('a client of one app, the app, and all but the operator have a share each', async (t) => {
  const places = createPlaces();
  t.equal(takeAll(places, team('a'), () => 'one').length, STREAM_CLIENT_READERS_MAX);
  t.equal(takeAll(places, team('a')).length, STREAM_APP_READERS_MAX - STREAM_CLIENT_READERS_MAX);
  for (const app of ['b', 'c', 'd']) t.equal(takeAll(places, team(app)).length, STREAM_APP_READERS_MAX);
  t.equal(takeAll(places, team('e')).length, 0);
  t.equal(takeAll(places, { role: 'viewer' }).length, 0);
  t.equal(takeAll(places, operator).length, STREAM_READERS_MAX - STREAM_OTHERS_MAX, 'the operator gets in');
});

t.test('a place that was left is there again, once', async (t) => {
  const places = createPlaces();
  const left = takeAll(places, team('a'), () => 'one');
  left[0]?.();
  left[0]?.();
  t.equal(takeAll(places, team('a'), () => 'one').length, 1);
  for (const leave of left) leave();
  t.equal(takeAll(places, operator).length, STREAM_READERS_MAX - 1);
});
