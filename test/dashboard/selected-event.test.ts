/** The event that an address names is shown beside the list, whatever the list has, and however many share its moment. */
import t from 'tap';
import { launchBrowser } from '../support/browser.js';
import { APP, spawnCollector } from '../support/collector.js';
import { open, read } from './open.js';

t.setTimeout(600_000);

const [browser, collector] = await Promise.all([launchBrowser(), spawnCollector()]);
t.teardown(async () => {
  await browser.close();
  await collector.close();
});

const TS = Date.now() - 3_600_000;
const crowd = Array.from({ length: 600 }, (_, index) => ({
  ...{ user_id: 'u', session_id: 's', type: 'event', name: `crowded_${index}`, ts: TS },
}));
await collector.send(crowd);

t.test(
  'one of 600 events of a millisecond is found at its address, also at one of the older form',
  async (t) => {
    const first = await read<{ name: string }>(collector, '/v1/events/1');
    t.equal(first.name, 'crowded_0');
    for (const key of [`${TS}.1`, '1']) {
      const page = await open(t, browser, `${collector.url}/live?user=nobody&event=${key}`);
      const detail = page.getByRole('complementary', { name: 'Selected event' });
      await detail.getByRole('heading', { name: 'crowded_0', exact: true }).waitFor();
      t.match(await detail.textContent(), APP);
    }
  },
);

t.test('one that is in the list is marked there, and has its id as its address', async (t) => {
  const page = await open(t, browser, `${collector.url}/live`);
  const row = page.locator('.body-row', { hasText: 'crowded_598' });
  await row.locator('.row-link').click();
  await page.waitForURL(/event=599$/);
  t.equal(await row.getAttribute('aria-current'), 'true');
});

t.test('one that is gone is not found, and that is said', async (t) => {
  const page = await open(t, browser, `${collector.url}/live?event=601`);
  await page.getByText('Event not found').waitFor();
  await page.keyboard.press('Escape');
  await page.getByText('Event not found').waitFor({ state: 'detached' });
});
