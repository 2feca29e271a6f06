/**
 * What EES answers, as far as this program reads it: every field here is required unless marked, every other field is
 * ignored. Sources: the official description of API v1, and the content API as its own source has it (undocumented).
 */
import * as z from 'zod';
import { VERSION_NUMBER } from './wanted.js';

/** Ids go into paths, and EES redirects paths with capitals. */
const id = z.guid().toLowerCase();
/** ISO 8601 with offset and any number of fraction digits; read as UTC ISO text with milliseconds, which sorts. */
const instant = z
  .string()
  .refine((text) => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text)), 'is no ISO 8601 time')
  .transform((text) => new Date(text).toISOString());
const slug = z.string().min(1);
const versionNumber = z.string().regex(VERSION_NUMBER, 'is no version number like 2.1 or 2.1.1');
const count = z.number().int().nonnegative();

const paging = z.object({ page: count, totalPages: count });
const paged = <T extends z.ZodType>(item: T) => z.object({ results: z.array(item), paging });

/* ---- the official API ---- */

export const publicationSummary = z.object({ id, title: z.string(), slug });
export const publicationPage = paged(publicationSummary);

export const dataSet = z.object({
  id,
  title: z.string(),
  status: z.string(),
  supersedingDataSetId: id.optional(),
  latestVersion: z.object({ version: versionNumber, published: instant, file: z.object({ id }) }).optional(),
});
export const dataSetPage = paged(dataSet);

export const dataSetVersion = z.object({
  version: versionNumber,
  status: z.string(),
  published: instant.optional(),
  withdrawn: instant.optional(),
  notes: z.string(),
  totalResults: count,
  file: z.object({ id }),
  release: z.object({ title: z.string(), slug }),
});
export const dataSetVersionPage = paged(dataSetVersion);

export const dataSetMeta = z.object({
  filters: z.array(z.object({ column: z.string() })),
  indicators: z.array(z.object({ column: z.string() })),
});

/* ---- the content API ---- */

export const sitemap = z.array(
  z.object({
    slug,
    lastModified: instant.optional(),
    releases: z.array(z.object({ slug, lastModified: instant })),
  }),
);

export const publicationDetail = z.object({
  id,
  slug,
  title: z.string(),
  latestRelease: z.object({ slug }).optional(),
  nextReleaseDate: z
    .object({
      year: z.coerce.number().int(),
      month: z.coerce.number().int().optional(),
      day: z.coerce.number().int().optional(),
    })
    .optional(),
  supersededByPublication: z.object({ slug }).optional(),
});

export const redirects = z.object({
  publicationRedirects: z.array(z.object({ fromSlug: slug, toSlug: slug })),
  releaseRedirectsByPublicationSlug: z
    .record(z.string(), z.array(z.object({ fromSlug: slug, toSlug: slug })))
    .default({}),
});

export const versionSummary = z.object({
  id,
  releaseId: id,
  slug,
  title: z.string(),
  type: z.string(),
  isLatestRelease: z.boolean(),
  /** Display date: kept through amendments, may be reset by hand. */
  published: instant,
  /** True publish time of the newest version. */
  lastUpdated: instant,
  updateCount: count,
});

/** Newest first; the last is "First published". */
export const updates = z.object({ results: z.array(z.object({ date: z.string().optional(), summary: z.string() })) });

export const dataContent = z.object({
  releaseVersionId: id,
  dataSets: z.array(
    z.object({
      dataSetFileId: id,
      fileId: id,
      title: z.string(),
      isApiEnabled: z.boolean().default(false),
      publicApiDataSetId: id.optional(),
      meta: z.object({ numDataFileRows: count.optional() }).optional(),
    }),
  ),
});

export const dataSetFilePage = paged(
  z.object({
    id,
    fileId: id,
    filename: z.string(),
    fileSize: z.string().optional(),
    title: z.string(),
    /** The file's own time: moves only when that file is new or replaced. */
    lastUpdated: instant,
    /** Display date of the release. */
    published: instant,
    release: z.object({ id, slug, title: z.string() }),
    api: z.object({ id, version: versionNumber }).optional(),
    meta: z.object({ numDataFileRows: count.optional() }).optional(),
  }),
);

/** Every file of the website; the time moves only when that file is new or replaced. */
export const fileSitemap = z.array(z.object({ id, lastModified: instant.optional() }));

export const dataSetFile = z.object({
  file: z.object({
    id,
    name: z.string(),
    dataCsvPreview: z.object({ headers: z.array(z.string()) }),
    variables: z.array(z.object({ value: z.string() })).default([]),
  }),
});

export const releaseList = z.array(
  z.object({ id, slug, title: z.string(), yearTitle: z.string(), type: z.string().optional() }),
);

export const publicationTree = z.array(
  z.object({
    publications: z.array(z.object({ id, slug, title: z.string(), supersededBy: z.object({ id }).optional() })),
  }),
);

export type DataSet = z.infer<typeof dataSet>;
export type DataSetVersion = z.infer<typeof dataSetVersion>;
export type VersionSummary = z.infer<typeof versionSummary>;
