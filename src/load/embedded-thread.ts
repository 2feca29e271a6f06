/** The embedded database as this thread sees it: questions to the thread it lives on, and their answers in order. */
import { Worker } from 'node:worker_threads';
import type { PGlite } from '@electric-sql/pglite';

/** What is asked of the other thread. */
export type Asked =
  | { readonly kind: 'open' | 'close' }
  /** A message of Postgres' own protocol. */
  | { readonly kind: 'protocol'; readonly message: Uint8Array }
  /** A COPY from '/dev/blob', and the text it reads. */
  | { readonly kind: 'copy'; readonly statement: string; readonly text: Uint8Array };

type Facts = { readonly message: string } & Readonly<Record<string, unknown>>;
type Answer = { readonly id: number; readonly answered: unknown } | { readonly id: number; readonly failure: Facts };

type Messages = Awaited<ReturnType<PGlite['execProtocolStream']>>;

/** As much of PGlite as its bridge to pg needs, a COPY, and an end. */
export interface EmbeddedInstance extends Pick<PGlite, 'waitReady'> {
  execProtocolStream(message: Uint8Array): Promise<Messages>;
  copy(statement: string, text: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** An instance on this thread, of others too: it is not closed with the store. */
export function onThisThread(lite: PGlite): EmbeddedInstance {
  return {
    waitReady: lite.waitReady,
    execProtocolStream: (message) => lite.execProtocolStream(message, { throwOnError: false }),
    copy: async (statement, text) => {
      await lite.query(statement, [], { blob: new Blob([text]) });
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Starts an embedded database on a thread of its own.
 * @param place a directory, or 'memory://'
 * @throws what PGlite says where it cannot open the directory
 */
export async function onOwnThread(place: string): Promise<EmbeddedInstance> {
  const worker = new Worker(new URL('./embedded-worker.mjs', import.meta.url), { workerData: place });
  const open = new Map<number, { resolve: (answered: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  let ended: Error | undefined;
  let isClosing = false;

  const end = (error: Error): void => {
    ended ??= error;
    for (const { reject } of open.values()) reject(ended);
    open.clear();
  };
  worker.on('message', (answer: Answer) => {
    const waiting = open.get(answer.id);
    open.delete(answer.id);
    if ('failure' in answer) waiting?.reject(errorOf(answer.failure));
    else waiting?.resolve(answer.answered);
  });
  worker.on('error', end);
  worker.on('exit', () => {
    end(new Error('the thread of the embedded database has ended'));
  });

  const ask = (asked: Asked): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) {
        reject(ended);
        return;
      }
      const id = ++lastId;
      open.set(id, { resolve, reject });
      worker.postMessage({ id, asked });
    });
  const close = async (): Promise<void> => {
    isClosing = true;
    try {
      if (ended === undefined) await ask({ kind: 'close' });
    } finally {
      await worker.terminate();
    }
  };

  try {
    await ask({ kind: 'open' });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    waitReady: Promise.resolve(),
    async execProtocolStream(message) {
      // The bridge sends the rest of a question that failed (bind, execute, sync) when its asker has gone on, perhaps to
      // the end: nobody waits for these answers, and a rejection would be an error that nobody hears.
      if (isClosing) return [];
      const messages = (await ask({ kind: 'protocol', message })) as ({ failure: Facts } | Messages[number])[];
      return messages.map((each) => ('failure' in each ? (errorOf(each.failure) as Messages[number] & Error) : each));
    },
    async copy(statement, text) {
      await ask({ kind: 'copy', statement, text });
    },
    close,
  };
}

function errorOf({ message, ...facts }: Facts): Error {
  return Object.assign(new Error(message), facts);
}
