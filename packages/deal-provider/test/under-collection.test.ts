/** Deals, readers and a collection every millisecond at once on a real folder, and a process that ends in the middle of them. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProviderDeal } from '@dagstore/deal-protocol'
import { systemClock } from '@dagstore/io'
import { createPieceLoader, sectorPieceSource } from '@dagstore/lotus-mount'
import { lotusMount } from '@dagstore/lotus-mount/mount'
import { localSectors } from '@dagstore/lotus-mount/node'
import { localFiles } from '@dagstore/mounts/node'
import { openDagstore } from '@dagstore/node'
import { openPieceStore, type PieceStore } from '@dagstore/piece-store'
import { describe, expect, it } from 'vitest'
import { createShardLoader, createUnsealedSealing, type DealProblem, type ImportSource, openDealProvider } from '../src/index.ts'
import { clean, codeOf, collect, dealOf, engine, inState, makeCar, turn, withShard } from './harness.ts'

const DEALS = 12
const MODES: readonly NonNullable<ImportSource['mode']>[] = ['copy', 'borrow', 'move']
const cars = Array.from({ length: DEALS }, (_, at) => makeCar(100 + at, 8, 3000))
const deals = cars.map(({ bytes }, at) => dealOf(`deal ${at}`, bytes, { dealId: BigInt(at + 1) }))
const keys = deals.map(({ proposal }) => proposal.pieceCid.toString())
const modeOf = (at: number): NonNullable<ImportSource['mode']> => MODES[at % MODES.length]!

const openNode = async (folder: string) => {
  let pieces: PieceStore | undefined
  const pieceLoader = createPieceLoader([sectorPieceSource({ pieceStore: { get: async (piece) => pieces?.get(piece) ?? [] }, openSectorFile: localSectors([folder]), fr32: engine })])
  const dagstore = await openDagstore(folder, { mounts: [lotusMount(pieceLoader)] })
  const { db, files } = dagstore
  pieces = await openPieceStore(db)
  const problems: DealProblem[] = []
  const provider = await openDealProvider({
    db, files, dagstore, pieces, engine, clock: systemClock, onProblem: (problem) => { problems.push(problem) },
    sealing: createUnsealedSealing({ db, files, pieces, miner: 1000n, engine }), localFiles: localFiles({ folder: join(folder, 'deal-staging'), root: folder }),
  })
  const loader = createShardLoader({ dagstore, gcIntervalMs: 1, recoveries: 0 })
  const close = async (): Promise<void> => {
    await loader.close()
    await provider.close()
    await dagstore.close()
    await pieceLoader.close()
  }
  return { dagstore, files, pieces, problems, provider, loader, close }
}
type Node = Awaited<ReturnType<typeof openNode>>

/** Counts collections, and reads whatever can be read, until it is stopped. */
const load = ({ loader }: Node) => {
  const seen = { blocks: 0, collections: 0, wrong: [] as unknown[] }
  let stopped = false
  const counting = (async () => {
    for await (const event of loader.events()) {
      if (event.type !== 'gc') continue
      seen.collections++
      if (event.report === undefined || event.report.failures > 0) seen.wrong.push(event)
    }
  })()
  const reading = async (start: number): Promise<void> => {
    for (let at = start; !stopped; at = (at + 1) % DEALS) {
      await turn()
      // what nobody has yet is not asked for: it would be registered by that
      const store = await loader.loadShard(deals[at]!.proposal.pieceCid).catch(() => undefined)
      if (store === undefined) continue
      try {
        for (const { cid, data } of cars[at]!.blocks) {
          const [bytes] = await collect(store.get(cid))
          if (Buffer.compare(bytes!, data) !== 0) seen.wrong.push(`other bytes; deal=${at}`)
          seen.blocks++
        }
      } catch (error) {
        // the sector is written to all the time: for now, never for good
        if ((error as { readonly cause?: { readonly retry?: unknown } }).cause?.retry !== 'later') seen.wrong.push(error)
      }
      await store.close()
    }
  }
  const readers = Promise.all([reading(0), reading(4), reading(8)])
  const stop = async (): Promise<void> => {
    stopped = true
    await readers
    await loader.close()
    await counting
  }
  return { seen, stop }
}

describe('a provider under load', () => {
  it('brings every deal to its shard while all is collected each millisecond, and goes on where its process has ended', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'under-collection-'))
    try {
      let node = await openNode(folder)
      for (const [at, { bytes }] of cars.entries()) {
        await node.files.writeAtomic(`in/${at}.car`, [bytes])
        await node.provider.accept(deals[at]!)
      }
      const total = { blocks: 0, collections: 0, cutOff: 0 }
      const isDone = (deal: ProviderDeal): boolean => inState('StorageDealActive')(deal) && withShard('registered')(deal) && clean(deal)
      // each process gets further: it ends when so many deals are done
      for (const enough of [3, 7, DEALS]) {
        const { seen, stop } = load(node)
        const imports: Promise<unknown>[] = []
        for (let at = 0; at < DEALS; at++) {
          if ((await node.provider.deal(deals[at]!.proposalCid))?.state !== 'StorageDealWaitingForData') continue
          imports.push(codeOf(node.provider.importData(deals[at]!.proposalCid, { path: join(folder, `in/${at}.car`), mode: modeOf(at) })))
        }
        for (let done = 0; done < enough; await turn()) {
          done = (await collect(node.provider.deals())).filter(isDone).length
        }
        if (enough < DEALS) await node.provider.close()
        await stop()
        const ends = await Promise.all(imports)
        expect(ends.filter((code) => code !== undefined && code !== 'DEAL_CLOSED')).toEqual([])
        expect([seen.wrong, node.problems]).toEqual([[], []])
        total.blocks += seen.blocks
        total.collections += seen.collections
        if (enough === DEALS) break
        await node.close()
        node = await openNode(folder)
        total.cutOff += (await collect(node.provider.deals())).filter((deal) => !isDone(deal)).length
      }
      expect([total.blocks > DEALS, total.collections > 10, total.cutOff > 0], JSON.stringify(total)).toEqual([true, true, true])
      expect((await readdir(join(folder, 'deal-staging'), { recursive: true })).filter((name) => name !== '.drafts')).toEqual([])
      for (const [at, { bytes, blocks }] of cars.entries()) {
        // one that was moved in has gone with its deal; the others are as they were
        const left = await readFile(join(folder, `in/${at}.car`)).catch(() => undefined)
        expect(left, modeOf(at)).toEqual(modeOf(at) === 'move' ? undefined : Buffer.from(bytes))
        // a sector that was written to all the time may have been unreadable for now: the store tries it again by itself
        let shard = await node.dagstore.shard(keys[at]!)
        while (shard?.error?.nextRetryAt !== undefined) {
          await turn()
          shard = await node.dagstore.shard(keys[at]!)
        }
        expect(shard, JSON.stringify([modeOf(at), shard])).toMatchObject({ health: 'available', leases: 0, mountUrl: `lotus://${keys[at]}` })
        for (const { cid, data } of blocks) expect(await node.dagstore.blockstore.bytes(cid)).toEqual(data)
        expect(await node.pieces.get(deals[at]!.proposal.pieceCid)).toHaveLength(1)
      }
      await node.close()
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }, 60_000)
})
