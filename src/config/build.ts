/** From the checked file to what the program reads. */
import { canonicalBreakdown } from '../domain/breakdowns.js';
import { canonicalSchoolType } from '../domain/school-types.js';
import { TOTAL } from '../domain/figure.js';
import type { AreaSelector, Condition, Rule } from '../domain/rule.js';
import { CONDITIONS, type Configuration, type RuleConfiguration } from './schema.js';
import type { Config, DataSetChoice } from './types.js';
import { parseDuration, parseMailbox, type Duration, type Mailbox } from './words.js';

function asList<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (!parsed) throw new Error('an address passed the check and cannot be read');
  return parsed;
}

/** @returns undefined for 'forever' */
function duration(text: string): Duration | undefined {
  return text === 'forever' ? undefined : parseDuration(text);
}

function choice(
  dataSets: { include?: string[] | undefined; exclude?: string[] | undefined } | undefined,
): DataSetChoice {
  return { include: dataSets?.include ?? [], exclude: dataSets?.exclude ?? [] };
}

type AreasConfiguration = RuleConfiguration['areas'];

type AreaConfiguration = Exclude<AreasConfiguration, readonly unknown[]>;

/** One area, or several, as the file names them. */
export function selectorOf(area: AreaConfiguration): AreaSelector {
  if (typeof area === 'object')
    return {
      by: 'level',
      level: area.level,
      within: area.within === undefined ? undefined : String(area.within).trim(),
    };
  const text = String(area).trim();
  return text.toLowerCase() === 'all' ? { by: 'all' } : { by: 'name', text };
}

function selectors(areas: AreasConfiguration): AreaSelector[] {
  return asList<AreaConfiguration>(areas).map(selectorOf);
}

function condition(rule: RuleConfiguration): Condition {
  const kind = CONDITIONS.find((key) => rule[key] !== undefined);
  const line = kind === undefined ? undefined : rule[kind];
  if (kind === undefined || line === undefined)
    throw new Error(`rule "${rule.name}" passed the check and has no condition`);
  if (kind === 'rise' || kind === 'fall') return { kind, line };
  return kind === 'below' ? { kind, line, clearAbove: rule.clear_above } : { kind, line, clearBelow: rule.clear_below };
}

function ruleOf(rule: RuleConfiguration): Rule {
  return {
    name: rule.name.trim(),
    measure: rule.measure,
    areas: selectors(rule.areas),
    condition: condition(rule),
    worseBy: rule.worse_by,
    schoolType: rule.school_type === undefined ? 'Total' : (canonicalSchoolType(rule.school_type) ?? rule.school_type),
    breakdown: rule.breakdown === undefined ? TOTAL : canonicalBreakdown(rule.breakdown.topic, rule.breakdown.value),
    timeIdentifiers: rule.time_identifiers === undefined ? undefined : asList<string>(rule.time_identifiers),
    sources: rule.sources === undefined ? undefined : asList<string>(rule.sources),
    dataSets: rule.data_sets === undefined ? undefined : choice(rule.data_sets),
    minEnrolments: rule.min_enrolments,
    onSuppressed: rule.on_suppressed,
    onMissingArea: rule.on_missing_area,
    remind: rule.remind !== undefined,
    notify: asList<string>(rule.notify),
  };
}

/** Who mails come from as long as nobody is to get any. */
const NO_SENDER: Mailbox = { name: 'Absence watch', address: 'absence-watch@localhost' };

/** @throws Error when the file had not passed `crosscheck` */
export function build(file: Configuration): Config {
  const { mail, schedule } = file;
  return {
    schedule: { cron: asList<string>(schedule.cron), timezone: schedule.timezone },
    sources: file.sources.map(({ publication, data_sets }) => ({ publication, dataSets: choice(data_sets) })),
    recipients: new Map(
      Object.entries(file.recipients).map(([group, addresses]) => [group, asList<string>(addresses).map(mailbox)]),
    ),
    rules: file.rules.map(ruleOf),
    briefs: file.briefs.map(({ areas, notify }) => ({ areas: selectors(areas), notify: asList<string>(notify) })),
    mail: {
      from: mail.from === undefined ? NO_SENDER : mailbox(mail.from),
      replyTo: mail.reply_to === undefined ? undefined : mailbox(mail.reply_to),
      operator: asList<string>(mail.operator).map(mailbox),
      owner: mail.owner,
      tls: mail.tls,
      maxPerHour: mail.max_per_hour,
      retryFor: parseDuration(mail.retry_for) ?? { text: '5 days', milliseconds: 5 * 86_400_000 },
    },
    neighbours: file.neighbours,
    heartbeatUrl: file.heartbeat_url,
    failuresBeforeMail: file.failures_before_mail,
    retention: {
      versions: duration(file.retention.versions),
      runs: duration(file.retention.runs),
      mails: duration(file.retention.mails),
    },
    dataDirectory: file.data_directory,
    contact: file.contact ?? [...asList<string>(mail.operator), ...asList(mail.from)].map(mailbox)[0]?.address,
    page: file.page,
  };
}
