/** What was noticed at EES that brings no figures: for status and the page, which nobody would learn of it otherwise. */
import type { Discovery } from './extract/discover.js';
import { ukTime } from './print.js';
import type { Noticed, SourceState } from './source-state.js';

/** How many are kept. */
const MOST = 100;

/** The state with what this look around noticed, newest last, each thing once. */
export function withNoticed(state: SourceState, discovery: Discovery, now: Date): SourceState {
  const { publications, releases, withdrawn } = discovery;
  const fresh = [
    ...publications.map(ofPublication),
    ...releases.flatMap(ofRelease),
    ...withdrawn.map(ofWithdrawal),
  ].map((each): Noticed => ({ ...each, at: each.at ?? now.toISOString(), seen: now.toISOString() }));
  const known = new Set(state.noticed.map(keyOf));
  return { ...state, noticed: [...state.noticed, ...fresh.filter((each) => !known.has(keyOf(each)))].slice(-MOST) };
}

type Fresh = Omit<Noticed, 'at' | 'seen'> & { readonly at: string | undefined };

function ofPublication({ publication, what, now }: Discovery['publications'][number]): Fresh {
  return { publication, release: null, data_set: null, what, note: `followed as "${now}" now`, at: undefined };
}

function ofRelease({ publication, title, kind, at, note }: Discovery['releases'][number]): Fresh[] {
  // What brings files is told by what is loaded.
  if (kind === 'first look' || kind === 'new release' || kind === 'amended') return [];
  const what = kind === 'gone' ? 'no longer listed' : kind;
  // The time of a release is that of its newest version: only of an amendment is it the time at which this happened.
  return [
    {
      publication,
      release: title,
      data_set: null,
      what,
      note: note ?? null,
      at: kind === 'amended in text only' ? at : undefined,
    },
  ];
}

function ofWithdrawal({ publication, title, release, status, what, at }: Discovery['withdrawn'][number]): Fresh {
  const isSuperseded = what.kind === 'data set' && status === 'deprecated' && what.supersededBy !== undefined;
  return {
    publication,
    release: release ?? null,
    data_set: what.kind === 'version' ? `${title}, version ${what.version}` : title,
    what: isSuperseded ? 'superseded' : status,
    note: null,
    at,
  };
}

function keyOf({ publication, release, data_set, what, at }: Noticed): string {
  return JSON.stringify([publication, release, data_set, what, at]);
}

/** '3 May 2024, 10:30: Academic year 2022/23 (pupil-absence): amended in text only ("Wording.")' */
export function noticedText({ publication, release, data_set, what, note, at }: Noticed): string {
  const about = [data_set, release].filter((name) => name !== null).join(', ');
  if (about === '') return `${ukTime(at)}: ${publication}: ${what}${note === null ? '' : `, ${note}`}`;
  return `${ukTime(at)}: ${about} (${publication}): ${what}${note === null ? '' : ` ("${note}")`}`;
}
