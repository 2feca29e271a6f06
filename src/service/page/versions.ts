/** Data set versions, and one of them with its gates and what it changed. */
import { isAfterPruned } from '../../load/currency.js';
import type { Store } from '../../load/database.js';
import { listVersionRows, type VersionRow } from '../../load/inspect.js';
import { noticedText } from '../../noticed.js';
import { counted, ukTime } from '../../print.js';
import { diffCounts, figureText, measureWords } from '../../print-diff.js';
import { sourceStateOf } from '../status.js';
import { cell, facts, list, pageLinks, section, table, text, type Block, type Page } from './content.js';
import { versionTable } from './overview.js';

const A_PAGE = 100;
const MOST = 10_000;
/** So many of the newest are shown. */
const NOTICED = 20;

/** @param number of the page, from 1 */
export async function versionsPage(store: Store, number: number): Promise<Page> {
  const [all, { noticed }] = await Promise.all([listVersionRows(store, MOST), sourceStateOf(store)]);
  const from = (number - 1) * A_PAGE;
  const rows = all.slice(from, from + A_PAGE);
  const more = all.length > from + A_PAGE;
  return {
    title: 'Releases and versions',
    lead: 'Every data set version that was ever loaded, held back or refused.',
    under: '/versions',
    sections: [
      section('', [
        rows.length === 0
          ? text(number === 1 ? 'Nothing is loaded yet.' : 'There are no more.')
          : versionTable(`Versions ${from + 1} to ${from + rows.length} of ${all.length}, newest load first`, rows),
        pageLinks('/versions', number, more),
      ]),
      ...(number > 1 || noticed.length === 0
        ? []
        : [
            section('Noticed at EES, without new figures', [
              list(noticed.slice(-NOTICED).toReversed().map(noticedText)),
            ]),
          ]),
    ],
  };
}

/** @returns undefined where there is no such version */
export async function versionPage(store: Store, id: number): Promise<Page | undefined> {
  const row = (await listVersionRows(store, MOST)).find((each) => each.id === id);
  if (row === undefined) return undefined;
  const gates = await store.db
    .selectFrom('gate_result')
    .select(['gate', 'verdict', 'message'])
    .where('version_id', '=', id)
    .orderBy('gate')
    .execute();
  return {
    title: `${row.data_set}, version ${row.data_set_version}`,
    lead: row.release,
    under: '/versions',
    sections: [
      section('', [
        facts([
          ['State', row.is_current ? 'current' : row.state],
          ['Published', ukTime(row.published_at)],
          ['Loaded', ukTime(row.loaded_at)],
          ['Rows', row.rows.toLocaleString('en-GB')],
          ['Publication', row.publication],
          ['File', `${row.file_name}, ${counted(row.bytes, 'byte')}`],
          ['Number, for commands', String(row.id)],
          ['SHA-256', `${row.sha256.slice(0, 16)}…`],
        ]),
      ]),
      section('Gates', [
        gates.length === 0
          ? text('No gate had anything to say.', true)
          : table(
              'What each gate said of it',
              ['Gate', 'Verdict', 'Why'],
              gates.map((gate) => [
                cell(gate.gate),
                cell(gate.verdict, {
                  tone: gate.verdict === 'quarantine' ? 'bad' : gate.verdict === 'pass' ? 'good' : 'warn',
                }),
                cell(gate.message),
              ]),
            ),
      ]),
      section('What changed', row.diff === null ? [await nothingToHoldAgainst(store, id)] : diff(row, row.diff)),
      ...(row.notes.length === 0 ? [] : [section('Notes', [list(row.notes)])]),
      ...(row.history.length === 0
        ? []
        : [
            section('What became of it', [
              list(row.history.map((each) => `${ukTime(each.at)}: ${each.what}. ${each.reason}`)),
            ]),
          ]),
    ],
  };
}

async function nothingToHoldAgainst(store: Store, id: number): Promise<Block> {
  const why = (await isAfterPruned(store, id))
    ? 'The figures of the version before were taken away by the retention setting'
    : 'It is the first of its data set';
  return text(`${why}: there is nothing to hold it against.`, true);
}

function diff(row: VersionRow, kept: NonNullable<VersionRow['diff']>): Block[] {
  const { added, gone, changed, previous_id, sample } = kept;
  const more = changed - sample.length;
  return [
    text(`${diffCounts(kept)} against the version before.`),
    ...(previous_id === null
      ? []
      : [{ kind: 'links' as const, items: [{ text: 'The version before', href: `/versions/${previous_id}` }] }]),
    ...(sample.length === 0
      ? []
      : [
          table(
            `Changed figures${more > 0 ? `, the first ${sample.length}` : ''}`,
            ['Area', 'Period', 'Pupils', 'Figure', 'Was', 'Is'],
            sample.map((each) => [
              cell(each.area),
              cell(each.period),
              cell(each.breakdown, { note: each.school_type === 'Total' ? '' : each.school_type }),
              cell(measureWords(each.measure)),
              cell(figureText(each.measure, each.from), { numeric: true }),
              cell(figureText(each.measure, each.to), { numeric: true }),
            ]),
          ),
        ]),
    ...(added + gone + changed === 0
      ? []
      : [
          text(
            `${more > 0 ? `${more.toLocaleString('en-GB')} more changed. ` : ''}All of it: absence-watch versions diff ${row.id}`,
            true,
          ),
        ]),
  ];
}
