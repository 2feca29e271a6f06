/**
 * The English local authorities with responsibility for education since 2006, live and abolished, and the regions.
 * Sources: DfE's list of local authorities (codes, names, dates) and its region hierarchy, from the
 * dfe-analytical-services open data standards; Inner and Outer London as in DfE's absence files up to 2023/24;
 * other spellings as met in published files. Who followed whom, and who was re-coded when, names the order of
 * Parliament that made it so (`ORDERS`, all at legislation.gov.uk). An authority that only changed its ONS code keeps DfE's
 * three digits and is one authority. State of the lists: May 2025; a code or name that came later is learned from the
 * files (`currentNameAndCode`).
 */

export interface Region {
  readonly code: string;
  readonly name: string;
  /** Other spellings seen in published files. */
  readonly aliases: readonly string[];
}

/** What reorganised or re-coded authorities. */
export interface Order {
  readonly title: string;
  /** First day of the new order (ISO date): the ONS codes are in use from then on. */
  readonly on: string;
}

const ORDERS = {
  bedfordshire: { title: 'The Bedfordshire (Structural Changes) Order 2008', on: '2009-04-01' },
  cheshire: { title: 'The Cheshire (Structural Changes) Order 2008', on: '2009-04-01' },
  durham: { title: 'The County Durham (Structural Change) Order 2008', on: '2009-04-01' },
  northumberland: { title: 'The Northumberland (Structural Change) Order 2008', on: '2009-04-01' },
  shropshire: { title: 'The Shropshire (Structural Change) Order 2008', on: '2009-04-01' },
  wiltshire: { title: 'The Wiltshire (Structural Change) Order 2008', on: '2009-04-01' },
  gateshead: { title: 'The Gateshead and Northumberland (Boundary Change) Order 2013', on: '2013-04-01' },
  dorset: { title: 'The Bournemouth, Dorset and Poole (Structural Changes) Order 2018', on: '2019-04-01' },
  buckinghamshire: { title: 'The Buckinghamshire (Structural Changes) Order 2019', on: '2020-04-01' },
  northamptonshire: { title: 'The Northamptonshire (Structural Changes) Order 2020', on: '2021-04-01' },
  cumbria: { title: 'The Cumbria (Structural Changes) Order 2022', on: '2023-04-01' },
  northYorkshire: { title: 'The North Yorkshire (Structural Changes) Order 2022', on: '2023-04-01' },
  somerset: { title: 'The Somerset (Structural Changes) Order 2022', on: '2023-04-01' },
  barnsley: { title: 'The Barnsley and Sheffield (Boundary Change) Order 2024', on: '2025-04-01' },
} as const satisfies Record<string, Order>;

export interface Authority {
  /** DfE's three digits: the identity. */
  readonly oldLaCode: string;
  /** The ONS code in use now; for an abolished authority its last one. */
  readonly code: string;
  /** All ONS codes it ever had, oldest first, `code` last. */
  readonly codes: readonly string[];
  /** The ONS codes it had before, oldest first, each with what ended it. */
  readonly recoded: readonly Recoding[];
  /** The name in use now; for an abolished authority its last one. */
  readonly name: string;
  /** Other spellings. */
  readonly aliases: readonly string[];
  /** One of the nine regions; London, never Inner or Outer London. */
  readonly regionCode: string;
  readonly regionName: string;
  /** For a London borough, the half of London under which files up to 2023/24 list it. */
  readonly innerOuter: Region | undefined;
  /** First day (ISO date), where that was after 2006. */
  readonly opened: string | undefined;
  /** Last day (ISO date) of an abolished authority. */
  readonly closed: string | undefined;
  /** DfE's three digits of the authorities that its area went to. */
  readonly successors: readonly string[];
  /** What opened or closed it. */
  readonly by: Order | undefined;
}

export interface Recoding {
  readonly from: string;
  readonly by: Order;
}

/** The nine regions. */
export const REGIONS: readonly Region[] = [
  { code: 'E12000001', name: 'North East', aliases: [] },
  { code: 'E12000002', name: 'North West', aliases: [] },
  { code: 'E12000003', name: 'Yorkshire and The Humber', aliases: ['Yorkshire and the Humber'] },
  { code: 'E12000004', name: 'East Midlands', aliases: [] },
  { code: 'E12000005', name: 'West Midlands', aliases: [] },
  { code: 'E12000006', name: 'East of England', aliases: ['East'] },
  { code: 'E12000007', name: 'London', aliases: ['Greater London'] },
  { code: 'E12000008', name: 'South East', aliases: [] },
  { code: 'E12000009', name: 'South West', aliases: [] },
];

