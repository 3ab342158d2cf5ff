/** Copying blocks into the file of a retrieval, whatever state it is in. */
import { DagError, type DagPath, type DagScope, type EntityBytes, walkDag, walkPath } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import { type CallOptions, type Directory, joinBytes } from '@dagstore/io'
import { type AnyCid, BlockstoreError, oneChunk, type ReadBlockstore, readBlock, type ShardBlockstore, type StoreCallOptions, toCid } from '@dagstore/read-blockstore'
import type { WritableCar } from '@dagstore/writable-carv2'
import type { CID } from 'multiformats/cid'
import { RetrievalError } from './errors.ts'
import { createCar, extendCar, findCar, type Found, sameRoots } from './target.ts'

export interface Progress { readonly doneBlocks: number, readonly doneBytes: number, readonly totalBytes: undefined }

/** A part of a DAG, as trustless gateways take it. The blocks on the way along the path belong to it. */
export interface DagSelector {
  /** From the root. @default the root itself */
  readonly path?: DagPath
  /** @default 'all'; 'entity' with `entityBytes` */
  readonly scope?: DagScope
  /** Of a file only the blocks that hold these bytes. Needs scope 'entity'. @default all */
  readonly entityBytes?: EntityBytes
}

export interface CopyTarget extends CallOptions {
  readonly directory: Directory
  readonly name: string
  readonly hashes: Hashes
  readonly roots: readonly CID[]
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

export interface Copied {
  readonly name: string
  readonly blocks: number
  readonly bytes: number
  readonly reused: boolean
  readonly missing: readonly CID[]
}

/** A block on its way; `present` says that the file has it, and then its bytes may have been left there. */
interface Block { readonly cid: CID, readonly bytes: Uint8Array, readonly sizeBytes: number, readonly present: boolean }

/**
 * All blocks that belong into the file, verified. What the file has is read from there.
 *
 * @param trusts - the file's own blocks were hashed when they were put there: those without links need not be read
 */
export type Blocks = (file: ShardBlockstore | undefined, onMissing: (cid: CID) => void, trusts: boolean) => AsyncIterable<Block>

/** Data put between two checkpoints, which are made beside the puts: twice this is what a crash makes a copy fetch again. */
const CHECKPOINT_BYTES = 32 << 20

export const copyInto = async (target: CopyTarget, blocks: Blocks): Promise<Copied> => {
  const { directory, name, hashes, signal } = target
  signal?.throwIfAborted()
  const found = await findCar(directory, name, hashes, signal)
  if (found.state === 'finished') {
    const reused = await reuse(target, found, blocks)
    if (reused !== undefined) return reused
  }
  const car = found.state === 'unfinished' ? found.car : found.state === 'absent'
    ? await createCar(directory, name, target.roots, hashes)
    : await extendCar(directory, name, hashes, signal)
  try {
    checkRoots(target, car.roots)
    const copied = await fill(target, car, blocks)
    await car.finalize({ roots: target.roots })
    return copied
  } finally {
    await car.close()
  }
}

/** The finished file, if nothing is missing from it that can be had. */
const reuse = async (target: CopyTarget, { car }: Found & { readonly state: 'finished' }, blocks: Blocks): Promise<Copied | undefined> => {
  try {
    checkRoots(target, car.roots)
    const tally = new Tally(target)
    for await (const block of blocks(car.blockstore, tally.miss, false)) {
      if (!block.present) return undefined
      tally.add(block)
    }
    return tally.result(true)
  } finally {
    await car.close()
  }
}

const fill = async (target: CopyTarget, car: WritableCar, blocks: Blocks): Promise<Copied> => {
  const tally = new Tally(target)
  let unsaved = 0
  let saving: Promise<void> | undefined
  for await (const block of blocks(car, tally.miss, true)) {
    if (!block.present) {
      await car.put(block.cid, block.bytes)
      unsaved += block.bytes.byteLength
      if (unsaved >= CHECKPOINT_BYTES) {
        await saving
        unsaved = 0
        saving = car.checkpoint()
        saving.catch(() => {}) // told by the next one, or by what makes the file whole
      }
    }
    tally.add(block)
  }
  return tally.result(false)
}

const checkRoots = ({ name, roots }: CopyTarget, found: readonly CID[] | undefined): void => {
  if (found === undefined || sameRoots(found, roots)) return
  throw new RetrievalError('RETRIEVAL_OTHER_ROOT', `file is of another retrieval; name=${name} roots=${found.map(String).join(',')}`)
}

class Tally {
  readonly #target: CopyTarget
  readonly #missing: CID[] = []
  #blocks = 0
  #bytes = 0

  constructor (target: CopyTarget) {
    this.#target = target
  }

