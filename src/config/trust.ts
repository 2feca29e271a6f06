/** A company's own certificate authority that is named by a file. */
import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';

/** As of Node 22.19 and 24.5; those before trust what they found as they started. */
interface TrustStore {
  readonly getCACertificates?: (type: 'bundled' | 'extra') => string[];
  readonly setDefaultCACertificates?: (certificates: string[]) => void;
}

/**
 * Trusts further certificates from now on, for every connection of this process. Node itself reads NODE_EXTRA_CA_CERTS
 * as it starts, so a path that comes out of NODE_EXTRA_CA_CERTS_FILE comes too late for it.
 * @param path of a PEM file
 * @returns why that cannot be done; undefined where it is
 */
export async function trustAlso(path: string): Promise<string | undefined> {
  const { getCACertificates, setDefaultCACertificates } = tls as typeof tls & TrustStore;
  if (getCACertificates === undefined || setDefaultCACertificates === undefined)
    return `needs Node 22.19 or later (this is ${process.version}): set NODE_EXTRA_CA_CERTS itself`;
  try {
    const more = await readFile(path, 'utf8');
    setDefaultCACertificates([...getCACertificates('bundled'), ...getCACertificates('extra'), more]);
    return undefined;
  } catch (error) {
    return `names ${path}, which is no readable PEM file (${error instanceof Error ? error.message : String(error)})`;
  }
}
