/**
 * Where databases of tests lie. A schema is some two hundred files, and an embedded database a thousand: in memory they
 * take a third of the time that a disk needs for them.
 */
import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';
/** Bytes: the suite's server and the largest of the real files need about a third of it. */
const ROOM = 6e9;

function hasRoom(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize > ROOM;
  } catch {
    return false;
  }
}

/** A directory for temporary ones: in memory where there is room, unless TMPDIR says where. */
export const SCRATCH = process.env['TMPDIR'] === undefined && hasRoom(MEMORY) ? MEMORY : tmpdir();