/** Regional rows of their own in files up to 2023/24: parts of London, never to be merged with it or summed beside it. */
export const LONDON_PARTS: readonly Region[] = [
  { code: 'E13000001', name: 'Inner London', aliases: [] },
  { code: 'E13000002', name: 'Outer London', aliases: [] },
];

export const LONDON_CODE = 'E12000007';

export const ENGLAND = { code: 'E92000001', name: 'England' } as const;

/** Countries as DfE's list has them, to know one by its code or name; figures are watched for England. */
export const COUNTRIES: readonly { readonly code: string; readonly name: string }[] = [
  ENGLAND,
  { code: 'K02000001', name: 'United Kingdom' },
  { code: 'K03000001', name: 'Great Britain' },
  { code: 'K04000001', name: 'England and Wales' },
  { code: 'N92000002', name: 'Northern Ireland' },
  { code: 'S92000003', name: 'Scotland' },
  { code: 'W92000004', name: 'Wales' },
];

interface More {
  readonly recoded?: readonly Recoding[];
  readonly aliases?: readonly string[];
  readonly opened?: string;
  readonly closed?: string;
  readonly successors?: readonly string[];
  readonly by?: Order;
}

type Row = readonly [oldLaCode: string, code: string, name: string, more?: More];

/** Rows of the table under one region, or one half of London. @throws when the region code is none */
function inRegion(code: string, rows: readonly Row[]): Authority[] {
  const innerOuter = LONDON_PARTS.find((part) => part.code === code);
  const regionCode = innerOuter ? LONDON_CODE : code;
  const region = REGIONS.find((candidate) => candidate.code === regionCode);
  if (!region) throw new Error(`no region has the code ${code}`);
  return rows.map(([oldLaCode, current, name, more]) => ({
    oldLaCode,
    code: current,
    codes: [...(more?.recoded ?? []).map(({ from }) => from), current],
    recoded: more?.recoded ?? [],
    name,
    aliases: more?.aliases ?? [],
    regionCode,
    regionName: region.name,
    innerOuter,
    opened: more?.opened,
    closed: more?.closed,
    successors: more?.successors ?? [],
    by: more?.by,
  }));
}

