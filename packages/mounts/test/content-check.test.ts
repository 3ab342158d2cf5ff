import { createMemoryDirectory } from '@dagstore/io'
import { describe, expect, it } from 'vitest'
import { type ContentChecker, openTransients, sequential, verifying, type Mount } from '../src/index.ts'
import { bytesOf, createTape, filesIn } from './tape.ts'

const BYTES = bytesOf(5000)
const V1 = 'baga6ea4seaqao7s73y24kcutaosvacpdjgfe5pw76ooefnyqw4ynr3d2y6x2mpq'
const ROOT = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy'

/** Says what it was asked for; everything but `right` is wrong. */
const asking = (right: string): { readonly checker: ContentChecker, readonly asked: string[] } => {
  const asked: string[] = []
  return {
    asked,
    checker: ({ cid }) => {
      asked.push(cid)
      let length = 0
      return { update: (bytes) => { length += bytes.byteLength }, matches: () => cid === right && length === BYTES.byteLength }
    },
  }
}

describe('a copy', () => {
  it.each([
    { why: 'its key is a piece CID', key: V1, url: 'tape:x' },
    { why: 'its URL ends with one', key: 'k', url: `https://example.com/piece/${V1}` },
    { why: 'its URL ends with one and an ending', key: 'k', url: `https://example.com/${V1}.car?x=y` },
    { why: 'it is a Lotus mount', key: 'k', url: `lotus://${V1}` },
  ])('is checked as a piece when $why', async ({ key, url }) => {
    for (const right of [V1, 'other']) {
      const directory = createMemoryDirectory()
      const { checker, asked } = asking(right)
      const transients = await openTransients({ directory, checker })
      const opening = transients.open({ ...createTape(BYTES).mount, url }, { key, generation: 1 })
      if (right === V1) await (await opening).close()
      else await expect(opening).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH' })
      expect(asked).toEqual([V1])
      expect(await filesIn(directory)).toHaveLength(right === V1 ? 1 : 0)
      await transients.close()
    }
  })

  it('is checked as its content first, and never as a block that a key or URL names', async () => {
    const { checker, asked } = asking(ROOT)
    const transients = await openTransients({ directory: createMemoryDirectory(), checker })
    const tape = createTape(BYTES)
    await (await transients.open({ ...tape.mount, url: `https://example.com/${ROOT}.car` }, { key: ROOT, generation: 1 })).close()
    expect(asked).toEqual([])
    tape.identity = { kind: 'content', cid: ROOT, sizeBytes: 5000 }
    await (await transients.open(tape.mount, { key: V1, generation: 1 })).close()
    expect(asked).toEqual([ROOT])
    await transients.close()
  })

  it('is checked by a verifying mount by the piece that its URL names', async () => {
    const mount: Mount = { ...createTape(BYTES).mount, url: `lotus://${V1}` }
    for (const right of [V1, 'other']) {
      const opened = await verifying(mount, { checker: asking(right).checker }).open()
      if (opened.access === 'random') throw new Error('not sequential')
      const reading = (async () => { let got = 0; for await (const chunk of opened.stream(0)) got += chunk.byteLength; return got })()
      if (right === V1) expect(await reading).toBe(5000)
      else await expect(reading).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH' })
    }
  })
})

describe('a source that is opened again to be read in order', () => {
  it.each([
    { why: 'has another tag', tag: '"2"' },
    { why: 'no longer says its tag', tag: undefined },
  ])('is not taken for the same when it $why', async ({ tag }) => {
    let opens = 0
    const source = { sizeBytes: 5000, cost: { kind: 'remote', seekBytes: 1 } as const, read: async (at: number, length: number) => BYTES.slice(at, at + length), peek: () => undefined, close: async () => {}, [Symbol.asyncDispose]: async () => {} }
    const mount: Mount = {
      url: 'x:y',
      stat: async () => ({ exists: true, sizeBytes: 5000, ready: true, access: 'random' }),
      open: async () => ({
        access: 'random',
        source: { ...source, identity: opens++ === 0 ? { kind: 'version', tag: '"1"', sizeBytes: 5000 } : tag === undefined ? { kind: 'file', sizeBytes: 5000, mtimeNs: 0n, inode: 1n } : { kind: 'version', tag, sizeBytes: 5000 } },
      }),
    }
    const opened = await sequential(mount).open()
    if (opened.access === 'random') throw new Error('not sequential')
    for (const from of [0, 1000]) {
      await expect((async () => { for await (const _ of opened.stream(from)); })()).rejects.toMatchObject({ code: 'IO_SOURCE_CHANGED' })
    }
  })
})
