/** What was asked of boxo's gateway and what it sent; blocks are told by the numbers of their sections in a CAR. */
import { CarReader } from '@ipld/car/reader'
import { type BlockGetter, walkPath } from '@dagstore/dag'
import { BlockNotFoundError, toCid } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'

export interface GatewayRequest {
  readonly root: number
  readonly path: string
  readonly scope: 'block' | 'entity' | 'all'
  readonly from?: number
  /** Absent with a `from`: the end. */
  readonly to?: number
  readonly dups?: boolean
  /** Sections that the store has not got. */
  readonly missing?: readonly number[]
}

export interface GatewayAnswer {
  readonly sent: readonly number[]
  /** Why the stream did not end well; `reversed`: the range ends before it starts, which the specification does not call an error. */
  readonly failed?: 'reversed' | 'error'
  /** The path ends inside a block, which boxo then sends twice with `dups`. */
  readonly inside?: boolean
}

/** What we are to answer: as boxo, but for what the specification says otherwise. */
export const wantedAnswer = ({ dups = false }: GatewayRequest, { sent, failed, inside = false }: GatewayAnswer): { sent: number[], failed: boolean } => {
  const again = inside && dups ? sent.findIndex((n, i) => n === sent[i - 1]) : -1
  return { sent: sent.filter((_, i) => i !== again), failed: failed === 'error' }
}

export interface Sections {
  readonly cids: readonly CID[]
  readonly bytes: ReadonlyMap<string, Uint8Array>
}

export const readSections = async (car: Uint8Array): Promise<Sections> => {
  const cids: CID[] = []
  const bytes = new Map<string, Uint8Array>()
  for await (const block of (await CarReader.fromBytes(car)).blocks()) {
    cids.push(block.cid)
    bytes.set(block.cid.toString(), block.bytes)
  }
  return { cids, bytes }
}

/** What `walkPath` answers; `code` when it rejects. */
export const ourAnswer = async (sections: Sections, request: GatewayRequest, options: { readonly lookAhead?: number } = {}): Promise<{ sent: number[], code: string | undefined }> => {
  const { cids, bytes } = sections
  const absent = new Set((request.missing ?? []).map((n) => cids[n]!.toString()))
  const numbers = new Map(cids.map((cid, n) => [cid.toString(), n]))
  const store: BlockGetter = {
    async * get (cid) {
      const key = toCid(cid).toString()
      const block = absent.has(key) ? undefined : bytes.get(key)
      if (block === undefined) throw new BlockNotFoundError(toCid(cid))
      yield block
    },
  }
  const sent: number[] = []
  const entityBytes = request.from === undefined ? {} : { entityBytes: { from: request.from, to: request.to } }
  try {
    for await (const { cid } of walkPath(store, cids[request.root]!, { path: request.path, scope: request.scope, duplicates: request.dups === true, ...entityBytes, ...options })) sent.push(numbers.get(cid.toString()) ?? -1)
    return { sent, code: undefined }
  } catch (error) {
    return { sent, code: (error as { code?: string }).code ?? String(error) }
  }
}
