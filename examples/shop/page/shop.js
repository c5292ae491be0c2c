/** The example shop: products, a cart and a checkout, and a page of trouble, each of which the SDK has something to say about. */

/** The SDK, as its script tag left it; the shop works without it too. */
const { spyglass } = window;
const view = document.querySelector('#view');
const notice = document.querySelector('#notice');
const cart = JSON.parse(sessionStorage.getItem('cart') ?? '[]');
let products = [];

const PAGES = [
  [/^\/$/, showProducts],
  [/^\/products\/(\w+)$/, showProduct],
  [/^\/cart$/, showCart],
  [/^\/checkout$/, showCheckout],
  [/^\/thanks$/, showThanks],
  [/^\/trouble$/, showTrouble],
];

document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="/"]');
  if (link === null || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go(link.getAttribute('href'));
});
window.addEventListener('popstate', show);
document.querySelector('#user').addEventListener('change', ({ target }) => {
  // Another user: another session, and the name and e-mail travel once more.
  spyglass?.setUser({
    id: target.value,
    name: target.selectedOptions[0].text,
    email: `${target.value}@example.com`,
  });
  tell(`Signed in as ${target.selectedOptions[0].text}.`);
});

products = (await (await fetch('/api/products')).json()).products;
count();
show();

function go(path) {
  history.pushState(null, '', path);
  show();
}

function show() {
  for (const [pattern, render] of PAGES) {
    const found = pattern.exec(location.pathname);
    if (found === null) continue;
    tell('');
    view.replaceChildren(...render(...found.slice(1)));
    view.focus();
    return;
  }
  view.replaceChildren(make('h1', 'There is nothing here'));
}

function showProducts() {
  const tiles = products.map(({ id, name, sign, price }) =>
    make(
      'li.tile',
      link(`/products/${id}`, make('span.sign', sign), make('strong', name), make('div.price', `${price} €`)),
    ),
  );
  return [make('h1', 'Products'), make('ul.grid', ...tiles)];
}

function showProduct(id) {
  const product = products.find((one) => one.id === id);
  if (product === undefined) return [make('h1', 'No such product')];
  spyglass?.capture('product_viewed', { product: id, price: product.price });
  const stock = make('p.soft', 'Looking into the storeroom …');
  // The old way of asking, which is captured like the new one.
  const request = new XMLHttpRequest();
  request.open('GET', `/api/stock/${id}`);
  request.onload = () => {
    stock.textContent = `${JSON.parse(request.responseText).stock} in stock`;
  };
  request.send();
  return [
    make(
      'div.panel',
      make('span.sign', product.sign),
      make('h1', product.name),
      make('p.price', `${product.price} €`),
      stock,
      make(
        'div.row',
        button('Add to cart', () => add(product), 'main'),
        button('Gift wrap', () => {}),
      ),
    ),
  ];
}

function add({ id, name, price }) {
  cart.push({ id, name, price });
  keep();
  spyglass?.capture('added_to_cart', { product: id, price });
  tell(`${name} is in your cart.`);
}

function showCart() {
  if (cart.length === 0) return [make('h1', 'Your cart is empty'), link('/', 'To the products')];
  const lines = cart.map(({ name, price }) => make('li', `${name}, ${price} €`));
  return [
    make(
      'div.panel',
      make('h1', 'Your cart'),
      make('ul', ...lines),
      make('strong', `${total()} € in all`),
      make(
        'div.row',
        button('Check out', () => go('/checkout'), 'main'),
        button('Empty', empty),
      ),
    ),
  ];
}

function empty() {
  cart.length = 0;
  keep();
  show();
}

function showCheckout() {
  spyglass?.capture('checkout_started', { items: cart.length, total: total() });
  const form = make(
    'form.panel',
    make('h1', 'Check out'),
    // What a recording must not show: a masked text, typed values, a password, and a whole blocked part.
    make('p', 'Goes to ', make('span.private', '12 Harbour Lane, Springfield')),
    field('Name on the parcel', { name: 'recipient', required: true, autocomplete: 'off' }),
    field('Customer password', { name: 'password', type: 'password', autocomplete: 'off' }),
    make('div.card', field('Card number', { name: 'card', inputMode: 'numeric', autocomplete: 'off' })),
    field('Coupon (any will break the order)', { name: 'coupon', autocomplete: 'off' }),
    make('div.row', make('button.main', 'Order and pay'), link('/cart', 'Back')),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    order(new FormData(form));
  });
  return [form];
}

async function order(form) {
  const response = await fetch('/api/orders?channel=web', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: 'Bearer shop-token-that-stays-here' },
    body: JSON.stringify({ items: cart.map(({ id }) => id), coupon: form.get('coupon') }),
  });
  if (!response.ok) {
    console.error('The order failed with %s', response.status);
    tell('That did not work. Your cart is still there.');
    return;
  }
  const { order } = await response.json();
  spyglass?.capture('order_placed', { order, items: cart.length, total: total() });
  cart.length = 0;
  keep();
  go('/thanks');
}

function showThanks() {
  return [make('h1', 'Thank you'), make('p', 'Your order is on its way.'), link('/', 'Back to the products')];
}

/** Everything that can go wrong in a page, at a button. */
function showTrouble() {
  const troubles = [
    ['Throw an error', () => nothing.atAll()],
    ['Throw it five times', () => Array.from({ length: 5 }, () => setTimeout(again))],
    ['Leave a promise unhandled', () => void Promise.reject(new RangeError('nobody caught this'))],
    ['Log an error', () => console.error('Stock of %s is %d', 'mug', -1)],
    ['Ask for what is not there', () => fetch('/api/nowhere')],
    [
      'Ask a server that is not there',
      () => fetch('http://127.0.0.1:1/').catch(() => tell('As expected, it failed.')),
    ],
    ['Report it', () => report()],
  ];
  return [
    make(
      'div.panel',
      make('h1', 'Trouble'),
      make('p.soft', 'Each of these makes an event. Click one of them three times fast to rage.'),
      make('div.row', ...troubles.map(([text, work]) => button(text, work))),
    ),
  ];
}

function again() {
  throw new TypeError('the same once more');
}

async function report() {
  const arrived = await spyglass?.report('Reported by a button of the shop itself', { severity: 'low' });
  tell(arrived ? 'The report has arrived.' : 'The report is kept for later.');
}

function keep() {
  sessionStorage.setItem('cart', JSON.stringify(cart));
  count();
}

function count() {
  document.querySelector('#count').textContent = String(cart.length);
}

function total() {
  return cart.reduce((sum, { price }) => sum + price, 0);
}

function tell(text) {
  notice.textContent = text;
}

/** An element from `tag.class` and its children. */
function make(description, ...children) {
  const [tag, ...classes] = description.split('.');
  const element = document.createElement(tag);
  element.classList.add(...classes);
  element.append(...children);
  return element;
}

function link(path, ...children) {
  const element = make('a', ...children);
  element.href = path;
  return element;
}

function button(text, work, look) {
  const element = make(look ? `button.${look}` : 'button', text);
  element.type = 'button';
  element.addEventListener('click', work);
  return element;
}

function field(text, properties) {
  return make('label', text, Object.assign(document.createElement('input'), properties));
}
