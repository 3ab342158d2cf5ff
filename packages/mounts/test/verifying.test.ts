import { createHash } from 'node:crypto'
import { createMemoryDirectory } from '@dagstore/io'
import { CID } from 'multiformats/cid'
import { create as createMultihash } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { bytesMount, bytesUrl, digestChecker, type Mount, openTransients, sequential, verifying } from '../src/index.ts'
import { mountSuite } from '../src/suite.ts'
import { bytesOf, createTape } from './tape.ts'

const checker = digestChecker({ 0x12: () => createHash('sha256') })
const digestOf = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
const contentOf = (bytes: Uint8Array): string => CID.createV1(0x55, createMultihash(0x12, digestOf(bytes))).toString()
const BYTES = bytesOf(10_000)

const place = (over: (mount: Mount) => Mount) => async () => ({
  factory: { scheme: 'bytes', mount: (url: string) => over(bytesMount().mount(url)) },
  put: async (bytes: Uint8Array) => bytesUrl(bytes),
  missing: undefined,
})
const api = { describe, it, expect }
mountSuite('bytes, verified as a whole', api, { open: place((mount) => verifying(mount, { checker })), badUrls: ['bytes:a'] })
mountSuite('bytes, in order', api, { open: place(sequential), badUrls: ['bytes:a'] })

describe('verifying', () => {
  it('D25: finds wrong bytes at the end of a stream, also of one that begins behind the start', async () => {
    const tape = createTape(bytesOf(10_000, 1))
    tape.identity = { kind: 'content', cid: contentOf(BYTES), sizeBytes: 10_000 }
    const opened = await verifying(tape.mount, { checker }).open()
    if (opened.access === 'random') throw new Error('not sequential')
    for (const from of [0, 2500]) {
      let got = 0
      await expect((async () => { for await (const chunk of opened.stream(from)) got += chunk.byteLength })()).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH', retry: 'later' })
      expect(got).toBe(10_000 - from)
    }
  })

  it('refuses what cannot be checked, by name', async () => {
    const tape = createTape(BYTES)
    await expect(verifying(tape.mount, { checker }).open()).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH', retry: 'never' })
    for (const cid of ['no cid', CID.createV1(0x70, createMultihash(0x12, digestOf(BYTES))).toString(), CID.createV1(0x55, createMultihash(0x1e, new Uint8Array(32))).toString()]) {
      tape.identity = { kind: 'content', cid, sizeBytes: 10_000 }
      await expect(verifying(tape.mount, { checker }).open()).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH' })
    }
  })

  it('makes random access sequential where only the whole can be checked: copied and checked once', async () => {
    const transients = await openTransients({ directory: createMemoryDirectory() })
    const mount = verifying(bytesMount().mount(bytesUrl(BYTES)), { checker })
    const source = await transients.open(mount, { key: 'k', generation: 1 })
    expect(await source.read(7000, 10)).toEqual(BYTES.slice(7000, 7010))
    await source.close()
    expect(await transients.usage()).toMatchObject({ copies: 1 })
    await transients.close()
  })

  it('checks random reads block by block', async () => {
    const blockBytes = 1000
    const right = Array.from({ length: 10 }, (_, at) => digestOf(BYTES.subarray(at * blockBytes, (at + 1) * blockBytes)))
    const damaged = BYTES.slice()
    damaged[3500]! ^= 1
    const checked: number[] = []
    const mount = verifying(bytesMount().mount(bytesUrl(damaged)), {
      blocks: () => ({
        blockBytes,
        check: (index, bytes) => {
          checked.push(index)
          return Buffer.compare(digestOf(bytes), right[index]!) === 0
        },
      }),
    })
    expect((await mount.stat()).access).toBe('random')
    const opened = await mount.open()
    if (opened.access !== 'random') throw new Error('not random')
    expect(await opened.source.read(1990, 20)).toEqual(BYTES.slice(1990, 2010))
    expect(checked).toEqual([1, 2])
    expect(opened.source.peek(0, 1)).toBeUndefined()
    await expect(opened.source.read(2990, 11)).rejects.toMatchObject({ code: 'MOUNT_HASH_MISMATCH', retry: 'later' })
    expect(await opened.source.read(9999, 1)).toEqual(BYTES.slice(9999))
    await expect(opened.source.read(9999, 2)).rejects.toMatchObject({ code: 'IO_OUT_OF_RANGE' })
    await opened.source.close()
  })
})
