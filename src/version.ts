import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program's own version, from package.json (two folders up when compiled, one when run from source). */
export const VERSION: string = (() => {
  for (const place of ['../package.json', '../../package.json']) {
    const file = fileURLToPath(new URL(place, import.meta.url));
    if (existsSync(file)) return (createRequire(import.meta.url)(file) as { version: string }).version;
  }
  return '0.0.0';
})();
