/**
 * The embedded database on a thread of its own: whatever it computes, the program goes on answering. JavaScript, since
 * a thread starts from a file that Node itself can read; embedded-thread.ts is the other side.
 * @typedef {import('./embedded-thread.js').Asked} Asked
 */
import { Blob } from 'node:buffer';
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';

if (parentPort === null) throw new Error('embedded-worker is started by embedded-thread');
const port = parentPort;
const opened = PGlite.create(String(workerData));

/** @param {Asked} asked */
async function answer(asked) {
  const lite = await opened;
  switch (asked.kind) {
    case 'open':
      return undefined;
    case 'protocol': {
      const messages = await lite.execProtocolStream(asked.message, { throwOnError: false });
      return messages.map((message) => (message instanceof Error ? { failure: facts(message) } : message));
    }
    case 'copy':
      await lite.query(asked.statement, [], { blob: new Blob([asked.text]) });
      return undefined;
    case 'close':
      await lite.close();
      return undefined;
  }
}

/**
 * An error's own fields (code, detail, where…): what passes between threads keeps only its message.
 * @param {unknown} error
 */
function facts(error) {
  if (error instanceof Error) return Object.assign({}, error, { message: error.message });
  // The file system of its runtime throws objects with a number and no words.
  if (typeof error !== 'object' || error === null || !('errno' in error)) return { message: String(error) };
  return error.errno === NO_SPACE
    ? { code: 'ENOSPC', message: 'no space left on device' }
    : { message: `the file system refused (WASI error ${String(error.errno)})` };
}

/** WASI's number for ENOSPC. */
const NO_SPACE = 51;

/** One after the other, as the database works anyway: its end comes after whatever was asked before. */
let before = Promise.resolve();

port.on('message', (/** @type {{ id: number, asked: Asked }} */ { id, asked }) => {
  before = before
    .then(() => answer(asked))
    .then(
      (answered) => {
        port.postMessage({ id, answered });
      },
      (/** @type {unknown} */ error) => {
        port.postMessage({ id, failure: facts(error) });
      },
    );
});
