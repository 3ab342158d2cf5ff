/** What both gateways are asked, and what of their answers is held against each other. */
import { createHash } from 'node:crypto'
import * as fixtures from '@dagstore-tooling/fixtures/gateway'
import { CID } from 'multiformats/cid'
import { cidsOf, type HttpAnswer } from './gateway-world.ts'

export interface Asked {
  readonly target: string
  readonly method: 'GET' | 'HEAD'
  readonly headers: Readonly<Record<string, string>>
  /** The range has no byte of the file. */
  readonly outside?: boolean
}

/** Of an answer, what a client goes by. */
export interface Seen {
  readonly status: number
  /** `undefined`: not a CAR, or one that is not whole. */
  readonly cids?: readonly string[] | undefined
  readonly bytes?: number
  /** SHA-256 of a body that is whole. */
  readonly digest?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
}

const nameOf = (node: fixtures.Node): string => CID.decode(node.block.cid).toString()
const CAR = 'application/vnd.ipld.car'
const RAW = 'application/vnd.ipld.raw'

export const ABSENT: string = nameOf(fixtures.rawNode(new TextEncoder().encode('nobody has it')))

const PATHS: Readonly<Record<string, readonly string[]>> = {
  subdirTwoFiles: ['', '/', '/subdir', '/subdir/', '/subdir/ascii.txt', '/subdir/none', '/none/none'],
  subdirMixedFiles: ['', '/subdir/multiblock.txt', '/subdir/multiblock.txt/below'],
  duplicateFiles: ['', '/ascii-copy.txt'],
  shardedDirectory: ['', '/685.txt', '/1.txt', '/1001.txt'],
  cborDirectory: ['/document', '/document/files', '/document/files/single', '/document/files/multi/0', '/document/files/multi/9', '/document/title', '/document/title/below'],
  deepFile: [''],
  oddDirectory: ['', '/a%20space.txt', '/100%25.txt', '/%C4%85%C4%99/%C5%BA%C5%82.txt', '/empty-dir', '/empty.txt', '/inline.txt', '/link.txt', '/other-hash.txt', '/nested/nested/nested/hello.txt', '/unhashed', '/unhashed/child', '/deep.bin'],
  threeBlockFile: [''],
}

const SCOPES = ['', '&dag-scope=block', '&dag-scope=entity', '&dag-scope=all', '&car-dups=y', '&dag-scope=entity&car-dups=y']
const RANGES = ['0:*', '0:0', '0:-1', '-5:*', '63:64', '64:127', '1024:2047', '2200:*', '-9999:*', '-9999:-3', '500:90000', '5000:6000', '*:*', '9:3', '-3:-9', 'x', '0', '']
const ACCEPTS = [
  '', '*/*', RAW, CAR, `${CAR}; version=1`, `${CAR}; version=2`, `${CAR}; order=dfs; dups=y`, `${CAR}; order=unk`, `${CAR}; order=bfs`, `${CAR};dups=n;q=0.5, ${RAW};q=0.2`, 'text/html', 'application/json', `text/html, ${CAR}`,
  `application/vnd.ipld.*`, `${RAW}, */*;q=0.1`, 'application/vnd.ipfs.ipns-record', 'application/x-tar', 'nonsense',
]

