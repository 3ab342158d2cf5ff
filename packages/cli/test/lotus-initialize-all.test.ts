/** `initialize-all` where Lotus's failed: its limits and its options. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeSectorStore } from '@dagstore-tooling/fixtures'
import { describe, expect, it } from 'vitest'
import { InterruptedError } from '../src/terminal.ts'
import { commandFile, startDaemon } from './daemon-process.ts'
import { dagstore, temporaryFolder } from './terminal.ts'

const bin = await commandFile()

/** Shards of pieces in sectors, one of which has only a sealed copy. */
const migrated = async (): Promise<{ readonly cwd: string, readonly pieces: number }> => {
  const cwd = await temporaryFolder()
  const storage = await makeSectorStore(join(cwd, 'mnt'), { sectors: 4, piecesPerSector: 1, trouble: false })
  const deals = storage.deals.filter((deal, at, all) => all.findIndex(({ pieceCid }) => pieceCid === deal.pieceCid) === at)
  await writeFile(join(cwd, 'deals.ndjson'), deals.map(({ pieceCid, dealId, miner, sector, offsetPadded, lengthPadded }) => `${JSON.stringify({ pieceCid, dealId, miner: Number(miner), sector: Number(sector), offsetPadded, lengthPadded })}\n`).join(''))
  const { miner, sector } = deals[0]!
  await rm(storage.sectors.find((known) => known.miner === miner && known.sector === sector)!.file!)
  expect((await dagstore(cwd, ['migrate', '--from', 'file', 'deals.ndjson', '--storage', 'mnt/repo'])).code).toBe(0)
  return { cwd, pieces: deals.length }
}

describe.each([{ way: 'on the store itself', remote: false }, { way: 'against a daemon', remote: true }])('initialize-all $way', ({ remote }) => {
  const place = async (): Promise<{ readonly cwd: string, readonly pieces: number }> => {
    const made = await migrated()
    if (remote) await startDaemon(bin, [], { cwd: made.cwd })
    return made
  }

  it('L1: takes what is sealed with --include-sealed, which Lotus defined and did not read, and no limit for 0, where Lotus hung', async () => {
    const { cwd, pieces } = await place()
    const unsealed = await dagstore(cwd, ['initialize-all', '--concurrency', '0'])
    expect(unsealed.code, unsealed.stderr).toBe(0)
    expect(unsealed.stdout.match(/SUCCESS\n/g)).toHaveLength(pieces - 1)
    const sealed = await dagstore(cwd, ['initialize-all', '--concurrency', '0', '--include-sealed'])
    expect(sealed.code).toBe(1)
    expect(sealed.stdout).toMatch(/^\(1\/1\) \S+ STARTING\n\(1\/1\) \S+ ERROR DAGSTORE_SHARD_ERRORED: .*(?:PIECE_SEALED|MOUNT_)/)
    expect(sealed.stderr).toMatch(/\n0 ok, 1 failed\n$/)
    expect((await dagstore(cwd, ['initialize-all', '--concurrency', '-1'])).code).toBe(2)
  })

  it('L1: ends at once when interrupted, and leaves nothing that holds up the next one', async () => {
    const { cwd } = await place()
    const controller = new AbortController()
    const cut = await dagstore(cwd, ['initialize-all', '--concurrency', '1'], { signal: controller.signal, onResult: () => { controller.abort(new InterruptedError('interrupted')) } })
    expect(cut.code).toBe(130)
    expect(cut.stderr).toMatch(/\d ok, 0 failed\ndagstore: interrupted; run the same command again to go on\n$/)
    expect((await dagstore(cwd, ['initialize-all'])).code).toBe(0)
  })
})

describe('initialize-all --bytes-per-second', () => {
  it('is taken as the configuration takes it, and left to a daemon that there is', async () => {
    const { cwd, pieces } = await migrated()
    expect((await dagstore(cwd, ['initialize-all', '--bytes-per-second', 'fast'])).code).toBe(2)
    const run = await dagstore(cwd, ['initialize-all', '--bytes-per-second', '64MiB'])
    expect(run.code, run.stderr).toBe(0)
    expect(run.stdout.match(/SUCCESS\n/g)).toHaveLength(pieces - 1)
    await startDaemon(bin, [], { cwd })
    const refused = await dagstore(cwd, ['initialize-all', '--bytes-per-second', '64MiB'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('BytesPerSecond')
  })
})
