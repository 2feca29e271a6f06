/** Counts CSV records as the bytes pass by, without parsing them. */

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const RETURN = 0x0d;

/**
 * Counts lines that hold something, where a line feed inside quotes ends no line. Doubled quotes toggle twice, so they
 * need no care.
 */
export function createRecordCounter() {
  let quoted = false;
  let records = 0;
  /** Whether the line that is open holds anything but a carriage return. */
  let content = false;

  function takeLines(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      if (content || end > start + 1 || (end === start + 1 && chunk[start] !== RETURN)) records += 1;
      content = false;
      start = end + 1;
    }
    const rest = chunk.length - start;
    if (rest > 1 || (rest === 1 && chunk[start] !== RETURN)) content = true;
  }

  function takeBytes(chunk: Buffer): void {
    for (const byte of chunk) {
      if (byte === QUOTE) quoted = !quoted;
      if (byte === NEWLINE && !quoted) {
        if (content) records += 1;
        content = false;
      } else if (byte !== RETURN && byte !== NEWLINE) content = true;
    }
  }

  return {
    take(chunk: Buffer): void {
      // Most files have no quote at all, and searching for line feeds is ten times as fast as looking at every byte.
      if (quoted || chunk.includes(QUOTE)) takeBytes(chunk);
      else takeLines(chunk);
    },
    /** Records so far, the header among them; an unfinished last line counts. */
    count: (): number => records + (content ? 1 : 0),
  };
}
