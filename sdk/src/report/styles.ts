/** Styles of the bug-report button and its dialog, light and dark, for wide and narrow pages. */
export const STYLES = `
:host {
  all: initial; display: block !important; position: fixed !important; right: 16px !important; bottom: 16px !important;
  z-index: 2147483647 !important; color-scheme: light dark !important;
  --back: #fff; --text: #1b2430; --soft: #586273; --line: #c3cad5; --accent: #1f5fd0; --on-accent: #fff;
  font: 15px/1.45 system-ui, sans-serif !important;
}
@media (prefers-color-scheme: dark) {
  :host { --back: #1e242d; --text: #e8ecf2; --soft: #a5afbe; --line: #485364; --accent: #7eaaf7; --on-accent: #0d1420 }
}
@media print { :host { display: none !important } }
* { box-sizing: border-box; font: inherit; color: inherit }
button {
  min-height: 40px; padding: 8px 16px; border: 1px solid var(--line); border-radius: 8px; cursor: pointer;
  background: var(--back); color: var(--text);
}
button:hover { border-color: var(--accent) }
button:disabled { opacity: .6; cursor: default }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.open { border-radius: 20px; box-shadow: 0 2px 10px rgb(0 0 0 / .25) }
.send { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600 }
dialog {
  width: min(440px, calc(100vw - 24px)); max-height: calc(100vh - 24px); overflow: auto; margin: auto; padding: 20px;
  border: 1px solid var(--line); border-radius: 12px; background: var(--back); color: var(--text);
}
dialog::backdrop { background: rgb(10 15 25 / .5) }
h2 { margin: 0 0 12px; font-size: 19px; font-weight: 650 }
label, legend { display: block; padding: 0; margin: 0 0 4px; font-weight: 600 }
textarea {
  display: block; width: 100%; min-height: 110px; padding: 8px 10px; resize: vertical; border: 1px solid var(--line);
  border-radius: 8px; background: transparent;
}
fieldset { margin: 16px 0; padding: 0; border: 0 }
fieldset label { display: flex; gap: 8px; align-items: baseline; padding: 4px 0; margin: 0; font-weight: 400 }
input { accent-color: var(--accent); margin: 0 }
p { margin: 0 0 16px } p:empty { margin: 0 } p.note { color: var(--soft); font-size: 13px }
.row { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 8px }
[hidden] { display: none }
`;
