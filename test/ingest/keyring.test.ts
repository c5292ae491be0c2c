/** Who may send: keys and origins. */
import t from 'tap';
import { createKeyring } from '../../src/ingest/keyring.js';

const keyring = createKeyring({
  inventory: { key: 'sg_live_inventory', origins: [] },
  shop: { key: 'sg_live_shop', origins: ['https://shop.example', 'http://localhost:3000'] },
  clé: { key: 'clé 😀', origins: [] },
});

t.test('a key opens its own app and no other', async (t) => {
  t.ok(keyring.opens('inventory', 'sg_live_inventory'));
  t.ok(keyring.opens('clé', 'clé 😀'));
  t.notOk(keyring.opens('inventory', 'sg_live_shop'));
  for (const key of [
    '',
    'sg_live_inventor',
    'sg_live_inventory ',
    'SG_LIVE_INVENTORY',
    'x'.repeat(100_000),
  ]) {
    t.notOk(keyring.opens('inventory', key));
  }
});

t.test('an app nobody configured is closed, inherited names too', async (t) => {
  for (const app of ['', 'Inventory', 'constructor', '__proto__', 'toString']) {
    t.notOk(keyring.opens(app, 'sg_live_inventory'));
    t.notOk(keyring.opens(app, ''));
    t.notOk(keyring.allowsOrigin(app, 'https://shop.example'));
  }
});

t.test('a key tells whose it is', async (t) => {
  t.equal(keyring.ownerOf('sg_live_shop'), 'shop');
  t.equal(keyring.ownerOf('sg_live_inventory'), 'inventory');
  t.equal(keyring.ownerOf('sg_live_'), undefined);
  t.equal(keyring.ownerOf(''), undefined);
});

t.test('an empty list allows every origin, another one exactly what it names', async (t) => {
  t.ok(keyring.allowsOrigin('inventory', 'https://anywhere.example'));
  t.ok(keyring.allowsOrigin('inventory', 'null'));
  t.ok(keyring.allowsOrigin('shop', 'https://shop.example'));
  t.ok(keyring.allowsOrigin('shop', 'http://localhost:3000'));
  for (const origin of [
    'https://shop.example/',
    'http://shop.example',
    'https://shop.example.evil',
    'null',
    '',
  ]) {
    t.notOk(keyring.allowsOrigin('shop', origin));
  }
});

t.test('a request without an origin passes', async (t) => {
  t.ok(keyring.allowsOrigin('shop', undefined));
});

t.test('each key of an app opens it, and a request is the app’s under each', async (t) => {
  const several = createKeyring({
    shop: { key: ['new', 'old'], origins: [] },
    inventory: { key: 'other', origins: [] },
  });
  for (const key of ['new', 'old']) {
    t.ok(several.opens('shop', key));
    t.notOk(several.opens('inventory', key));
    t.equal(several.ownerOf(key), 'shop');
  }
  t.notOk(several.opens('shop', 'other'));
  t.notOk(several.opens('shop', 'new,old'));
});
