/** Files that change, disks that are full, hosts that lie: said so by code, nothing wrong is kept, and it comes through when that is mended. */
import { seededBytes } from '@dagstore-tooling/fixtures'
import type { ClientDeal } from '@dagstore/deal-client'
import type { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { below, collect, PROVIDER, Sides, sorted, userFiles } from './two-sides/both-sides.ts'
import { PASS } from './two-sides/wire.ts'

const BIG = 2_300_000
const PATH = '/home/data/big.bin'

const come = async (sides: Sides, root: CID): Promise<void> => {
  const got = await sides.retrieve(root)
  expect(got).toMatchObject({ state: 'DealStatusCompleted', message: '' })
  expect(sorted(await sides.exported(got))).toEqual(below(sides.user))
}

/** It waits for somebody, or for its time. */
const failed = (sides: Sides, proposalCid: CID): Promise<ClientDeal> => sides.dealIs(proposalCid, ({ failure }) => failure !== undefined)

describe('a file that was imported by reference', () => {
  const changes: Readonly<Record<string, (sides: Sides, bytes: Uint8Array) => void>> = {
    changed: ({ user }, bytes) => { user.set(PATH, bytes.map((byte, at) => (at === 2_000_000 ? byte ^ 1 : byte))) },
    shorter: ({ user }, bytes) => { user.set(PATH, bytes.slice(0, 1_500_000)) },
    gone: ({ user }) => { user.delete(PATH) },
  }

  it.each(Object.entries(changes))('L15: is %s before its deal, and that is said at once: nothing is proposed', async (_, change) => {
    const sides = await Sides.open({ seed: 'source', user: userFiles(BIG) })
    const root = await sides.import()
    const bytes = sides.user.get(PATH)!
    change(sides, bytes)
    const error: unknown = await sides.during(sides.client.deals.start({ provider: PROVIDER, root })).then(() => undefined, (thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: expect.any(String) as unknown, message: expect.stringMatching(/REF_CAR_|reference|file/) as unknown })
    expect(await collect(sides.provider.deals.deals())).toEqual([])
    sides.user.set(PATH, bytes)
    await sides.deal(root)
    await come(sides, root)
    await sides.close()
  })

  it.each(Object.entries(changes).flatMap(([what, change]) => (['http-push', 'http-pull'] as const).map((how) => [what, how, change] as const)))('L15: is %s before its data go: the deal waits, nothing wrong is sealed, and it goes on when the file is back: %s', async (_, transferType, change) => {
    const sides = await Sides.open({ seed: 'source', user: userFiles(BIG) })
    const root = await sides.import()
    const bytes = sides.user.get(PATH)!
    const { proposalCid } = await sides.during((async () => {
      // what it has said of its piece is remembered
      await sides.client.deals.commP(root)
      change(sides, bytes)
      return sides.client.deals.start({ provider: PROVIDER, root, transferType })
    })())
    if (transferType === 'http-push') {
      const { failure, state } = await failed(sides, proposalCid)
      expect(failure).toMatchObject({ code: 'TRANSFER_SOURCE_FAILED', message: expect.stringContaining('REF_CAR_') as unknown })
      expect(state).toBe('StorageDealClientTransferRestart')
    } else {
      await sides.until(async () => (await sides.provider.deals.deal(proposalCid))?.failure !== undefined)
    }
    for (let turns = 0; turns < 500; turns++) await sides.turn()
    expect(await collect(sides.provider.dagstore.shards())).toEqual([])
    expect(await sides.provider.pieces.get((await sides.client.deals.deal(proposalCid))!.proposal.pieceCid)).toEqual([])
    sides.user.set(PATH, bytes)
    await sides.during(sides.client.deals.restartTransfer(proposalCid))
    await sides.active(proposalCid)
    await come(sides, root)
    await sides.close()
  })
})

describe('a full disk', () => {
  it('at the provider stops the data of a deal where they are, and lets them go on when there is room', async () => {
    const sides = await Sides.open({ seed: 'full provider', user: userFiles(BIG), capacity: { provider: 12_000_000 } })
    const { fs } = sides.world('provider')
    const root = await sides.import()
    fs.plant('ballast', seededBytes(1, 10_500_000))
    const { proposalCid } = await sides.during(sides.client.deals.start({ provider: PROVIDER, root }))
    const { failure } = await failed(sides, proposalCid)
    expect(failure).toMatchObject({ retry: 'later' })
    expect(await collect(sides.provider.dagstore.shards())).toEqual([])
    await sides.files('provider').remove('ballast')
    await sides.active(proposalCid)
    await come(sides, root)
    await sides.until(() => sides.staged().length === 0)
    await sides.close()
  })

  it('at the client stops a retrieval by its code, and the same one goes on when there is room', async () => {
    const sides = await Sides.open({ seed: 'full client', user: userFiles(BIG), capacity: { client: 12_000_000 } })
    const { fs } = sides.world('client')
    const root = await sides.import()
    await sides.deal(root)
    fs.plant('ballast', seededBytes(1, 10_000_000))
    const refused = await sides.retrieve(root)
    expect(refused).toMatchObject({ state: 'DealStatusErrored', message: expect.stringContaining('no space left') as unknown })
    await sides.files('client').remove('ballast')
    await come(sides, root)
    expect((await collect(sides.client.retrievals.retrievals())).map(({ id }) => id)).toEqual([refused.id])
    await sides.close()
  })
})

describe('a provider that lies', () => {
  it('about one block is left by its name and why, nothing of it is kept, and another one gives the rest', async () => {
    const sides = await Sides.open({ seed: 'liar', user: userFiles(BIG) })
    const root = await sides.import()
    await sides.deal(root)
    const { handler } = sides.provider
    const wrong: typeof handler = async (request) => {
      const answer = await handler(request)
      if (answer?.body == null || !new URL(request.url).pathname.includes('/ipfs/')) return answer
      const bytes = new Uint8Array(await answer.arrayBuffer())
      const at = bytes.byteLength >> 1
      bytes[at] = bytes[at]! ^ 1
      return new Response(bytes, { status: answer.status, headers: answer.headers })
    }
    sides.replace('provider', { handler: wrong })
    const refused = await sides.retrieve(root)
    expect(refused).toMatchObject({ state: 'DealStatusErrored', code: 'TRANSFER_HASH_MISMATCH' })
    const got = await sides.retrieve(root, { providers: [PROVIDER, 'http://gateway.test/'] })
    expect(got).toMatchObject({ id: refused.id, state: 'DealStatusCompleted', from: 'http://gateway.test' })
    expect(sorted(await sides.exported(got))).toEqual(below(sides.user))
    sides.fate = () => PASS
    await sides.close()
  })
})
