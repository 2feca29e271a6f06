/**
 * The HTML part of a mail. Layout by tables and inline styles, for old clients; the one style sheet holds what a client
 * may ignore: dark colours, and more room on wide screens. Nothing is loaded from anywhere.
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
@media (prefers-color-scheme: dark) {
  .page { background-color: #16181b !important; }
  .sheet { background-color: #202327 !important; }
  .sheet, .sheet p, .sheet td, .sheet th, .sheet h1, .sheet h2, .sheet h3, .sheet li, .sheet caption { color: #eceff1 !important; }
  .sheet .soft { color: #b7bec4 !important; }
  .sheet .line { border-color: #4a5157 !important; }
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
<table width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;table-layout:fixed;margin:0 0 20px;">
<caption class="soft" style="text-align:left;font-size:14px;padding:0 0 4px;color:#50575d;">In short</caption>
<tr>
<th scope="col" class="line" align="left" style="border-bottom:2px solid #9aa3ab;padding:4px 8px 4px 0;font-size:14px;color:#1f1f1f;">Area and measure</th>
<th scope="col" class="line" width="64" align="right" style="border-bottom:2px solid #9aa3ab;padding:4px 0 4px 8px;font-size:14px;white-space:nowrap;color:#1f1f1f;">Figure</th>
<th scope="col" class="line" width="84" align="right" style="border-bottom:2px solid #9aa3ab;padding:4px 0 4px 8px;font-size:14px;white-space:nowrap;color:#1f1f1f;">Line</th>
</tr>
{{#each summary}}
<tr>
<th scope="row" class="line" align="left" style="border-bottom:1px solid #d5dade;padding:6px 8px 6px 0;font-size:15px;font-weight:normal;color:#1f1f1f;"><strong>{{who}}</strong>, {{measure}}{{#if difference}}, {{difference}}{{/if}}<br><span class="soft" style="font-size:14px;color:#50575d;">{{event}}.{{#if rule}} Rule: {{rule}}.{{/if}}</span></th>
<td class="line" align="right" valign="top" style="border-bottom:1px solid #d5dade;padding:6px 0 6px 8px;font-size:15px;color:#1f1f1f;"><strong>{{value}}</strong></td>
<td class="line" align="right" valign="top" style="border-bottom:1px solid #d5dade;padding:6px 0 6px 8px;font-size:15px;color:#1f1f1f;">{{#if line}}{{line}}{{else}}–{{/if}}</td>
</tr>
{{/each}}
</table>
{{/if}}
{{#if moreAreas}}<p style="margin:0 0 16px;color:#1f1f1f;">{{moreAreas}}</p>{{/if}}
{{#each sections}}
<h2 class="line" style="margin:24px 0 12px;padding:12px 0 0;border-top:1px solid #d5dade;font-size:19px;line-height:1.3;color:#1f1f1f;">{{heading}}</h2>
{{#each news}}
<p class="news" style="margin:0 0 12px;padding:8px 12px;background-color:#fff6dc;border-left:4px solid #b58900;color:#1f1f1f;"><strong>{{label}}.</strong> {{reason}} <span class="soft" style="color:#50575d;">Rule: {{rule}}.</span></p>
{{/each}}
{{#each paragraphs}}
<p style="margin:0 0 12px;color:#1f1f1f;">{{this}}</p>
{{/each}}
{{#if table}}{{#with table}}
<table width="100%" cellpadding="0" cellspacing="0" border="0" style="border-collapse:collapse;table-layout:fixed;margin:0 0 16px;">
<caption class="soft" style="text-align:left;font-size:14px;padding:0 0 4px;color:#50575d;">{{caption}}</caption>
{{#each groups}}
<tr>
<th scope="col" class="line" align="left" valign="bottom" style="border-bottom:2px solid #9aa3ab;padding:8px 4px 4px 0;font-size:14px;color:#1f1f1f;">{{measure}}</th>
<th scope="col" class="line" width="62" align="right" valign="bottom" style="border-bottom:2px solid #9aa3ab;padding:8px 0 4px 4px;font-size:13px;color:#1f1f1f;">{{../now}}</th>
{{#if ../before}}<th scope="col" class="line" width="62" align="right" valign="bottom" style="border-bottom:2px solid #9aa3ab;padding:8px 0 4px 4px;font-size:13px;color:#1f1f1f;">{{../before}}</th>
<th scope="col" class="line" width="62" align="right" valign="bottom" style="border-bottom:2px solid #9aa3ab;padding:8px 0 4px 4px;font-size:13px;color:#1f1f1f;">Change</th>{{/if}}
</tr>
{{#each rows}}
<tr>
<th scope="row" class="line" align="left" style="border-bottom:1px solid #d5dade;padding:4px 4px 4px 0;font-size:15px;font-weight:normal;color:#1f1f1f;">{{place}}</th>
<td class="line" align="right" style="border-bottom:1px solid #d5dade;padding:4px 0 4px 4px;font-size:15px;white-space:nowrap;color:#1f1f1f;">{{now}}</td>
{{#if ../../before}}<td class="line" align="right" style="border-bottom:1px solid #d5dade;padding:4px 0 4px 4px;font-size:15px;white-space:nowrap;color:#1f1f1f;">{{before}}</td>
<td class="line" align="right" style="border-bottom:1px solid #d5dade;padding:4px 0 4px 4px;font-size:15px;white-space:nowrap;color:#1f1f1f;">{{change}}</td>{{/if}}
</tr>
{{/each}}
{{/each}}
</table>
{{/with}}{{/if}}
{{#if chart}}{{#with chart}}
<p style="margin:0 0 12px;"><img src="cid:{{cid}}" alt="{{alt}}" width="{{width}}" style="display:block;width:100%;max-width:{{width}}px;height:auto;border:0;background-color:#ffffff;"></p>
{{/with}}{{/if}}
{{#if chartNote}}<p class="soft" style="margin:0 0 12px;font-size:14px;color:#50575d;">{{chartNote}}</p>{{/if}}
{{#if ended}}<p class="soft" style="margin:0 0 12px;font-size:14px;color:#50575d;">{{ended}}</p>{{/if}}
{{/each}}
{{#if notices.length}}
<h3 style="margin:24px 0 8px;font-size:16px;color:#1f1f1f;">What is missing</h3>
{{#each notices}}<p style="margin:0 0 8px;color:#1f1f1f;">{{this}}</p>{{/each}}
{{/if}}
<h3 class="line" style="margin:24px 0 8px;padding:12px 0 0;border-top:1px solid #d5dade;font-size:16px;color:#1f1f1f;">What the words mean</h3>
{{#each definitions}}<p class="soft" style="margin:0 0 4px;font-size:14px;color:#50575d;">{{this}}</p>{{/each}}
{{#if rules.length}}
<h3 style="margin:16px 0 8px;font-size:16px;color:#1f1f1f;">Rules</h3>
{{#each rules}}<p class="soft" style="margin:0 0 4px;font-size:14px;color:#50575d;">{{this}}</p>{{/each}}
{{#if owner}}<p class="soft" style="margin:0 0 4px;font-size:14px;color:#50575d;">{{owner}}</p>{{/if}}
{{/if}}
{{#if sources.length}}
<h3 style="margin:16px 0 8px;font-size:16px;color:#1f1f1f;">Sources</h3>
{{#each sources}}<p class="soft" style="margin:0 0 4px;font-size:14px;color:#50575d;">{{text}}{{#if url}} <a href="{{url}}" style="color:#1155cc;">See the release</a>{{/if}}</p>{{/each}}
{{/if}}
{{#if licence}}{{#with licence}}<p class="soft" style="margin:0 0 4px;font-size:14px;color:#50575d;">{{text}} <a href="{{url}}" style="color:#1155cc;">Read the licence</a></p>{{/with}}{{/if}}
<h3 class="line" style="margin:24px 0 8px;padding:12px 0 0;border-top:1px solid #d5dade;font-size:16px;color:#1f1f1f;">About this mail</h3>
{{#each foot}}<p class="soft" style="margin:0 0 4px;font-size:14px;color:#50575d;">{{this}}</p>{{/each}}
</td></tr>
</table>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr>
</table>
</body>
</html>
`;
