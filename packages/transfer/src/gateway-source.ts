/** A trustless gateway as a source of a DAG: its CARs and raw blocks. */
import type { DagPath } from '@dagstore/dag'
import { type CallOptions, type Clock, createLane, type FairFlow, systemClock } from '@dagstore/io'
import type { CID } from 'multiformats/cid'
import { askInTime, refusal } from './attempts.ts'
import { carSections } from './car-sections.ts'
import type { CarSections, DagPart, DagSource } from './dag-source.ts'
import { TransferError } from './errors.ts'
import { TOKEN } from './http-words.ts'
import { TRANSFER_LIMITS } from './limits.ts'
import { joined } from './section-bytes.ts'
import { streamChunks, watchedChunks } from './watched-chunks.ts'

export interface GatewaySourceOptions {
  /** Asked with `redirect: 'manual'`. Guard it where the URL comes from somebody else. @default the platform's */
  readonly fetch?: typeof fetch | undefined
  /** Sent as `x-transfer-token`. */
  readonly token?: string | undefined
  /** Sent with every request; they may hold secrets, and are in no error. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly clock?: Clock | undefined
  /** No byte for so long is a failure. @default 30 s */
  readonly stalledMs?: number | undefined
  /** What has to come at least, over a minute of waiting for it; 0: no limit. @default 1024 */
  readonly minBytesPerSecond?: number | undefined
  /** Of a CAR: CID and data; of a block its data. @default 8 MiB */
  readonly maxSectionBytes?: number | undefined
  /** Shared by those who share a rate. @default no limit */
  readonly flow?: FairFlow | undefined
}

const CAR_TYPE = 'application/vnd.ipld.car'
const RAW_TYPE = 'application/vnd.ipld.raw'
/** Not to be had here: absent, gone, or not to be given out. */
const ABSENT: ReadonlySet<number> = new Set([404, 410, 451])

/**
 * Asks `{url}/ipfs/{cid}`. Holds nothing open between calls.
 *
 * Source: trustless gateway specification (2026-03-05); IPIP-402, IPIP-412.
 *
 * @param url - of the gateway, with whatever stands before `/ipfs/`
 * @throws {TypeError} `url` is none of http or https
 */
export const gatewaySource = (url: URL | string, options: GatewaySourceOptions = {}): DagSource => {
  const base = new URL(url)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') throw new TypeError(`url; want=http or https got=${base.protocol}`)
  const { fetch: send = fetch, token, headers = {}, clock = systemClock, stalledMs = TRANSFER_LIMITS.stalledMs, minBytesPerSecond = TRANSFER_LIMITS.minBytesPerSecond, maxSectionBytes = 8 << 20, flow } = options
  const lane = createLane()
  const secrets = { ...headers, ...token === undefined ? {} : { [TOKEN]: token } }

  /** Chunks of an answer that is of use; leaving them ends the request. */
  const open = async (target: URL, accept: string, { signal }: CallOptions): Promise<{ readonly type: string, readonly chunks: AsyncGenerator<Uint8Array, void, undefined>, readonly leave: () => void }> => {
    const leaving = new AbortController()
    const leave = (): void => { leaving.abort() }
    try {
      const response = await askInTime(send, target, { ...secrets, accept }, { clock, stalledMs, leaving, signal })
      if (response.status !== 200) throw refused(response, target, token !== undefined)
      const watched = watchedChunks(streamChunks(response.body), { clock, stalledMs, minBytesPerSecond, signal })
      const chunks = flow === undefined ? watched : passing(watched, (bytes) => flow.pass(lane, bytes, { signal }))
      return { type: response.headers.get('content-type') ?? '', chunks, leave }
    } catch (error) {
      leave()
      throw error
    }
  }

  return {
    name: `${base.origin}${base.pathname.replace(/\/$/, '')}`,
    car: async (root, part, call = {}) => {
      const target = targetOf(base, root, part)
      const { type, chunks, leave } = await open(target, `${CAR_TYPE};version=1;order=dfs;dups=n`, call)
      const form = mediaOf(type)
      if (form.name !== CAR_TYPE || (form.parameters.get('version') ?? '1') !== '1') {
        leave()
        throw new TransferError('TRANSFER_BAD_ANSWER', `an answer that is no CARv1; origin=${base.origin}`, { source: base.origin })
      }
      return sectionsOf(carSections(chunks, maxSectionBytes), form.parameters.get('order') === 'dfs', leave)
    },
    block: async (cid, call = {}) => {
      const target = pathOf(base, cid)
      target.searchParams.set('format', 'raw')
      const { chunks, leave } = await open(target, RAW_TYPE, call)
      try {
        return await wholeOf(chunks, maxSectionBytes, base)
      } finally {
        leave()
      }
    },
  }
}

const pathOf = (base: URL, cid: CID, path: DagPath = []): URL => {
  const segments = typeof path === 'string' ? path.split('/').filter((segment) => segment !== '' && segment !== '.') : path
  const url = new URL(base)
  url.search = ''
  url.hash = ''
  url.pathname = `${base.pathname.replace(/\/$/, '')}/ipfs/${[cid.toString(), ...segments].map(encodeURIComponent).join('/')}`
  return url
}

const targetOf = (base: URL, root: CID, { path, scope, entityBytes }: DagPart): URL => {
  const url = pathOf(base, root, path)
  const { searchParams } = url
  searchParams.set('format', 'car')
  searchParams.set('dag-scope', scope ?? (entityBytes === undefined ? 'all' : 'entity'))
  if (entityBytes !== undefined) searchParams.set('entity-bytes', `${entityBytes.from}:${entityBytes.to ?? '*'}`)
  return url
}

const refused = (response: Response, url: URL, hasToken: boolean): TransferError => {
  const { status } = response
  const { origin: source } = url
  if (ABSENT.has(status) || (status === 403 && !hasToken)) return new TransferError('TRANSFER_NOT_FOUND', `not to be had there; status=${status} origin=${source}`, { source })
  if (status === 501 || (status >= 400 && status < 500 && ![401, 403, 408, 429].includes(status))) return new TransferError('TRANSFER_REFUSED', `not to be had in this form; status=${status} origin=${source}`, { source })
  return refusal(response, url)
}

const mediaOf = (type: string): { readonly name: string, readonly parameters: ReadonlyMap<string, string> } => {
  const [name = '', ...rest] = type.split(';').map((part) => part.trim())
  return { name: name.toLowerCase(), parameters: new Map(rest.map((part): [string, string] => { const [key = '', value = ''] = part.split('='); return [key.trim().toLowerCase(), value.trim()] })) }
}

const sectionsOf = (sections: ReturnType<typeof carSections>, ordered: boolean, leave: () => void): CarSections => ({
  ordered,
  next: async () => (await sections.next()).value ?? undefined,
  close: async () => {
    leave()
    await sections.return()
  },
})

const wholeOf = async (chunks: AsyncIterable<Uint8Array>, maxBytes: number, { origin: source }: URL): Promise<Uint8Array> => {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new TransferError('TRANSFER_TOO_LARGE', `a block above the limit; max=${maxBytes}`, { source })
    parts.push(chunk)
  }
  return joined(parts, bytes)
}

async function * passing (chunks: AsyncIterable<Uint8Array>, pass: (bytes: number) => unknown): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    await pass(chunk.byteLength)
    yield chunk
  }
}