export const AUTHORITIES: readonly Authority[] = [
  ...inRegion('E12000001', [
    ['390', 'E08000037', 'Gateshead', { recoded: [{ from: 'E08000020', by: ORDERS.gateshead }] }],
    ['391', 'E08000021', 'Newcastle upon Tyne'],
    ['392', 'E08000022', 'North Tyneside'],
    ['393', 'E08000023', 'South Tyneside'],
    ['394', 'E08000024', 'Sunderland'],
    ['805', 'E06000001', 'Hartlepool'],
    ['806', 'E06000002', 'Middlesbrough'],
    ['807', 'E06000003', 'Redcar and Cleveland'],
    ['808', 'E06000004', 'Stockton-on-Tees'],
    ['840', 'E06000047', 'County Durham', { recoded: [{ from: 'E10000010', by: ORDERS.durham }], aliases: ['Durham'] }],
    ['841', 'E06000005', 'Darlington'],
    [
      '929',
      'E06000057',
      'Northumberland',
      {
        recoded: [
          { from: 'E10000022', by: ORDERS.northumberland },
          { from: 'E06000048', by: ORDERS.gateshead },
        ],
      },
    ],
  ]),
  ...inRegion('E12000002', [
    ['340', 'E08000011', 'Knowsley'],
    ['341', 'E08000012', 'Liverpool'],
    ['342', 'E08000013', 'St. Helens', { aliases: ['St Helens'] }],
    ['343', 'E08000014', 'Sefton'],
    ['344', 'E08000015', 'Wirral'],
    ['350', 'E08000001', 'Bolton'],
    ['351', 'E08000002', 'Bury'],
    ['352', 'E08000003', 'Manchester'],
    ['353', 'E08000004', 'Oldham'],
    ['354', 'E08000005', 'Rochdale'],
    ['355', 'E08000006', 'Salford'],
    ['356', 'E08000007', 'Stockport'],
    ['357', 'E08000008', 'Tameside'],
    ['358', 'E08000009', 'Trafford'],
    ['359', 'E08000010', 'Wigan'],
    [
      '875',
      'E10000004',
      'Cheshire',
      { aliases: ['Cheshire (Pre LGR 2009)'], closed: '2009-03-31', successors: ['895', '896'], by: ORDERS.cheshire },
    ],
    ['876', 'E06000006', 'Halton'],
    ['877', 'E06000007', 'Warrington'],
    ['888', 'E10000017', 'Lancashire'],
    ['889', 'E06000008', 'Blackburn with Darwen'],
    ['890', 'E06000009', 'Blackpool'],
    ['895', 'E06000049', 'Cheshire East', { opened: '2009-04-01', by: ORDERS.cheshire }],
    ['896', 'E06000050', 'Cheshire West and Chester', { opened: '2009-04-01', by: ORDERS.cheshire }],
    ['909', 'E10000006', 'Cumbria', { closed: '2023-03-31', successors: ['942', '943'], by: ORDERS.cumbria }],
    ['942', 'E06000063', 'Cumberland', { opened: '2023-04-01', by: ORDERS.cumbria }],
    ['943', 'E06000064', 'Westmorland and Furness', { opened: '2023-04-01', by: ORDERS.cumbria }],
  ]),
  ...inRegion('E12000003', [
    ['370', 'E08000038', 'Barnsley', { recoded: [{ from: 'E08000016', by: ORDERS.barnsley }] }],
    ['371', 'E08000017', 'Doncaster'],
    ['372', 'E08000018', 'Rotherham'],
    ['373', 'E08000039', 'Sheffield', { recoded: [{ from: 'E08000019', by: ORDERS.barnsley }] }],
    ['380', 'E08000032', 'Bradford'],
    ['381', 'E08000033', 'Calderdale'],
    ['382', 'E08000034', 'Kirklees'],
    ['383', 'E08000035', 'Leeds'],
    ['384', 'E08000036', 'Wakefield'],
    [
      '810',
      'E06000010',
      'Kingston upon Hull, City of',
      { aliases: ['Kingston upon Hull City of', 'Kingston Upon Hull, City of', 'Hull'] },
    ],
    ['811', 'E06000011', 'East Riding of Yorkshire'],
    ['812', 'E06000012', 'North East Lincolnshire'],
    ['813', 'E06000013', 'North Lincolnshire'],
    ['815', 'E06000065', 'North Yorkshire', { recoded: [{ from: 'E10000023', by: ORDERS.northYorkshire }] }],
    ['816', 'E06000014', 'York'],
  ]),
  ...inRegion('E12000004', [
    ['830', 'E10000007', 'Derbyshire'],
    ['831', 'E06000015', 'Derby'],
    ['855', 'E10000018', 'Leicestershire'],
    ['856', 'E06000016', 'Leicester'],
    ['857', 'E06000017', 'Rutland'],
    ['891', 'E10000024', 'Nottinghamshire'],
    ['892', 'E06000018', 'Nottingham'],
    ['925', 'E10000019', 'Lincolnshire'],
    [
      '928',
      'E10000021',
      'Northamptonshire',
      { closed: '2021-03-31', successors: ['940', '941'], by: ORDERS.northamptonshire },
    ],
    ['940', 'E06000061', 'North Northamptonshire', { opened: '2021-04-01', by: ORDERS.northamptonshire }],
    ['941', 'E06000062', 'West Northamptonshire', { opened: '2021-04-01', by: ORDERS.northamptonshire }],
  ]),
  ...inRegion('E12000005', [
    ['330', 'E08000025', 'Birmingham'],
    ['331', 'E08000026', 'Coventry'],
    ['332', 'E08000027', 'Dudley'],
    ['333', 'E08000028', 'Sandwell'],
    ['334', 'E08000029', 'Solihull'],
    ['335', 'E08000030', 'Walsall'],
    ['336', 'E08000031', 'Wolverhampton'],
    ['860', 'E10000028', 'Staffordshire'],
    ['861', 'E06000021', 'Stoke-on-Trent'],
    ['884', 'E06000019', 'Herefordshire, County of', { aliases: ['Herefordshire'] }],
    ['885', 'E10000034', 'Worcestershire'],
    ['893', 'E06000051', 'Shropshire', { recoded: [{ from: 'E10000026', by: ORDERS.shropshire }] }],
    ['894', 'E06000020', 'Telford and Wrekin'],
    ['937', 'E10000031', 'Warwickshire'],
  ]),
  ...inRegion('E12000006', [
    [
      '820',
      'E10000001',
      'Bedfordshire',
      {
        aliases: ['Bedfordshire (Pre LGR 2009)'],
        closed: '2009-03-31',
        successors: ['822', '823'],
        by: ORDERS.bedfordshire,
      },
    ],
    ['821', 'E06000032', 'Luton'],
    ['822', 'E06000055', 'Bedford', { aliases: ['Bedford Borough'], opened: '2009-04-01', by: ORDERS.bedfordshire }],
    ['823', 'E06000056', 'Central Bedfordshire', { opened: '2009-04-01', by: ORDERS.bedfordshire }],
    ['873', 'E10000003', 'Cambridgeshire'],
    ['874', 'E06000031', 'Peterborough'],
    ['881', 'E10000012', 'Essex'],
    ['882', 'E06000033', 'Southend-on-Sea'],
    ['883', 'E06000034', 'Thurrock'],
    ['919', 'E10000015', 'Hertfordshire'],
    ['926', 'E10000020', 'Norfolk'],
    ['935', 'E10000029', 'Suffolk'],
  ]),
  ...inRegion('E13000001', [
    ['201', 'E09000001', 'City of London'],
    ['202', 'E09000007', 'Camden'],
    ['204', 'E09000012', 'Hackney'],
    ['205', 'E09000013', 'Hammersmith and Fulham'],
    ['206', 'E09000019', 'Islington'],
    ['207', 'E09000020', 'Kensington and Chelsea'],
    ['208', 'E09000022', 'Lambeth'],
    ['209', 'E09000023', 'Lewisham'],
    ['210', 'E09000028', 'Southwark'],
    ['211', 'E09000030', 'Tower Hamlets'],
    ['212', 'E09000032', 'Wandsworth'],
    ['213', 'E09000033', 'Westminster'],
    ['309', 'E09000014', 'Haringey'],
    ['316', 'E09000025', 'Newham'],
  ]),
  ...inRegion('E13000002', [
    ['203', 'E09000011', 'Greenwich'],
    ['301', 'E09000002', 'Barking and Dagenham'],
    ['302', 'E09000003', 'Barnet'],
    ['303', 'E09000004', 'Bexley'],
    ['304', 'E09000005', 'Brent'],
    ['305', 'E09000006', 'Bromley'],
    ['306', 'E09000008', 'Croydon'],
    ['307', 'E09000009', 'Ealing'],
    ['308', 'E09000010', 'Enfield'],
    ['310', 'E09000015', 'Harrow'],
    ['311', 'E09000016', 'Havering'],
    ['312', 'E09000017', 'Hillingdon'],
    ['313', 'E09000018', 'Hounslow'],
    ['314', 'E09000021', 'Kingston upon Thames'],
    ['315', 'E09000024', 'Merton'],
    ['317', 'E09000026', 'Redbridge'],
    ['318', 'E09000027', 'Richmond upon Thames'],
    ['319', 'E09000029', 'Sutton'],
    ['320', 'E09000031', 'Waltham Forest'],
  ]),
  ...inRegion('E12000008', [
    ['825', 'E06000060', 'Buckinghamshire', { recoded: [{ from: 'E10000002', by: ORDERS.buckinghamshire }] }],
    ['826', 'E06000042', 'Milton Keynes'],
    ['845', 'E10000011', 'East Sussex'],
    ['846', 'E06000043', 'Brighton and Hove'],
    ['850', 'E10000014', 'Hampshire'],
    ['851', 'E06000044', 'Portsmouth'],
    ['852', 'E06000045', 'Southampton'],
    ['867', 'E06000036', 'Bracknell Forest'],
    ['868', 'E06000040', 'Windsor and Maidenhead'],
    ['869', 'E06000037', 'West Berkshire'],
    ['870', 'E06000038', 'Reading'],
    ['871', 'E06000039', 'Slough'],
    ['872', 'E06000041', 'Wokingham'],
    ['886', 'E10000016', 'Kent'],
    ['887', 'E06000035', 'Medway'],
    ['921', 'E06000046', 'Isle of Wight'],
    ['931', 'E10000025', 'Oxfordshire'],
    ['936', 'E10000030', 'Surrey'],
    ['938', 'E10000032', 'West Sussex'],
  ]),
  ...inRegion('E12000009', [
    ['420', 'E06000053', 'Isles of Scilly', { aliases: ['Isles Of Scilly'] }],
    ['800', 'E06000022', 'Bath and North East Somerset'],
    ['801', 'E06000023', 'Bristol, City of', { aliases: ['Bristol City of', 'Bristol'] }],
    ['802', 'E06000024', 'North Somerset'],
    ['803', 'E06000025', 'South Gloucestershire'],
    [
      '835',
      'E10000009',
      'Dorset',
      {
        aliases: ['Pre-LGR 2019 Dorset', 'Dorset (Pre LG)'],
        closed: '2019-03-31',
        successors: ['838', '839'],
        by: ORDERS.dorset,
      },
    ],
    [
      '836',
      'E06000029',
      'Poole',
      {
        aliases: ['Pre-LGR 2019 Poole', 'Poole (Pre LG)'],
        closed: '2019-03-31',
        successors: ['839'],
        by: ORDERS.dorset,
      },
    ],
    [
      '837',
      'E06000028',
      'Bournemouth',
      {
        aliases: ['Pre-LGR 2019 Bournemouth', 'Bournemouth (Pre LG)'],
        closed: '2019-03-31',
        successors: ['839'],
        by: ORDERS.dorset,
      },
    ],
    ['838', 'E06000059', 'Dorset', { opened: '2019-04-01', by: ORDERS.dorset }],
    [
      '839',
      'E06000058',
      'Bournemouth, Christchurch and Poole',
      { aliases: ['BCP'], opened: '2019-04-01', by: ORDERS.dorset },
    ],
    ['865', 'E06000054', 'Wiltshire', { recoded: [{ from: 'E10000033', by: ORDERS.wiltshire }] }],
    ['866', 'E06000030', 'Swindon'],
    ['878', 'E10000008', 'Devon'],
    ['879', 'E06000026', 'Plymouth'],
    ['880', 'E06000027', 'Torbay'],
    ['908', 'E06000052', 'Cornwall'],
    ['916', 'E10000013', 'Gloucestershire'],
    ['933', 'E06000066', 'Somerset', { recoded: [{ from: 'E10000027', by: ORDERS.somerset }] }],
  ]),
];