  readonly miss = (cid: CID): void => { this.#missing.push(cid) }

  add ({ sizeBytes }: Block): void {
    this.#blocks++
    this.#bytes += sizeBytes
    this.#target.onProgress?.({ doneBlocks: this.#blocks, doneBytes: this.#bytes, totalBytes: undefined })
  }

  result (reused: boolean): Copied {
    return { name: this.#target.name, blocks: this.#blocks, bytes: this.#bytes, reused, missing: this.#missing }
  }
}

/** A source that is told of the walk, so that it can fetch in its order, and not what is there. */
export interface WalkedSource extends Pick<ReadBlockstore, 'get'> {
  /** What it hashes each block with before it gives it: where that is what is used here, it is not done again. @default it hashes none */
  readonly verifiedBy?: Hashes | undefined
  /** A walk begins; these blocks will not be asked for. A retrieval may walk twice. */
  begin?(held: Pick<ReadBlockstore, 'has'> | undefined): void
  /** The walk has had this block, which was there. */
  passed?(cid: CID, bytes: Uint8Array): void
}

/** What of the DAG under `root` is wanted: each block from the file where it is there, else from the source; hashed in either case. */
export const dagBlocks = (root: CID, from: WalkedSource, missing: 'throw' | 'report', selector: DagSelector | undefined, { hashes, signal }: CopyTarget): Blocks =>
  async function * (file, onMissing, trusts) {
    from.begin?.(file)
    /** Came from the source, and have not been given since. */
    const fetched = new Set<string>()
    /** Left in the file, and not given since. */
    const left = new Map<string, number>()
    // of a part of a file the length of each block counts
    const leaves = trusts && selector === undefined
    const read = async (cid: CID, options: StoreCallOptions | undefined): Promise<Uint8Array> => {
      if (file === undefined || !await file.has(cid, options)) {
        const bytes = await readBlock(from, cid, options)
        if (from.verifiedBy !== hashes) verify(cid, bytes, hashes)
        fetched.add(cid.toString())
        return bytes
      }
      const isLeft = leaves && cid.code === RAW
      const bytes = isLeft ? NO_BYTES : await readBlock(file, cid, options)
      if (isLeft) left.set(cid.toString(), await file.size(cid, options))
      else verify(cid, bytes, hashes)
      from.passed?.(cid, bytes)
      return bytes
    }
    const both = { get: (any: AnyCid, options?: StoreCallOptions) => oneChunk(() => read(toCid(any), options)) }
    const options = { identity: 'skip', verify: 'never', missing, onMissing, signal } as const
    const blocks = selector === undefined ? walkDag(both, root, options) : walkPath(both, root, { ...options, ...selector, outside: 'throw' })
    for await (const { cid, bytes } of blocks) {
      const name = cid.toString()
      const sizeBytes = left.get(name) ?? bytes.byteLength
      left.delete(name)
      yield { cid, bytes, sizeBytes, present: !fetched.delete(name) }
    }
  }

const RAW = 0x55
const NO_BYTES = new Uint8Array(0)

const verify = (cid: CID, bytes: Uint8Array, hashes: Hashes): void => {
  const { code, digest } = cid.multihash
  if (!hashes.has(code)) throw new DagError('DAG_UNKNOWN_HASH', `no hasher for the block; hash=0x${code.toString(16)}`, cid)
  if (!hashes.matches(code, digest, bytes)) throw new DagError('DAG_HASH_MISMATCH', `block does not match its hash; length=${bytes.byteLength}`, cid)
}

/** Every block that the store lists; identity CIDs carry their data themselves. */
export const listedBlocks = (from: Pick<ReadBlockstore, 'getAll'>, { hashes, signal }: CopyTarget): Blocks =>
  async function * (file) {
    for await (const { cid: any, bytes: chunks } of from.getAll(signal === undefined ? {} : { signal })) {
      signal?.throwIfAborted()
      const cid = toCid(any)
      if (cid.multihash.code === IDENTITY) continue
      const bytes = await joined(chunks)
      if (!hashes.has(cid.multihash.code)) throw new BlockstoreError('BLOCKSTORE_UNKNOWN_HASH', `no hasher; code=0x${cid.multihash.code.toString(16)}`, { cid })
      if (!hashes.matches(cid.multihash.code, cid.multihash.digest, bytes)) throw new BlockstoreError('BLOCKSTORE_HASH_MISMATCH', 'block does not match its CID', { cid })
      yield { cid, bytes, sizeBytes: bytes.byteLength, present: file !== undefined && await file.has(cid) }
    }
  }

const IDENTITY = 0x00

const joined = async (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array> => {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  const [only] = all
  if (only !== undefined && all.length === 1) return only
  return joinBytes(all)
}
