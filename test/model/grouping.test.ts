/** The bytes of the views come from the events and their order of arrival, not from how commits were grouped. */
import t from 'tap';
import { embedded } from './embedded.js';
import { compareGroupings } from './grouping.js';
import { seedsFor } from './seeds.js';

t.test('appends one by one and many at once make the same views, byte by byte', async () => {
  for (const seed of seedsFor(25)) await compareGroupings(seed, embedded);
});
