/** Blockstores and trees for tests. */
import { BlockNotFoundError, type AnyCid, type ReadBlockstore, toCid } from '@dagstore/read-blockstore'
import type { TreeDirectory, TreeEntry, TreeFile, TreeLink } from '@dagstore/io'
import { seededBytes } from '@dagstore-tooling/fixtures'
import type { CID } from 'multiformats/cid'

/** A store in memory that counts what is asked of it. */
export class MemoryStore implements Pick<ReadBlockstore, 'get' | 'has' | 'getAll'> {
  readonly blocks: Map<string, { cid: CID, bytes: Uint8Array }> = new Map()
  gets = 0
  /** Called before each get. */
  before: (gets: number) => void = () => {}

  put (any: AnyCid, bytes: Uint8Array): void {
    const cid = toCid(any)
    if (cid.multihash.code !== 0) this.blocks.set(keyOf(cid), { cid, bytes })
  }

  has (cid: AnyCid): boolean { return this.blocks.has(keyOf(toCid(cid))) }

  async * get (any: AnyCid): AsyncGenerator<Uint8Array> {
    const cid = toCid(any)
    this.before(++this.gets)
    if (cid.multihash.code === 0) return yield cid.multihash.digest
    const block = this.blocks.get(keyOf(cid))
    if (block === undefined) throw new BlockNotFoundError(cid)
    yield block.bytes
  }

  async * getAll (): AsyncGenerator<{ cid: CID, bytes: AsyncGenerator<Uint8Array> }> {
    for (const { cid, bytes } of this.blocks.values()) yield { cid, bytes: (async function * () { yield bytes })() }
  }

  drop (cid: CID): void { this.blocks.delete(keyOf(cid)) }
}

const keyOf = (cid: CID): string => [...cid.multihash.bytes].join(',')

export const file = (name: string, bytes: Uint8Array): TreeFile => ({ kind: 'file', name, sizeBytes: bytes.byteLength, read: async function * () { yield bytes } })
export const link = (name: string, target: string): TreeLink => ({ kind: 'link', name, target })
export const folder = (name: string, ...entries: TreeEntry[]): TreeDirectory => ({ kind: 'directory', name, entries: async function * () { yield * entries } })

export const sampleTree = (): TreeDirectory => folder('',
  folder('empty'),
  file('empty.bin', new Uint8Array(0)),
  folder('inner', file('big.bin', seededBytes(1, 3_500_000)), file('tiny', new TextEncoder().encode('hi'))),
  file('medium.bin', seededBytes(2, 300_000)),
  file('ключ.txt', seededBytes(3, 200)))

/** A tree as plain data, for comparing. */
export const flatten = async (entry: TreeEntry, path = ''): Promise<Record<string, string>> => {
  if (entry.kind === 'link') return { [path]: `-> ${entry.target}` }
  if (entry.kind === 'file') {
    const hash = (await import('node:crypto')).createHash('sha256')
    let length = 0
    for await (const chunk of entry.read()) {
      hash.update(chunk)
      length += chunk.byteLength
    }
    return { [path]: `${length}/${entry.sizeBytes} ${hash.digest('hex')}` }
  }
  const found: Record<string, string> = { [`${path}/`]: 'directory' }
  for await (const child of entry.entries()) Object.assign(found, await flatten(child, `${path}/${child.name}`))
  return found
}

export const codeOf = (error: unknown): unknown => typeof error === 'object' && error !== null && 'code' in error ? error.code : error

export const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(
  (value) => { throw new Error(`resolved with ${String(value)}`) },
  (error: unknown) => error
)
