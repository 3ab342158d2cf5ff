/** What comes of answers that cannot be brought to their end: blocks that are lost, broken or too large. */
import { duplicateFiles, missingBlock, multiblockText, rawNode, shardedDirectory, streamedFile, subdirMixedFiles, threeBlockFile, unixfsDirectory } from '@dagstore-tooling/fixtures/gateway'
import { BlockstoreError } from '@dagstore/read-blockstore'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { type Answered, cidOf, inEveryForm, withPlace } from './harness.ts'
import { openTestStore, type TestStore } from './store.ts'

const streamed = streamedFile(1 << 14)
const leaves = streamed.blocks.slice(1)
const late = CID.decode(leaves[200]!.cid)
const target = `/ipfs/${cidOf(streamed)}?format=car`

/** What a reader has of the leaves when it goes by their bytes alone. */
const hasBytes = ({ body }: Answered, bytes: Uint8Array): boolean => Buffer.from(body).includes(Buffer.from(bytes))

inEveryForm('a block that is lost while a CAR is sent', (form) => {
  const ways: Readonly<Record<string, (store: TestStore) => void>> = {
    'absent from the beginning': (store) => { store.remove(late) },
    'removed on the way': (store) => { store.before = (cid) => { if (cid.equals(CID.decode(leaves[100]!.cid))) store.remove(late) } },
    'corrupted': (store) => { store.altered.set(late.toString(), Uint8Array.from(leaves[200]!.data).fill(1, 70, 71)) },
    'cut': (store) => { store.altered.set(late.toString(), leaves[200]!.data.subarray(1)) },
    'unreadable': (store) => { store.before = (cid) => { if (cid.equals(late)) throw new BlockstoreError('BLOCKSTORE_UNREADABLE', 'bad sector', { cid }) } },
    'of a store that was closed': (store) => { store.before = (cid) => { if (cid.equals(late)) throw new BlockstoreError('BLOCKSTORE_CLOSED', 'closed') } },
  }
  it.each(Object.keys(ways))('%s: the answer begins, and is not ended as a whole one', async (way) => {
    const blockstore = openTestStore(streamed.blocks)
    ways[way]!(blockstore)
    await withPlace(form, { blockstore }, async (place) => {
      const answered = await place.ask(target)
      expect({ status: answered.status, whole: answered.whole }).toEqual({ status: 200, whole: false })
      expect(hasBytes(answered, leaves[200]!.data.subarray(70, 200))).toBe(false)
      expect(hasBytes(answered, leaves[3]!.data)).toBe(true)
    })
  })

  it('harms no other answer on the same connection', async () => {
    const blockstore = openTestStore(streamed.blocks)
    blockstore.add(...multiblockText.blocks)
    blockstore.remove(late)
    await withPlace(form, { blockstore }, async (place) => {
      const both = await Promise.all([place.ask(target), place.ask(`/ipfs/${cidOf(leaves[0]!)}?format=raw`)])
      expect(both.map(({ status, whole }) => ({ status, whole }))).toEqual([{ status: 200, whole: false }, { status: 200, whole: true }])
      expect((await place.ask(`/ipfs/${cidOf(multiblockText)}?format=car`)).whole).toBe(true)
    })
  })
})

inEveryForm('a block that is lost before a CAR begins', (form) => {
  const at = async (path: string, store: TestStore): Promise<{ status: number, whole: boolean, code: string | undefined }> => {
    let found: { status: number, whole: boolean, code: string | undefined } | undefined
    await withPlace(form, { blockstore: store }, async (place) => {
      const { status, whole, headers } = await place.ask(`/ipfs/${path}`)
      found = { status, whole, code: headers['x-error-code'] }
    })
    return found!
  }
  const root = CID.decode(subdirMixedFiles.block.cid)

  it.each(['raw', 'car'])('is never 200 for a root that is unreadable or corrupted, as %s', async (format) => {
    const unreadable = openTestStore()
    unreadable.before = (cid) => { throw new BlockstoreError('BLOCKSTORE_UNREADABLE', 'bad sector', { cid }) }
    const corrupted = openTestStore()
    corrupted.altered.set(root.toString(), Uint8Array.of(1, 2, 3))
    for (const store of [unreadable, corrupted]) expect((await at(`${root.toString()}?format=${format}`, store)).status).toBeGreaterThanOrEqual(500)
  })

  it('is 404 on the way of a path', async () => {
    const store = openTestStore()
    store.remove(CID.decode(subdirMixedFiles.blocks[1]!.cid))
    expect((await at(`${root.toString()}/subdir/ascii.txt?format=car`, store)).status).toBe(404)
  })

  it('is 404 at the end of a path', async () => {
    const store = openTestStore()
    store.remove(CID.decode(multiblockText.block.cid))
    expect((await at(`${root.toString()}/subdir/multiblock.txt?format=car`, store)).status).toBe(404)
  })
})

inEveryForm('a block that is lost beside what is asked for', (form) => {
  it('is not missed', async () => {
    await withPlace(form, { blockstore: openTestStore() }, async (place) => {
      expect((await place.ask(`/ipfs/${cidOf(threeBlockFile)}?format=car`)).whole).toBe(false)
      expect((await place.ask(`/ipfs/${cidOf(threeBlockFile)}?format=car&entity-bytes=0:1023`)).whole).toBe(true)
      expect((await place.ask(`/ipfs/${cidOf(missingBlock)}?format=raw`)).status).toBe(404)
    })
  })
})

inEveryForm('a block that is too large', (form) => {
  const large = rawNode(new Uint8Array(300_000).fill(7))
  const directory = unixfsDirectory({ 'large.bin': large })
  const limits = { request: { maxBlockBytes: 200_000 } }

  it('is refused as a raw block, and ends a CAR that it is in', async () => {
    await withPlace(form, { blockstore: openTestStore(directory.blocks), limits }, async (place) => {
      const raw = await place.ask(`/ipfs/${cidOf(large)}?format=raw`)
      expect(raw.status).toBeGreaterThanOrEqual(400)
      expect(raw.headers['x-error-code']).toBeDefined()
      const car = await place.ask(`/ipfs/${cidOf(directory)}?format=car`)
      expect(car.whole && car.status === 200).toBe(false)
    })
    await withPlace(form, { blockstore: openTestStore(directory.blocks) }, async (place) => {
      expect((await place.ask(`/ipfs/${cidOf(large)}?format=raw`)).body.byteLength).toBe(300_000)
    })
  })
})

inEveryForm('a CAR that is larger than a limit', (form) => {
  it.each([
    { of: 'bytes', request: { maxBytes: 100_000 } }, { of: 'blocks', request: { maxBlocks: 20 } }, { of: 'CIDs', request: { maxCids: 20 } }, { of: 'depth', request: { maxDepth: 1 } },
  ])('is broken off: $of', async ({ request }) => {
    await withPlace(form, { blockstore: openTestStore(), limits: { request } }, async (place) => {
      const answered = await place.ask(`/ipfs/${cidOf(shardedDirectory)}?format=car${'maxCids' in request ? '' : '&car-dups=y'}`)
      expect({ status: answered.status, whole: answered.whole }).toEqual({ status: 200, whole: false })
      expect((await place.ask(`/ipfs/${cidOf(duplicateFiles)}?format=car&dag-scope=block`)).whole).toBe(true)
    })
  })
})