export const askedOfBoth = (): Asked[] => {
  const get = (target: string, headers: Asked['headers'] = {}, method: Asked['method'] = 'GET'): Asked => ({ target, method, headers })
  const roots = Object.entries(PATHS).map(([name, paths]) => ({ root: nameOf(fixtures.gatewayDags[name]!), paths }))
  const files = [fixtures.multiblockText, fixtures.deepFile, fixtures.threeBlockFile, fixtures.helloText, fixtures.shardedDirectory, fixtures.cborDocument].map((node) => ({ path: nameOf(node), size: node.fileBytes }))
    .concat({ path: `${nameOf(fixtures.oddDirectory)}/deep.bin`, size: fixtures.deepFile.fileBytes })
  const isOutside = (range: string, size: number): boolean => size > 0 && Number(range.split(':')[0]) >= size
  const [file, text] = [nameOf(fixtures.multiblockText), nameOf(fixtures.helloText)]
  return [
    ...roots.flatMap(({ root, paths }) => paths.flatMap((path) => SCOPES.map((scope) => get(`/ipfs/${root}${path}?format=car${scope}`)))),
    ...roots.flatMap(({ root, paths }) => paths.map((path) => get(`/ipfs/${root}${path}?format=car`, {}, 'HEAD'))),
    ...files.flatMap(({ path, size }) => RANGES.map((range) => ({ ...get(`/ipfs/${path}?format=car&dag-scope=entity&entity-bytes=${range}`), outside: isOutside(range, size) }))),
    ...[file, text].flatMap((cid) => ['', '&dag-scope=block', '&dag-scope=all'].map((scope) => get(`/ipfs/${cid}?format=car&entity-bytes=0:10${scope}`))),
    ...[file, text].flatMap((cid) => ACCEPTS.flatMap((accept) => ['', '?format=raw', '?format=car'].map((query) => get(`/ipfs/${cid}${query}`, accept === '' ? {} : { accept })))),
    ...['raw', 'car'].flatMap((format) => (['GET', 'HEAD'] as const).flatMap((method) => [ABSENT, 'bafkqaaa', 'not-a-cid', '', file, CID.parse(file).toV1().toString().toUpperCase(), 'Qm', nameOf(fixtures.threeBlockFile)].map((cid) => get(`/ipfs/${cid}?format=${format}`, {}, method)))),
    ...['bytes=0-9', 'bytes=-5', 'bytes=900-', 'bytes=5-2', 'bytes=0-1,4-5', 'rows=1-2'].flatMap((range) => ['raw', 'car'].map((format) => get(`/ipfs/${text}?format=${format}`, { range }))),
    ...['car-version=1', 'car-version=2', 'car-order=dfs', 'car-order=unk', 'car-order=bfs', 'car-dups=x', 'dag-scope=none', 'filename=x.car', 'filename=%C5%BC.car', 'download=true', 'unknown=1'].map((query) => get(`/ipfs/${file}?format=car&${query}`)),
    ...['raw', 'car', 'tar', 'dag-json', 'json', 'ipns-record', '', 'RAW'].map((format) => get(`/ipfs/${file}?format=${format}`)),
    ...['raw', 'car'].flatMap((format) => [ABSENT, text].flatMap((cid) => (['GET', 'HEAD'] as const).map((method) => get(`/ipfs/${cid}?format=${format}`, { 'cache-control': 'only-if-cached' }, method)))),
    get(`/ipfs/${file}/subdir?format=raw`), get(`/ipfs/${nameOf(fixtures.subdirTwoFiles)}/subdir?format=raw`),
    get('/ipns/k51qzi5uqu5dhjjqhpcuvdnskq4mz84a2xg1rpqzi6s5460q2612egkfjsk42x?format=ipns-record'), get('/ipns/example.org?format=car'),
  ]
}

const COMPARED = ['content-type', 'content-disposition', 'content-range', 'accept-ranges', 'x-content-type-options', 'x-ipfs-path', 'cache-control']

/** What both have in their own words: names to save under, and how a path is written. */
const INDIFFERENT: Readonly<Record<string, (value: string) => string>> = {
  'content-disposition': (value) => value.replace(/; filename=".*(\.\w+)".*$/, '; *$1'),
  'x-ipfs-path': (value) => decodeURIComponent(value.replace(/%(?![0-9A-F]{2})/g, '%25')),
}

/** A CAR that boxo breaks off ends in words that are no section. */
export const seen = async ({ method, headers: { range } }: Asked, { status, headers, body, whole }: HttpAnswer): Promise<Seen> => {
  if (status >= 300) return { status }
  const isCar = headers['content-type']?.startsWith(CAR) === true
  return {
    status,
    ...(method === 'HEAD' ? {} : isCar ? { cids: whole ? await cidsOf(body) : undefined } : { bytes: body.byteLength }),
    ...(method === 'HEAD' || !whole ? {} : { digest: createHash('sha256').update(body).digest('hex') }),
    headers: Object.fromEntries([...COMPARED, ...(isCar || range !== undefined ? [] : ['content-length'])].map((name) => [name, headers[name] && (INDIFFERENT[name]?.(headers[name]) ?? headers[name])])),
  }
}
