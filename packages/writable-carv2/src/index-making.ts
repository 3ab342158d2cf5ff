/** The index of a file under construction, made of its table: in bounded memory, since what is too much goes behind it into the file. */
import { createIndexBuilder, createIndexStreamBuilder, type IdentityPolicy, INDEX_SORTED, type IndexedSection } from '@dagstore/carv2'
import type { ByteProgress, WritableFile } from '@dagstore/io'
import { SectionHeads } from './section-heads.ts'
import type { SectionTable } from './section-table.ts'
import type { Tail } from './tail.ts'
import type { IndexForm } from './writable-car.ts'

export interface IndexMaking {
  readonly file: WritableFile
  readonly table: SectionTable
  /** All of it is written. */
  readonly tail: Tail
  readonly identity: IdentityPolicy
  /** With its length varint. */
  readonly carV1Header: Uint8Array
  /** Where it begins, from the start of the file. */
  readonly dataOffset: number
  /** Where the index will begin, from the start of the file. */
  readonly indexOffset: number
  /** Memory for entries, in bytes. @default 32 MiB */
  readonly indexMemoryBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ByteProgress) => void) | undefined
}

/** The signal is asked, and progress told, after so many sections. */
const STEP_SECTIONS = 1 << 12

/** In chunks; each is good until the next. Leaves bytes of its own in the file behind the index. */
export const indexChunks = async function * (making: IndexMaking, form: Exclude<IndexForm, 'none'>): AsyncGenerator<Uint8Array, void, undefined> {
  const { file, table, identity, carV1Header, dataOffset, indexOffset, indexMemoryBytes } = making
  const subject = { payloadStart: dataOffset, payloadEnd: table.end - dataOffset, carV1Header, source: undefined }
  if (form === 'index-sorted') {
    const builder = createIndexBuilder({ identity })
    await eachSection(making, (section) => { builder.add(section) })
    yield * builder.finish(subject).encodeStandard(INDEX_SORTED)
    return
  }
  const builder = createIndexStreamBuilder({
    identity,
    scratch: async () => fileBehind(file, indexOffset + mostIndexBytes(table)),
    ...(indexMemoryBytes === undefined ? {} : { memoryBytes: indexMemoryBytes }),
  })
  await eachSection(making, (section) => builder.add(section))
  const index = await builder.finish(subject)
  // it is merged while it is written, from what lies there
  if (index.sizeBytes > mostIndexBytes(table)) throw new RangeError(`index is longer than it can be; max=${mostIndexBytes(table)} got=${index.sizeBytes}`)
  let rest = form === 'with-trailer' ? index.sizeBytes : index.standardBytes
  for await (const chunk of index.encode()) {
    yield chunk.subarray(0, rest)
    rest -= chunk.byteLength
    if (rest <= 0) return
  }
}

const eachSection = async (making: IndexMaking, take: (section: IndexedSection) => Promise<void> | undefined | void): Promise<void> => {
  const { table, dataOffset, signal, onProgress } = making
  const start = table.start(0)
  const heads = new SectionHeads(making, 'many')
  for (let number = 0; number < table.count; number++) {
    const found = heads.get(number)
    const { at, headBytes, dataBytes, cid } = found instanceof Promise ? await found : found
    const taken = take({ sectionOffset: at - dataOffset, headBytes, dataBytes, cid })
    if (taken !== undefined) await taken
    if ((number + 1) % STEP_SECTIONS !== 0) continue
    onProgress?.({ doneBytes: at + headBytes + dataBytes - start, totalBytes: table.end - start })
    signal?.throwIfAborted()
  }
}

/** No index of these sections is longer: digests, 13 bytes for each entry, one part in a thousand for check sums; heads, directory and footer. */
const mostIndexBytes = ({ count, cidBytes }: SectionTable): number => Math.ceil((cidBytes + 13 * count) * 1.01) + (8 << 20)

/** The room behind `base`, as an empty file of its own. */
const fileBehind = (file: WritableFile, base: number): WritableFile => {
  let sizeBytes = 0
  const close = async (): Promise<void> => {}
  return {
    get sizeBytes () { return sizeBytes },
    read: (at, length) => file.read(base + at, length),
    write: async (at, bytes) => {
      await file.write(base + at, bytes)
      sizeBytes = Math.max(sizeBytes, at + bytes.byteLength)
    },
    truncate: async (to) => {
      await file.truncate(base + to)
      sizeBytes = to
    },
    sync: close,
    close,
    [Symbol.asyncDispose]: close,
  }
}
