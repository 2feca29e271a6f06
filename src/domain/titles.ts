/** How the titles of data sets are compared. */

/**
 * A title without its year, so that a data set keeps its identity from release to release.
 * 'Absence by term, 2016/17 to 2024/25' and '… to 2025/26' are one.
 */
export function titleWithoutYear(title: string): string {
  return title
    .toLowerCase()
    .replace(/\b(19|20)\d{2}\s*([/–-]|\s*to\s*)\s*(19|20)?\d{2}\b/g, ' ')
    .replace(/\b(19|20)\d{2}(\d{2})?\b/g, ' ')
    .replace(/[^a-z0-9]+/g, ' ')
    .replace(/\b(to|for|in|and)\s*$/, '')
    .trim();
}
