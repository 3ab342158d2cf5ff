import { describe, expect, it } from 'vitest'
import { type Awaitable, type ByteSource, createBytesSource, createConcatSource, IoError } from '../src/index.ts'

const cost = { kind: 'local', seekBytes: 4096 } as const
const coded = (code: string): unknown => expect.objectContaining({ code })

interface Part {
  readonly sizeBytes: number
  readonly open: () => Awaitable<ByteSource>
}

const concat = (parts: readonly Part[], options: Partial<Parameters<typeof createConcatSource>[2]> = {}): ByteSource =>
  createConcatSource(parts.map(({ sizeBytes }) => sizeBytes), (part) => parts[part]!.open(), { cost, ...options })

/** Bytes counted up from `from`, as a part that tells what was done with it. */
const counted = (from: number, length: number): Part & { opens: number, closes: number, readonly reads: string[] } => {
  const part = {
    sizeBytes: length,
    opens: 0,
    closes: 0,
    reads: [] as string[],
    open: async (): Promise<ByteSource> => {
      part.opens++
      const inner = createBytesSource(Uint8Array.from({ length }, (_, i) => from + i))
      return {
        ...inner,
        read: async (at, size, options) => {
          part.reads.push(`${at}+${size}`)
          return inner.read(at, size, options)
        },
        close: async () => {
          part.closes++
          await inner.close()
        },
      }
    },
  }
  return part
}
const bytes = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => from + i)

describe('createConcatSource', () => {
  it('reads its parts as if they were one, and opens each when a byte of it is wanted', async () => {
    const parts = [counted(0, 10), counted(10, 0), counted(10, 5), counted(15, 10)]
    const source = concat(parts)
    expect(source).toMatchObject({ sizeBytes: 25, cost })
    expect(await source.read(10, 5)).toEqual(bytes(10, 5))
    expect(parts.map(({ opens }) => opens)).toEqual([0, 0, 1, 0])
    expect(await source.read(8, 9)).toEqual(bytes(8, 9))
    expect(await source.read(0, 25)).toEqual(bytes(0, 25))
    expect(parts.map(({ opens }) => opens)).toEqual([1, 0, 1, 1])
    expect(parts[2]!.reads).toEqual(['0+5', '0+5', '0+5'])
    for (let at = 0; at <= 25; at++) for (let length = 0; at + length <= 25; length++) expect(await source.read(at, length)).toEqual(bytes(at, length))
  })

  it('has no byte outside of its parts', async () => {
    const source = concat([counted(0, 3)])
    for (const [at, length] of [[0, 4], [3, 1], [-1, 1], [0, -1], [0.5, 1]] as const) {
      await expect(source.read(at, length)).rejects.toEqual(coded('IO_OUT_OF_RANGE'))
      expect(() => source.peek(at, length)).toThrow(IoError)
    }
    expect(await concat([]).read(0, 0)).toEqual(new Uint8Array(0))
  })

  it('shows without I/O what an open part shows, within one part', async () => {
    const source = concat([counted(0, 4), counted(4, 4)])
    expect(source.peek(0, 4)).toBeUndefined()
    await source.read(0, 8)
    expect(source.peek(5, 3)).toEqual(bytes(5, 3))
    expect(source.peek(3, 2)).toBeUndefined()
  })

  it('opens a part once for those who want it at the same time, and again when that failed', async () => {
    const part = counted(0, 4)
    let failing = true
    const source = concat([{ sizeBytes: 4, open: () => failing ? Promise.reject(new IoError('IO_FAILED', 'not now')) : part.open() }])
    await expect(Promise.all([source.read(0, 1), source.read(1, 1)])).rejects.toEqual(coded('IO_FAILED'))
    failing = false
    expect(await Promise.all([source.read(0, 1), source.read(1, 1), source.read(2, 2)])).toEqual([bytes(0, 1), bytes(1, 1), bytes(2, 2)])
    expect(part.opens).toBe(1)
  })

  it('refuses a part that is not as long as it was, and closes it', async () => {
    const part = counted(0, 4)
    const source = concat([counted(0, 2), { sizeBytes: 5, open: part.open }])
    await expect(source.read(2, 1)).rejects.toEqual(expect.objectContaining({ code: 'IO_SOURCE_CHANGED', offset: 2 }))
    expect(part.closes).toBe(1)
    expect(await source.read(0, 2)).toEqual(bytes(0, 2))
  })

  it('lets one who aborts leave, while others have their bytes', async () => {
    let release = (): void => {}
    const gate = new Promise<void>((resolve) => { release = resolve })
    const part = counted(0, 4)
    const source = concat([{ sizeBytes: 4, open: async () => { await gate; return part.open() } }])
    const leaving = new AbortController()
    const left = source.read(0, 2, { signal: leaving.signal })
    const stays = source.read(2, 2)
    leaving.abort(new Error('left'))
    await expect(left).rejects.toBe(leaving.signal.reason)
    release()
    expect(await stays).toEqual(bytes(2, 2))
    await expect(source.read(0, 1, { signal: leaving.signal })).rejects.toBe(leaving.signal.reason)
  })

  it('closes what it opened once, after the reads under way', async () => {
    const parts = [counted(0, 4), counted(4, 4)]
    const source = concat(parts)
    const reading = source.read(0, 3)
    const closing = source.close()
    expect(await reading).toEqual(bytes(0, 3))
    await closing
    await source.close()
    expect(parts.map(({ closes }) => closes)).toEqual([1, 0])
    await expect(source.read(0, 1)).rejects.toEqual(coded('IO_CLOSED'))
  })

  it('has an identity of its own unless one is given', () => {
    const identity = { kind: 'version', tag: 'a', sizeBytes: 4 } as const
    expect(concat([counted(0, 4)], { identity }).identity).toEqual(identity)
    expect(concat([counted(0, 4)]).identity).toMatchObject({ kind: 'file', sizeBytes: 4 })
    expect(() => concat([{ sizeBytes: 1.5, open: counted(0, 1).open }])).toThrow(RangeError)
  })
})
