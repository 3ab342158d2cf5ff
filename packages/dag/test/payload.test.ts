import { CarReader } from '@ipld/car/reader'
import { describe, expect, it } from 'vitest'
import { payloadForm, payloadSize, walkDag } from '../src/index.ts'
import { all, cidOf, IDENTITY, joined, MemoryDag, text } from './blocks.ts'

const sample = (): { dag: MemoryDag, root: ReturnType<MemoryDag['raw']> } => {
  const dag = new MemoryDag()
  const empty = dag.add(new Uint8Array(0))
  const leaf = dag.raw('leaf')
  const tiny = dag.add(text('tiny'), 0x55, IDENTITY)
  const inner = dag.pb([leaf, tiny, empty])
  return { dag, root: dag.pb([inner, leaf, tiny, dag.add(new Uint8Array(100_000).fill(7))]) }
}

describe('payloadForm', () => {
  it('is a CARv1 with the one root and the sections of the walk, identity CIDs among them', async () => {
    const { dag, root } = sample()
    const bytes = await joined(payloadForm(dag, root))
    const reader = await CarReader.fromBytes(bytes)
    expect((await reader.getRoots()).map(String)).toEqual([String(root)])
    const sections = await all(reader.blocks())
    const walked = await all(walkDag(dag, root))
    expect(sections.map(({ cid }) => String(cid))).toEqual(walked.map(({ cid }) => String(cid)))
    expect(sections.map(({ bytes }) => bytes)).toEqual(walked.map(({ bytes }) => bytes))
    expect(sections.some(({ cid }) => cid.multihash.code === IDENTITY)).toBe(true)
  })

  it('has the size that payloadSize counts, of a DAG with shared blocks too (go-car 2.6.5)', async () => {
    const { dag, root } = sample()
    expect(await payloadSize(dag, root)).toEqual({ bytes: (await joined(payloadForm(dag, root))).byteLength, blocks: 6 })
  })

  it('gives small blocks whole, and asks for one only when what came before was consumed', async () => {
    const { dag, root } = sample()
    const payload = payloadForm(dag, root)
    for (let i = 0; i < 3; i++) await payload.next()
    expect(dag.asked).toHaveLength(3)
  })

  it('leaves nothing behind when its consumer stops: the store\'s generator is ended', async () => {
    const { dag, root } = sample()
    let open = 0
    const store = {
      async * get (cid: typeof root): AsyncGenerator<Uint8Array> {
        open++
        try { yield * dag.get(cid) } finally { open-- }
      },
    }
    for await (const chunk of payloadForm(store, root)) {
      expect(chunk.byteLength).toBeGreaterThan(0)
      break
    }
    expect(open).toBe(0)
    const ended = payloadForm(store, root)
    await ended.next()
    expect(await ended.return()).toMatchObject({ done: true })
  })

  it('gives nothing, its header neither, before the root is there (as go-car\'s DeferredCarWriter before the first block)', async () => {
    const given: Uint8Array[] = []
    const missing = (async () => { for await (const chunk of payloadForm(new MemoryDag(), cidOf(text('lost')))) given.push(chunk) })()
    await expect(missing).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    expect(given).toEqual([])
  })

  it('rejects with what the walk rejects with, at whatever place', async () => {
    const dag = new MemoryDag()
    await expect(joined(payloadForm(dag, cidOf(text('lost'))))).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    const root = dag.cbor([dag.raw('a'), cidOf(text('lost'))])
    await expect(joined(payloadForm(dag, root))).rejects.toMatchObject({ code: 'BLOCKSTORE_NOT_FOUND' })
    const reason = new Error('enough')
    await expect(joined(payloadForm(dag, root, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason)
  })
})
