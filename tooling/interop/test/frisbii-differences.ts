/** Where our gateway answers otherwise than frisbii on purpose; docs/gateway-tests-map.md says why. */
import { ABSENT, type Asked } from './gateway-asked.ts'
import type { Difference } from './gateway-compared.ts'
import { isAnswered, queryOf, SHARED, withHeaders, withStatus } from './gateway-differences.ts'

const CAR = 'application/vnd.ipld.car'
const RAW = 'application/vnd.ipld.raw'

/** frisbii knows no HEAD, takes `Accept` before `format`, says there alone whether blocks come again, and lets them where nothing is said. */
export const inFrisbiisWords = (asked: Asked): Asked => {
  const { accept = '', ...others } = asked.headers
  const words = accepted(formatOf(asked), accept, queryOf(asked).get('car-dups'))
  return { ...asked, method: 'GET', headers: { ...others, ...(words === '' ? {} : { accept: words }) } }
}

const accepted = (format: string, accept: string, wanted: string | null): string => {
  const dups = wanted ?? /dups=(\w)/.exec(accept)?.[1] ?? 'n'
  switch (format) {
    case 'raw': return RAW
    case 'car': return `${CAR};order=${/order=(dfs|unk)/.exec(accept)?.[1] ?? 'dfs'};dups=${dups}`
    case '': return accept.includes('dups=') ? accept : accept.replace(/^\*\/\*|application\/vnd\.ipld\.car/, `${CAR};dups=n`)
    default: return ''
  }
}

const formatOf = (asked: Asked): string => queryOf(asked).get('format') ?? ''
const REVERSED = ['9:3', '-3:-9']

export const FRISBII_DIFFERENCES: readonly Difference[] = [
  SHARED.nowhere,
  {
    name: 'what is absent is 404, or 412 where only the cache is asked',
    when: ({ target }, { status }) => target.includes(ABSENT) && status === 500,
    ours: (_, { headers }) => ({ status: headers['cache-control'] === 'only-if-cached' ? 412 : 404 }),
  },
  SHARED.entityBytes,
  SHARED.outside,
  {
    name: 'a range that ends before it starts is 400',
    when: (asked, { status }) => REVERSED.includes(queryOf(asked).get('entity-bytes') ?? '') && status !== 400,
    ours: withStatus(400),
  },
  SHARED.order,
  {
    name: 'a path that ends inside a document leads to its block',
    when: ({ target }, theirs) => /\/document\/title\?/.test(target) && isAnswered(theirs),
    ours: async (theirs, asked, again) => withHeaders(await again({ ...asked, target: asked.target.replace('/title', '') }), theirs.headers),
  },
  {
    name: 'kinds of CARs that there are not are 406, dups of neither kind 400',
    when: (asked) => formatOf(asked) !== 'raw' && /version=2|order=bfs|dups=x/.test(`${asked.target} ${asked.headers['accept'] ?? ''}`),
    ours: (_, { target }) => ({ status: target.includes('dups=x') ? 400 : 406 }),
  },
  {
    name: 'formats that there are not are 406',
    when: (asked, { status }) => status === 400 && (formatOf(asked) ? !['raw', 'car'].includes(formatOf(asked)) : asked.headers['accept'] !== undefined),
    ours: withStatus(406),
  },
  {
    name: 'no CID at all is 400',
    when: ({ target }, { status }) => target.startsWith('/ipfs/?') && status === 404,
    ours: withStatus(400),
  },
  SHARED.ipns,
  {
    name: 'raw blocks are saved under a name that says so',
    when: (_, { headers }) => headers?.['content-type'] === RAW,
    ours: (theirs) => withHeaders(theirs, { 'content-disposition': 'attachment; *.bin' }),
  },
  {
    name: 'X-Ipfs-Path is percent-encoded where it must be',
    when: (_, { headers }) => /[^ -~]/.test(headers?.['x-ipfs-path'] ?? ''),
    ours: (theirs) => withHeaders(theirs, { 'x-ipfs-path': Buffer.from(theirs.headers!['x-ipfs-path']!, 'latin1').toString() }),
  },
]
