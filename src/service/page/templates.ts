/** The pages' HTML: one layout, one partial for each kind of block. Handlebars escapes every value. */

export const LAYOUT = `<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{{page.title}} - absence-watch</title>
<link rel="stylesheet" href="/style.css?{{styleVersion}}">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header>
{{#if composed}}<p class="composed"><strong>COMPOSED</strong> These figures were made up for a demonstration. They are not statistics.</p>{{/if}}
<p class="name"><a href="/">absence-watch</a></p>
<nav aria-label="Main">
<ul>
{{#each nav}}<li><a href="{{href}}"{{#if current}} aria-current="page"{{/if}}>{{text}}</a></li>
{{/each}}</ul>
</nav>
</header>
<main id="content" tabindex="-1">
<h1>{{page.title}}</h1>
{{#if page.lead}}<p class="lead">{{page.lead}}</p>{{/if}}
{{#each page.sections}}
<section{{#if heading}} aria-labelledby="section-{{@index}}"{{/if}}>
{{#if heading}}<h2 id="section-{{@index}}">{{heading}}</h2>{{/if}}
{{#each blocks}}
{{> (lookup . 'kind')}}
{{/each}}
</section>
{{/each}}
</main>
<footer>
<p>absence-watch {{version}}, as of {{now}}. {{#if stale}}{{stale}} {{/if}}Read only: commands change things, this page shows them.</p>
<p>{{#if composed}}Composed figures: no statistics, no source.{{else}}Figures: Department for Education, Explore education statistics; contains public sector information licensed under the Open Government Licence v3.0.{{/if}}</p>
</footer>
</body>
</html>
`;

export const PARTIALS: Readonly<Record<string, string>> = {
  text: `<p{{#if soft}} class="soft"{{/if}}>{{text}}</p>`,
  verdict: `<div class="verdict {{tone}}" role="status">
<p>{{text}}</p>
{{#if reasons}}<ul>{{#each reasons}}<li>{{this}}</li>{{/each}}</ul>{{/if}}
</div>`,
  inline: `<span class="{{tone}}">{{#if href}}<a href="{{href}}">{{text}}</a>{{else}}{{text}}{{/if}}</span>{{#if note}}<span class="note">{{note}}</span>{{/if}}`,
  list: `<ul class="list">{{#each items}}<li>{{> inline}}</li>{{/each}}</ul>`,
  facts: `<dl class="facts">{{#each items}}<div><dt>{{term}}</dt><dd>{{#if href}}<a href="{{href}}">{{text}}</a>{{else}}{{text}}{{/if}}</dd></div>{{/each}}</dl>`,
  table: `<div class="scroll" tabindex="0" role="region" aria-label="{{caption}}">
<table>
<caption><span class="about">{{caption}}{{#if many}}<span class="hint" aria-hidden="true">{{columns.length}} columns, scroll sideways →</span>{{/if}}</span></caption>
<thead><tr>{{#each columns}}<th scope="col"{{#if numeric}} class="number"{{/if}}>{{text}}</th>{{/each}}</tr></thead>
<tbody>
{{#each rows}}<tr>{{#with head}}<th scope="row" class="{{width}}">{{> inline}}</th>{{/with}}{{#each cells}}<td class="{{#if numeric}}number{{else}}{{width}}{{/if}}">{{> inline}}</td>{{/each}}</tr>
{{/each}}</tbody>
</table>
</div>`,
  pictures: `<div class="pictures">{{#each items}}<figure>
<img src="{{src}}" alt="{{alt}}" width="{{width}}" height="{{height}}" loading="lazy">
<figcaption>{{caption}}</figcaption>
</figure>{{/each}}</div>`,
  links: `<ul class="links">{{#each items}}<li><a href="{{href}}">{{text}}</a></li>{{/each}}</ul>`,
  search: `<form action="/areas" method="get" role="search">
<label for="q">Area, by name or code</label>
<div><input id="q" name="q" type="search" value="{{value}}" maxlength="200" autocomplete="off" required>
<button type="submit">Find</button></div>
</form>`,
};

/** A magnifying lens over a falling line. */
export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#0b5394"/><path d="M6 12l6 4 5-6 9 10" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/><path d="M6 25h20" stroke="#ffd76a" stroke-width="2" stroke-dasharray="4 3"/></svg>
`;
