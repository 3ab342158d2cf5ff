/** CARs and sources for the tests here. */
import { type Block, carV1, makeBlock, mixedBlocks, placedBlocks } from '@dagstore-tooling/fixtures'
import { buildIndex } from '@dagstore/carv2'
import { type ByteSource, createBytesSource, IoError, type SourceIdentity } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { openIndexMount, type IndexMount, type MountOptions } from '../src/index.ts'

export const mixed: Block[] = mixedBlocks(2)
export const roots: Uint8Array[] = [mixed[0]!.cid]
export const mixedV1: Uint8Array = carV1(roots, mixed)
export const cidOf = (block: { readonly cid: Uint8Array }): CID => CID.decode(block.cid)
/** As tests of other packages hold blocks. */
export const asBlock = ({ cid, bytes }: { readonly cid: CID, readonly bytes: Uint8Array }): Block => ({ cid: cid.bytes, multihash: cid.multihash.bytes, data: bytes })
export const absent: CID = cidOf(makeBlock(new TextEncoder().encode('nowhere')))

export interface TestSource extends ByteSource {
  /** `at+length` of every read. */
  readonly reads: string[]
  closes: number
  /** From now on every read fails with this. */
  failure: Error | undefined
  /** Waited for before each read. */
  pause: Promise<void> | undefined
}

/** Bytes behind asynchronous reads, as a file has them: counted, and made to fail. */
export const testSource = (bytes: Uint8Array, options: { identity?: SourceIdentity, kind?: 'local' | 'remote' } = {}): TestSource => {
  const inner = createBytesSource(bytes, options)
  const source: TestSource = {
    ...inner,
    cost: { kind: options.kind ?? 'local', seekBytes: 1 << 16 },
    reads: [],
    closes: 0,
    failure: undefined,
    pause: undefined,
    peek: () => undefined,
    read: async (at, length, call) => {
      source.reads.push(`${at}+${length}`)
      await source.pause
      if (source.failure !== undefined) throw source.failure
      return inner.read(at, length, call)
    },
    close: async () => {
      source.closes++
      await inner.close()
    },
    [Symbol.asyncDispose]: () => source.close(),
  }
  return source
}
export const broken: IoError = new IoError('IO_FAILED', 'the disk is broken')

/** The index file of a CAR as we write it. */
export const indexOf = async (bytes: Uint8Array, identity?: SourceIdentity): Promise<Uint8Array> => {
  const source = createBytesSource(bytes, identity === undefined ? {} : { identity })
  return joinBytes((await buildIndex(source)).encode())
}
export const joinBytes = (chunks: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...chunks]))

export const mountBytes = (bytes: Uint8Array, options: MountOptions = {}): Promise<IndexMount> => openIndexMount({ data: createBytesSource(bytes) }, options)
export const placed = placedBlocks(roots, mixed)

export const all = async <T>(source: AsyncIterable<T> | Iterable<T>): Promise<T[]> => {
  const out: T[] = []
  for await (const item of source) out.push(item)
  return out
}
