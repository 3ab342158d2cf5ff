/** Where our gateway answers otherwise than boxo's on purpose; docs/gateway-tests-map.md says why. */
import { ABSENT, type Asked, type Seen } from './gateway-asked.ts'
import type { Difference } from './gateway-compared.ts'

export const queryOf = ({ target }: Asked): URLSearchParams => new URLSearchParams(target.split('?')[1] ?? '')
export const isAnswered = ({ status }: Seen): boolean => status === 200
export const withStatus = (status: number) => (): Seen => ({ status })
export const withHeaders = (theirs: Seen, headers: Seen['headers']): Seen => ({ ...theirs, headers: { ...theirs.headers, ...headers } })

const NOWHERE = /\/(?:none|below|1001\.txt|multi\/9)(?=[/?]|$)/
const asksForNoFormat = (asked: Asked): boolean => !queryOf(asked).get('format') && asked.headers['accept'] === undefined
const lastBlockTwice = (cids: Seen['cids']): Seen['cids'] => cids?.slice(0, 2).concat(cids.slice(3))

/** Those that other gateways have as well. */
export const SHARED = {
  nowhere: {
    name: 'a path that leads nowhere is 404',
    when: ({ target }, theirs) => NOWHERE.test(target) && isAnswered(theirs),
    ours: withStatus(404),
  },
  entityBytes: {
    name: 'entity-bytes imply dag-scope=entity',
    when: (asked, theirs) => Boolean(queryOf(asked).get('entity-bytes')) && queryOf(asked).get('dag-scope') !== 'entity' && isAnswered(theirs),
    ours: (_, asked, again) => again({ ...asked, target: `${asked.target.replace(/&dag-scope=\w+/, '')}&dag-scope=entity` }),
  },
  outside: {
    name: 'a range outside of the file is 400',
    when: (asked, theirs) => asked.outside === true && isAnswered(theirs),
    ours: withStatus(400),
  },
  order: {
    name: 'the order is said as it is',
    when: (_, { headers }) => headers?.['content-type']?.includes('order=unk') === true,
    ours: (theirs) => withHeaders(theirs, { 'content-type': theirs.headers!['content-type']!.replace('unk', 'dfs') }),
  },
  ipns: {
    name: 'IPNS is 501',
    when: (asked, { status }) => status >= 400 && /ipns/.test(`${asked.target} ${asked.headers['accept'] ?? ''}`),
    ours: withStatus(501),
  },
} as const satisfies Readonly<Record<string, Difference>>

export const DIFFERENCES: readonly Difference[] = [
  SHARED.nowhere,
  {
    name: 'an absent root of a CAR is 404',
    when: (asked, theirs) => asked.target.includes(ABSENT) && queryOf(asked).get('format') === 'car' && isAnswered(theirs),
    ours: withStatus(404),
  },
  SHARED.entityBytes,
  SHARED.outside,
  {
    name: 'empty entity-bytes are none',
    when: (asked, { status }) => queryOf(asked).get('entity-bytes') === '' && status === 400,
    ours: (_, asked, again) => again({ ...asked, target: asked.target.replace(/&entity-bytes=/, '') }),
  },
  SHARED.order,
  {
    name: 'a path inside a document: its block is not sent a second time',
    when: ({ target }, { cids }) => /\/document\/\w+\?.*car-dups=y/.test(target) && cids?.[1] !== undefined && cids[1] === cids[2],
    ours: (theirs) => ({ ...theirs, cids: lastBlockTwice(theirs.cids) }),
  },
  {
    name: 'variants of CARs that there are not are 406',
    when: (asked, { status }) => status === 400 && /(?:version=2|order=bfs)/.test(`${asked.target} ${asked.headers['accept'] ?? ''}`),
    ours: withStatus(406),
  },
  {
    name: 'no format and no Accept is 400',
    when: (asked, { status }) => status === 406 && asksForNoFormat(asked) && asked.target.startsWith('/ipfs/'),
    ours: withStatus(400),
  },
  {
    name: 'a raw block with a path is 400',
    when: (asked, { status }) => status === 406 && queryOf(asked).get('format') === 'raw' && /^\/ipfs\/\w+\/\w/.test(asked.target),
    ours: withStatus(400),
  },
  {
    name: 'Accept of anything gives a CAR',
    when: (asked, { status }) => status === 406 && asked.headers['accept'] === '*/*',
    ours: (_, asked, again) => again({ ...asked, headers: { accept: 'application/vnd.ipld.car' } }),
  },
  SHARED.ipns,
  {
    name: 'Range with several parts, of another unit or backwards gives the whole',
    when: (asked, { status }) => queryOf(asked).get('format') === 'raw' && ['bytes=0-1,4-5', 'rows=1-2', 'bytes=5-2'].includes(asked.headers['range'] ?? '') && status !== 200,
    ours: async (_, asked, again) => withHeaders(await again({ ...asked, headers: {} }), { 'content-length': undefined }),
  },
  {
    name: 'HEAD under only-if-cached has the headers of HEAD',
    when: ({ method, headers }, theirs) => method === 'HEAD' && headers['cache-control'] === 'only-if-cached' && isAnswered(theirs),
    ours: (_, asked, again) => again({ ...asked, headers: {} }),
  },
  {
    name: 'X-Ipfs-Path is percent-encoded where it must be',
    when: ({ target }, theirs) => isAnswered(theirs) && theirs.headers?.['x-ipfs-path'] === undefined && target.includes('%C4%85'),
    ours: (theirs, { target }) => withHeaders(theirs, { 'x-ipfs-path': decodeURIComponent(target.split('?')[0]!) }),
  },
]
