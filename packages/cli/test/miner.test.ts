/** `Miner` of the configuration: the actor whose sectors hold the pieces that a store takes itself. */
import { createHash } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, makeBlocks } from '@dagstore-tooling/fixtures'
import { systemClock } from '@dagstore/io'
import { createCommP, pieceCidV1 } from '@dagstore/piece'
import { createPieceEngine } from '@dagstore/piece/node'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { openShardStore } from '../src/compose.ts'
import { openDeals } from '../src/daemon/deals.ts'
import { createLogs } from '../src/log/logs.ts'
import { commandFile, startDaemon } from './daemon-process.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

const proposal = CID.decode(Uint8Array.of(1, 0x71, 0x12, 0x20, ...createHash('sha256').update('deal').digest()))

/** A store with one deal that waits for its data, `payload.car`. */
const waitingDeal = async (): Promise<string> => {
  const cwd = await temporaryFolder()
  const blocks = makeBlocks(33, 4, { min: 100, max: 300 })
  const car = carV1([blocks[0]!.cid], blocks)
  await writeFile(join(cwd, 'payload.car'), car)
  const store = await openShardStore({ path: join(cwd, '.dagstore'), label: '.dagstore' })
  const deals = await openDeals(store, await store.openPieces(), { miner: 2001n, log: createLogs({ write: () => {}, clock: systemClock, level: 'error', format: 'text', colors: false }).of('deals') })
  const commp = createCommP({ engine: createPieceEngine() })
  commp.write(car)
  const { commitment, paddedBytes } = commp.finish()
  await deals.accept({
    proposalCid: proposal,
    transferType: 'manual',
    proposal: {
      pieceCid: pieceCidV1(commitment), pieceSize: paddedBytes, verifiedDeal: true, client: 'f01001', provider: 'f02001', label: '',
      startEpoch: 100n, endEpoch: 2100n, storagePricePerEpoch: 0n, providerCollateral: 0n, clientCollateral: 0n,
    },
  })
  await deals.close()
  await store.close()
  return cwd
}

it.each([{ way: 'the store itself', remote: false }, { way: 'a daemon', remote: true }])('names the sectors that $way writes', async ({ remote }) => {
  const cwd = await waitingDeal()
  await writeFile(join(cwd, '.dagstore', 'config.toml'), '[Deals]\nMiner = "f02001"\n')
  if (remote) await startDaemon(bin, [], { cwd })
  const run = await dagstore(cwd, ['storage-deals', 'import-data', proposal.toString(), 'payload.car'])
  expect(run.code, run.stderr).toBe(0)
  while (!(await dagstore(cwd, ['storage-deals', 'list'])).stdout.includes('StorageDealActive')) await new Promise((resolve) => { setTimeout(resolve, 20) })
  expect((await readdir(join(cwd, '.dagstore', 'unsealed'))).filter((name) => name.startsWith('s-'))).toEqual(['s-t02001-1'])
})
