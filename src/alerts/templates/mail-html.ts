/**
 * The HTML part of a mail. Layout by tables. What stands once has its style inline; what is repeated, cells and
 * paragraphs of each area, has it from the style sheet (Gmail and Outlook read classes; a sheet of more than 16 KB Gmail
 * would leave out), since Gmail cuts a mail off at 102 KB. A client that reads no sheet shows the same with its own
 * margins: attributes align the cells. Dark colours and more room on wide screens have a sheet of their own, so that a
 * client that stumbles over it keeps the first. Nothing is loaded from anywhere.
 */
export const MAIL_HTML = `<!doctype html>
<html lang="en-GB" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<title>{{subject}}</title>
<style>
.sheet p { margin: 0 0 12px; }
.sheet h2 { margin: 24px 0 12px; padding: 12px 0 0; border-top: 1px solid #d5dade; font-size: 19px; line-height: 1.3; }
.sheet h3 { margin: 24px 0 8px; font-size: 16px; }
.sheet .part { padding: 12px 0 0; border-top: 1px solid #d5dade; }
.sheet .soft { color: #50575d; font-size: 14px; }
.sheet p.small { margin: 0 0 4px; color: #50575d; font-size: 14px; }
.sheet a { color: #1155cc; }
.sheet .news { padding: 8px 12px; background-color: #fff6dc; border-left: 4px solid #b58900; }
.sheet .news .soft { font-size: 16px; }
.figures { border-collapse: collapse; table-layout: fixed; margin: 0 0 16px; }
.figures caption { padding: 0 0 4px; color: #50575d; font-size: 14px; text-align: left; }
.figures th, .figures td { border-bottom: 1px solid #d5dade; padding: 4px 0 4px 4px; font-size: 15px; font-weight: normal; }
.figures th { padding: 4px 4px 4px 0; }
.figures .heads th { border-bottom: 2px solid #9aa3ab; padding: 8px 0 4px 4px; font-size: 13px; font-weight: bold; }
.figures .heads .first { padding: 8px 4px 4px 0; font-size: 14px; }
.figures td { white-space: nowrap; }
.brief td { white-space: normal; padding: 6px 0 6px 8px; }
.brief th { padding: 6px 8px 6px 0; }
.sheet img { display: block; width: 100%; height: auto; border: 0; background-color: #ffffff; }
</style>
<style>
@media (prefers-color-scheme: dark) {
  .page { background-color: #16181b !important; }
  .sheet { background-color: #202327 !important; }
  .sheet, .sheet p, .sheet td, .sheet th, .sheet h1, .sheet h2, .sheet h3, .sheet li { color: #eceff1 !important; }
  .sheet .soft, .sheet p.small, .sheet caption { color: #b7bec4 !important; }
  .sheet h2, .sheet .part, .sheet .figures th, .sheet .figures td { border-color: #4a5157 !important; }
  .sheet .news { background-color: #2d2a1c !important; border-color: #d9a400 !important; }
  .sheet .banner { background-color: #5a1a1a !important; }
  .sheet a { color: #8ab4f8 !important; }
}
@media (min-width: 600px) { .room { padding: 28px 32px !important; } }
</style>
</head>
<body class="page" style="margin:0;padding:0;background-color:#eef0f2;">
<div style="display:none;max-height:0;overflow:hidden;mso-hide:all;">{{preheader}}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" style="background-color:#eef0f2;">
<tr><td align="center">
<!--[if mso]><table role="presentation" width="640" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->
<table role="presentation" class="sheet" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:640px;background-color:#ffffff;text-align:left;">
<tr><td class="room" style="padding:16px;font-family:Arial,Helvetica,sans-serif;font-size:16px;line-height:1.5;color:#1f1f1f;word-wrap:break-word;overflow-wrap:anywhere;">
{{#each banners}}
<p class="banner" style="margin:0 0 16px;padding:8px 12px;background-color:#fbe3e3;font-weight:bold;color:#1f1f1f;">{{this}}</p>
{{/each}}
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3;color:#1f1f1f;">{{subject}}</h1>
{{#if summary.length}}
<table class="figures brief" width="100%" cellspacing="0" border="0">
<caption>In short</caption>
<tr class="heads" align="right"><th scope="col" align="left" class="first">Area and measure</th><th scope="col" width="64">Figure</th><th scope="col" width="84">Line</th></tr>
{{#each summary}}
<tr align="right" valign="top"><th scope="row" align="left"><strong>{{who}}</strong>, {{measure}}{{#if difference}}, {{difference}}{{/if}}<br><span class="soft">{{event}}.{{#if rule}} Rule: {{rule}}.{{/if}}</span></th><td><strong>{{value}}</strong></td><td>{{#if line}}{{line}}{{else}}–{{/if}}</td></tr>
{{/each}}
</table>
{{/if}}
{{#if moreAreas}}
<p>{{moreAreas}}</p>
{{/if}}
{{#if leftOut}}
<p>{{leftOut}}</p>
{{/if}}
{{#each sections}}
<h2>{{heading}}</h2>
{{#each news}}
<p class="news"><strong>{{label}}.</strong> {{reason}} <span class="soft">Rule: {{rule}}.</span></p>
{{/each}}
{{#each paragraphs}}
<p>{{this}}</p>
{{/each}}
{{#with table}}
<table class="figures" width="100%" cellspacing="0" border="0">
<caption>{{caption}}</caption>
{{#each groups}}
<tr class="heads" align="right" valign="bottom"><th scope="col" align="left" class="first">{{measure}}</th><th scope="col" width="62" nowrap>{{../now}}</th>{{#if ../before}}<th scope="col" width="62" nowrap>{{../before}}</th><th scope="col" width="62" nowrap>Change</th>{{/if}}</tr>
{{#each rows}}
<tr align="right"><th scope="row" align="left">{{place}}</th><td>{{now}}</td>{{#if ../../before}}<td>{{before}}</td><td>{{change}}</td>{{/if}}</tr>
{{/each}}
{{/each}}
</table>
{{/with}}
{{#with chart}}
<p><img src="cid:{{cid}}" alt="{{alt}}" width="{{width}}" style="max-width:{{width}}px;"></p>
{{/with}}
{{#if chartNote}}
<p class="soft">{{chartNote}}</p>
{{/if}}
{{#if ended}}
<p class="soft">{{ended}}</p>
{{/if}}
{{/each}}
{{#if notices.length}}
<h3>What is missing</h3>
{{#each notices}}
<p>{{this}}</p>
{{/each}}
{{/if}}
<h3 class="part">What the words mean</h3>
{{#each definitions}}
<p class="small">{{this}}</p>
{{/each}}
{{#if rules.length}}
<h3>Rules</h3>
{{#each rules}}
<p class="small">{{this}}</p>
{{/each}}
{{#if owner}}
<p class="small">{{owner}}</p>
{{/if}}
{{/if}}
{{#if sources.length}}
<h3>Sources</h3>
{{#each sources}}
<p class="small">{{text}}{{#if url}} <a href="{{url}}">See the release</a>{{/if}}</p>
{{/each}}
{{/if}}
{{#with licence}}
<p class="small">{{text}} <a href="{{url}}">Read the licence</a></p>
{{/with}}
<h3 class="part">About this mail</h3>
{{#each foot}}
<p class="small">{{this}}</p>
{{/each}}
</td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr>
</table>
</body>
</html>
`;
