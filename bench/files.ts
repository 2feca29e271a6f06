/** The files that loads are measured on: the published school file, and one ten times as long made from it. */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

/** Published by DfE for 2018/19: 285,263 rows of England, regions, authorities and all schools over thirteen years. */
const SCHOOL_FILE = 'absence/2018-19_absence_3term_nat_reg_la_school.rewritten.csv.gz';

export interface BenchFile {
  readonly path: string;
  readonly bytes: number;
  /** Rows without the header. */
  readonly rows: number;
  /** What it is, for the report. */
  readonly what: string;
}

/**
 * The school file, unpacked into a directory; generated figures of the same size where the published file is not at hand.
 * @param data folder of published files
 */
export async function schoolFile(data: string, directory: string): Promise<BenchFile> {
  const path = join(directory, 'school.csv');
  const published = join(data, SCHOOL_FILE);
  const isThere = await stat(published).then(
    () => true,
    () => false,
  );
  if (isThere) await pipeline(createReadStream(published), createGunzip(), createWriteStream(path));
  else await pipeline(Readable.from(generated()), createWriteStream(path));
  return described(
    path,
    isThere ? 'the published school file of 2018/19' : 'GENERATED figures in the shape of the school file of 2018/19',
  );
}

const COPIES = 10;
/** The file spans thirteen years; one more keeps the copies from being each other's year before. */
const YEARS_APART = 14;
/** So many copies have years of their own, down to 1950; the others have schools of their own alone. */
const YEARS_ANEW = 5;
const SCHOOLS_APART = 1_000_000;

/** Writes a file ten times as long, row by row: copies of the rows in other years, schools under other numbers. */
export async function tenFold(one: BenchFile, directory: string): Promise<BenchFile> {
  const path = join(directory, 'school-ten.csv');
  await pipeline(Readable.from(copies(one.path)), createWriteStream(path));
  return described(path, `${one.what}, ten times over`);
}

async function* copies(path: string): AsyncGenerator<string> {
  for (let copy = 0; copy < COPIES; copy += 1) {
    let columns: { readonly period: number; readonly urn: number } | undefined;
    let piece = '';
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const cells = line.split(',');
      if (columns === undefined) {
        columns = { period: cells.indexOf('time_period'), urn: cells.indexOf('urn') };
        if (copy === 0) piece += `${line}\n`;
        continue;
      }
      const year = Number((cells[columns.period] ?? '').slice(0, 4)) - (copy % YEARS_ANEW) * YEARS_APART;
      cells[columns.period] = `${year}${String((year + 1) % 100).padStart(2, '0')}`;
      const urn = cells[columns.urn] ?? '';
      if (urn !== '') cells[columns.urn] = String(Number(urn) + copy * SCHOOLS_APART);
      else if (copy >= YEARS_ANEW) continue;
      piece += `${cells.join(',')}\n`;
      if (piece.length < 64 * 1024) continue;
      yield piece;
      piece = '';
    }
    yield piece;
  }
}

const GENERATED_SCHOOLS = 21_900;
const GENERATED_YEARS = [2018, 2017, 2016, 2015, 2014, 2013, 2012, 2011, 2010, 2009, 2008, 2007, 2006];
const GENERATED_COLUMNS = [
  ...['time_identifier', 'year_breakdown', 'time_period', 'geographic_level', 'country_code', 'country_name'],
  ...['region_code', 'region_name', 'old_la_code', 'new_la_code', 'la_name', 'laestab', 'urn', 'school_type'],
  ...['enrolments', 'sess_possible', 'sess_overall_percent', 'sess_authorised_percent', 'sess_unauthorised_percent'],
  ...['enrolments_pa_10_exact', 'enrolments_pa_10_exact_percent'],
];
/** Columns of other figures, which nobody reads: the published file has as many. */
const UNREAD = Array.from({ length: 31 }, (_, index) => `sess_other_${index + 1}`);

/** Made-up figures of schools of one authority, each year anew: counts and rates agree, nothing else is meant. */
function* generated(): Generator<string> {
  yield `${[...GENERATED_COLUMNS, ...UNREAD].join(',')}\n`;
  const place = 'School,E92000001,England,E12000006,East of England,821,E06000032,Luton';
  for (const year of GENERATED_YEARS) {
    const terms = `Academic year,${year < 2012 ? 'five' : 'six'} half terms,${year}${String((year + 1) % 100).padStart(2, '0')}`;
    let piece = '';
    for (let school = 0; school < GENERATED_SCHOOLS; school += 1) {
      const enrolments = 100 + ((school * 7919 + year * 31) % 1200);
      const absent = Math.floor((enrolments * ((school * 104_729 + year) % 300)) / 1000);
      const authorised = ((school * 37 + year) % 60) / 10;
      const unauthorised = ((school * 11 + year) % 30) / 10;
      const overall = (authorised + unauthorised).toFixed(1);
      const unread = UNREAD.map((_, index) => (enrolments * 190 * (index + 3)) % 99_991);
      piece += `${terms},${place},821${1000 + (school % 9000)},${100_000 + school},State-funded primary,${enrolments},${enrolments * 190},${overall},${authorised.toFixed(1)},${unauthorised.toFixed(1)},${absent},${((100 * absent) / enrolments).toFixed(1)},${unread.join(',')}\n`;
      if (piece.length < 64 * 1024) continue;
      yield piece;
      piece = '';
    }
    yield piece;
  }
}

async function described(path: string, what: string): Promise<BenchFile> {
  const { size } = await stat(path);
  let lines = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>)
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) lines += 1;
  return { path, bytes: size, rows: lines - 1, what };
}
