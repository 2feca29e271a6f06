/**
 * Where databases of tests lie. A schema is some two hundred files, and an embedded database a thousand: in memory a
 * schema was made in about half of the time that it took on a disk.
 */
import { accessSync, constants, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

const MEMORY = '/dev/shm';
/** Bytes that are to be free: more than the suite needs at its largest. */
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
