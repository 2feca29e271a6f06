/** The one stylesheet of the pages: narrow and wide, light and dark, on paper. No font and no picture from elsewhere. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ink: #1b2126; --soft: #4d565e; --paper: #ffffff; --panel: #f3f5f7; --line: #cfd5da;
  --link: #0b5394; --good: #17613a; --good-panel: #e6f3ea; --bad: #a3001c; --bad-panel: #fdecee;
  --warn: #7a4b00; --warn-panel: #fff4d6;
  --shade: rgb(0 0 0 / .3);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8ebee; --soft: #b3bcc4; --paper: #14181b; --panel: #1e2429; --line: #3a434b;
    --link: #8cc0f5; --good: #86d7a5; --good-panel: #14301f; --bad: #ff9aa8; --bad-panel: #3d161c;
    --warn: #f3c969; --warn-panel: #352a10;
    --shade: rgb(255 255 255 / .35);
  }
}
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
body { margin: 0; color: var(--ink); background: var(--paper); overflow-wrap: break-word; }
header, main, footer { max-width: 70rem; margin: 0 auto; padding: 0 1rem; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, button:focus-visible, input:focus-visible, .scroll:focus-visible {
  outline: 3px solid var(--link); outline-offset: 2px;
}
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: .5rem; z-index: 1; background: var(--paper); padding: .5rem 1rem; }
.composed { flex: 0 0 100%; margin: 0 0 .5rem; padding: .6rem 1rem; text-align: center; border-radius: .35rem; color: var(--warn); background: var(--warn-panel); }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 2rem; padding-top: .75rem; border-bottom: 1px solid var(--line); }
.name { margin: 0; font-weight: 700; font-size: 1.125rem; }
.name a { color: inherit; text-decoration: none; }
nav ul { display: flex; flex-wrap: wrap; gap: 0 clamp(.75rem, 4vw - .25rem, 1.25rem); margin: 0; padding: 0; list-style: none; }
nav a { display: inline-block; padding: .6rem 0; text-decoration: none; border-bottom: 3px solid transparent; }
nav a:hover { text-decoration: underline; }
nav a[aria-current] { color: var(--ink); border-bottom-color: var(--link); font-weight: 600; }
h1 { margin: 1.5rem 0 .5rem; font-size: clamp(1.5rem, 1.2rem + 1.5vw, 2rem); line-height: 1.2; }
h2 { margin: 2.25rem 0 .75rem; font-size: 1.25rem; line-height: 1.3; }
.lead { margin: 0 0 1rem; font-size: 1.125rem; color: var(--soft); }
main p { max-width: 45rem; }
main:focus { outline: none; }
.soft, .note, figcaption { color: var(--soft); }
.note { display: block; font-size: .875rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.good, .bad, .warn { font-weight: 600; }
.verdict { margin: 1rem 0; padding: .75rem 1rem; border-left: 5px solid currentColor; max-width: 60rem; }
.verdict p { margin: 0; font-size: 1.125rem; }
.verdict ul { margin: .5rem 0 0; padding-left: 1.25rem; font-weight: 400; color: var(--ink); }
.verdict li + li { margin-top: .35rem; }
.verdict.good { background: var(--good-panel); } .verdict.bad { background: var(--bad-panel); } .verdict.warn { background: var(--warn-panel); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 8.75rem), 1fr)); gap: .5rem; margin: 1rem 0; }
.facts div { padding: .6rem .9rem; background: var(--panel); border-radius: .35rem; min-width: 0; }
.facts dt { font-size: .875rem; color: var(--soft); }
.facts dd { margin: 0; font-weight: 600; }
/* A shade at the edge beyond which there is more of the table; the paper that moves with the table covers it at the end. */
.scroll {
  overflow-x: auto; margin: 1rem 0;
  background:
    linear-gradient(to right, var(--paper) 50%, transparent) left / 2rem 100% no-repeat local,
    linear-gradient(to left, var(--paper) 50%, transparent) right / 2rem 100% no-repeat local,
    linear-gradient(to right, var(--shade), transparent) left / 1rem 100% no-repeat scroll,
    linear-gradient(to left, var(--shade), transparent) right / 1rem 100% no-repeat scroll;
}
.hint { display: none; }
@media screen and (max-width: 27rem) { .hint { display: block; font-weight: 600; } }
table { border-collapse: collapse; min-width: 100%; font-variant-numeric: tabular-nums; }
/* The words stay in sight where the table under them is wider than the screen. */
.about { display: inline-block; position: sticky; left: 0; max-width: min(68rem, calc(100vw - 2rem)); }
caption { text-align: left; color: var(--soft); padding-bottom: .4rem; }
th, td { padding: .45rem 1rem .45rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom: 2px solid var(--soft); vertical-align: bottom; font-size: .9375rem; }
tbody th, td { min-width: 5rem; } tbody th { font-weight: 400; }
.short, .number { min-width: 0; } .middle { min-width: 9rem; } .wide { min-width: 16rem; }
.number { text-align: right; white-space: nowrap; }
.list { padding-left: 1.25rem; } .list li { margin-bottom: .35rem; }
.links { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1.25rem; margin: 1rem 0; }
figure { margin: 0; min-width: 0; }
figure img { display: block; width: 100%; max-width: 36rem; height: auto; background: #fff; border: 1px solid var(--line); border-radius: .35rem; }
figcaption { margin-top: .35rem; font-size: .875rem; }
form { margin: 1rem 0 1.5rem; max-width: 32rem; }
label { display: block; margin-bottom: .3rem; font-weight: 600; }
form div { display: flex; gap: .5rem; }
input, button { font: inherit; padding: .5rem .75rem; border-radius: .35rem; border: 1px solid var(--soft); }
input { flex: 1; min-width: 0; color: inherit; background: var(--paper); }
button { color: var(--paper); background: var(--link); border-color: var(--link); cursor: pointer; }
footer { margin-top: 3rem; padding-top: 1rem; padding-bottom: 2rem; border-top: 1px solid var(--line); font-size: .875rem; color: var(--soft); }
footer p { margin: .25rem 0; }
@media (max-width: 40rem) { h2 { margin-top: 1.75rem; } th, td { padding-right: .75rem; } }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #333; --paper: #fff; --panel: #fff; --line: #999; --link: #000; --good: #000; --bad: #000; --warn: #000; }
  html { font-size: 10pt; }
  nav, form, .skip, .links { display: none; }
  header, main, footer { max-width: none; padding: 0; }
  .composed, .verdict, .facts div { border: 1px solid #000; background: none; }
  .scroll { overflow: visible; background: none; }
  tbody th, td, .middle { min-width: 0; } .wide { min-width: 11rem; }
  table { font-size: 8pt; } td .note { font-size: 7.5pt; } th, td { padding-right: .4rem; }
  tr, figure, .facts div { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
}
`;