const byThreeDigits = new Map(AUTHORITIES.map((authority) => [authority.oldLaCode, authority]));
const byOnsCode = new Map(
  AUTHORITIES.flatMap((authority) => authority.codes.map((code) => [code, authority] as const)),
);

/** The authority with these three digits of DfE. */
export function authorityOfDigits(oldLaCode: string | undefined): Authority | undefined {
  return oldLaCode === undefined ? undefined : byThreeDigits.get(oldLaCode);
}

/** Inner or Outer London, for a London borough (and a school in one): its region in files that have no row on London. */
export function londonPartOf(oldLaCode: string | null | undefined): Region | undefined {
  return authorityOfDigits(oldLaCode ?? undefined)?.innerOuter;
}

/** DfE's three digits of the boroughs of Inner or Outer London; none for any other region. */
export function boroughsOf(code: string): readonly string[] {
  return AUTHORITIES.filter(({ innerOuter }) => innerOuter?.code === code).map(({ oldLaCode }) => oldLaCode);
}

/** The authority with this code, be it DfE's three digits or any ONS code it ever had. */
export function findAuthority(anyCode: string): Authority | undefined {
  const code = anyCode.trim().toUpperCase();
  return byThreeDigits.get(code) ?? byOnsCode.get(code);
}

/**
 * The authority with this code, where it was abolished before an academic year had ended.
 * @param startYear calendar year in which the academic year began
 */
export function findAbolished(
  anyCode: string,
  startYear: number,
): (Authority & { readonly closed: string }) | undefined {
  const authority = findAuthority(anyCode);
  const closed = authority?.closed;
  return authority === undefined || closed === undefined || closed > `${startYear + 1}-08-31`
    ? undefined
    : { ...authority, closed };
}
