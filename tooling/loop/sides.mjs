/**
 * Client and provider as two daemons that know each other by a network alone: import, deal, retrieval, comparison, by the commands that a user
 * gives. Each is killed at moments of the other's requests, the network is cut, files change meanwhile, disks are full.
 */
import { readFileSync, rmSync, truncateSync } from 'node:fs'
import { carV1, carV2, makeBlocks, seededBytes, seededInts } from '@dagstore-tooling/fixtures'
import { openKuboNode } from '@dagstore-tooling/fixtures/ipfs-node'
import { fullDisks } from './full-disks.mjs'
import { createWorlds, pause } from './worlds.mjs'

/** States of Lotus: of deals, of retrievals. */
const [ACTIVE, COMPLETED] = [7, 15]

/** @param loop - what `run.mjs` gives: attempt, must, dagstore, folder, bin, long, Skipped */
export const runSides = async (loop) => {
  const { attempt, must, dagstore, long } = loop
  const open = createWorlds(loop)
  const scenarios = []
  const sides = (title, work) => scenarios.push(() => attempt(`two sides: ${title}`, async () => {
    const world = await open()
    const begun = Date.now()
    try {
      const told = await work(world)
      await world.close()
      return `${told === undefined ? '' : `${told}, `}${Math.round((Date.now() - begun) / 100) / 10} s`
    } finally {
      await world.leave()
    }
  }))

  /** The commands of a user who begins again where a daemon was away; everything that was there stays. */
  const roundTrip = async (world, { bytes, transfer, file = 'in' }) => {
    const { client, provider, toProvider, done, run, write, active, same } = world
    write(file, bytes)
    const again = async (what) => {
      for (let turn = 0; ; turn++) {
        await Promise.all([provider.start(), client.start()])
        const ended = await what()
        if (ended.code === 0) return ended.stdout.trim()
        must(turn < 6, `exit ${ended.code}; ${ended.stderr.slice(-500)}`)
      }
    }
    const root = await again(() => run(['import', '-q', world.path(file)]))
    const list = async () => JSON.parse(await done('list-deals', '--json'))
    let proposal = await again(async () => {
      const ended = await run(['deal', '--no-wait', '--transfer', transfer, '--provider', toProvider.url, root])
      if (ended.code === 0) return ended
      // it may have been written down before its daemon was gone
      await client.start()
      const [known] = await list()
      return known === undefined ? ended : { code: 0, stdout: JSON.stringify(known) }
    })
    proposal = /bafy[a-z0-9]+/.exec(proposal)?.[0]
    await active(proposal)
    must((await list()).length === 1, 'not one deal')
    await again(() => run(['retrieve', '--no-local', '--force', '--provider', toProvider.url, root, world.path(`${file}.out`)]))
    same(`${file}.out`, bytes)
    return { root, proposal }
  }

  const bytes = seededBytes(60, 5_300_000)
  for (const transfer of long ? ['http-push', 'http-pull'] : ['http-push']) {
    sides(`a file goes round, ${transfer}, and nothing is left behind`, async (world) => {
      await roundTrip(world, { bytes, transfer })
      world.noneStaged()
      const retrievals = await world.provider.call('MarketListRetrievalDeals')
      must(retrievals.length === 1 && retrievals[0].Status === COMPLETED, `at the provider the retrieval is ${JSON.stringify(retrievals)}`)
      const [root] = [JSON.parse(await world.done('list-deals', '--json'))[0].DataRef?.Root['/'] ?? JSON.parse(await world.done('local', '--json'))[0].Root['/']]
      await world.done('retrieve', root, world.path('local'))
      world.same('local', bytes)
    })
  }

  /** Moments of requests, with the one who dies there; bytes of the way in which they go. */
  const random = seededInts(61)
  const some = () => 70_000 + random(4_000_000)
  const transferred = { 'http-push': 'PUT transfers', 'http-pull': 'GET payloads' }
  const deaths = (transfer) => [
    ['POST proposals', 'request', 0], ['POST proposals', 'answer', 0],
    ...transfer === 'http-push' ? [['PUT transfers', 'request', some()], ['PUT transfers', 'answer', 0]] : [['GET payloads', 'request', 0], ['GET payloads', 'answer', some()]],
    ['GET deals', 'request', 0], ['GET deals', 'answer', 0], ['POST retrievals', 'request', 0], ['POST retrievals', 'answer', 0], ['GET retrievals', 'answer', some()], ['DELETE retrievals', 'request', 0],
  ]
  const chosen = (transfer) => {
    const all = deaths(transfer).flatMap((moment) => ['client', 'provider'].map((who) => [who, ...moment]))
    if (long) return all.map((one) => [one])
    // each of them in the middle of both ways, in one run
    return [all.filter(([who, request, direction, atBytes]) => atBytes > 0 || (request === 'POST proposals' && direction === (who === 'client' ? 'answer' : 'request')))]
  }
  for (const transfer of ['http-push', 'http-pull']) {
    for (const moments of chosen(transfer)) {
      const title = long ? moments.map(([who, request, direction]) => `the ${who} at ${request}, ${direction}`).join() : 'each of them again and again'
      sides(`killed, ${title}, ${transfer}`, async (world) => {
        const { toProvider, toClient, client, provider } = world
        const dead = []
        for (const [who, request, direction, atBytes] of moments) {
          const network = request === transferred['http-pull'] ? toClient : toProvider
          network.at(request, direction, atBytes, async (end) => {
            dead.push(`${who}: ${request} ${direction}`)
            await world[who].kill()
            end()
            if (who === 'provider') await provider.start()
          }).catch(() => {})
        }
        await roundTrip(world, { bytes, transfer })
        must(dead.length === moments.length, `only ${dead.join(', ')}`)
        world.noneStaged()
        return `${client.kills + provider.kills} kills`
      })
    }
  }

  for (const seed of long ? [1, 2, 3, 4, 5, 6, 7, 8] : [2]) {
    sides(`a network that is cut at any byte; seed=${seed}`, async (world) => {
      const next = seededInts(seed)
      for (const network of [world.toProvider, world.toClient]) network.cuts.push(...Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? Infinity : 200 + next(3_000_000))))
      await roundTrip(world, { bytes, transfer: seed % 2 === 0 ? 'http-pull' : 'http-push' })
      world.noneStaged()
      return `${world.toProvider.seen.length} requests`
    })
  }

  sides('the file changes, goes, and becomes shorter while its data are sent: said so, nothing wrong is sealed, and it comes through when it is back', async (world) => {
    const { toProvider, client, provider, done, run, write, path } = world
    const file = write('in', bytes)
    const root = await done('import', '-q', file)
    const other = Uint8Array.from(bytes)
    other.fill(7, 3_000_000, 3_100_000)
    let proposal
    let last
    const messages = []
    const restart = async () => {
      const [{ TransferID }] = await client.call('ClientListDataTransfers')
      await done('restart-transfer', String(TransferID))
    }
    const isTold = async (what) => {
      let deal
      for (let turn = 0; turn < 600; turn++) {
        deal = await client.call('ClientGetDealInfo', { '/': proposal })
        if (deal.State === ACTIVE) break
        const { CreatedTime: at } = deal.DealStages.Stages.at(-1)
        if (at !== last && /REF_CAR_/.test(deal.Message)) {
          last = at
          messages.push(`${what}: ${/REF_CAR_\w+/.exec(deal.Message)[0]}`)
          must((await run(['verify'])).code === 1, `${what}: verify finds nothing`)
          write('in', bytes)
          return
        }
        await pause(50)
      }
      throw new Error(`${what}: ${JSON.stringify(deal)}`)
    }
    for (const [what, change] of [['changed', () => { write('in', other) }], ['shorter', () => { truncateSync(path('in'), 2_000_000) }]]) {
      const cut = toProvider.at('PUT transfers', 'request', 1_500_000, (end) => {
        change()
        end()
      })
      if (proposal === undefined) [proposal] = /bafy[a-z0-9]+/.exec(await done('deal', '--no-wait', '--provider', toProvider.url, root))
      else await restart()
      await cut
      await isTold(what)
    }
    rmSync(path('in'))
    await restart()
    await isTold('gone')
    must((await provider.call('DagstoreListShards')).length === 0, 'something was sealed')
    await restart()
    await world.active(proposal)
    await done('retrieve', '--no-local', root, path('out'))
    world.same('out', bytes)
    world.noneStaged()
    return messages.join(', ')
  })

  sides('CARs as they are, a deal whose data go as a file, two deals of one piece', async (world) => {
    const { toProvider, provider, done, write, path, active } = world
    for (const version of [1, 2]) {
      const blocks = makeBlocks(70 + version, 5, { min: 500, max: 9000 })
      const file = write(`${version}.car`, version === 1 ? carV1([blocks[0].cid], blocks) : carV2({ roots: [blocks[0].cid], blocks }))
      const root = await done('import', '-q', '--car', file)
      for (const transfer of ['http-push', 'http-pull']) await done('deal', '--wait', 'active', '--transfer', transfer, '--provider', toProvider.url, root)
      await done('retrieve', '--no-local', '--car', root, path(`${version}.out.car`))
      must(readFileSync(path(`${version}.out.car`)).includes(Buffer.from(blocks[0].data)), 'the block of the root is not there')
    }
    must((await provider.call('DagstoreListShards')).length === 2, 'two deals of one piece have not one shard')
    const file = write('in', bytes)
    const root = await done('import', '-q', file)
    const [proposal] = /bafy[a-z0-9]+/.exec(await done('deal', '--transfer', 'manual', '--provider', toProvider.url, root))
    await done('generate-car', file, path('by-post.car'))
    const given = await dagstore(['storage-deals', 'import-data', '--root', provider.root, proposal, path('by-post.car')])
    must(given.code === 0, given.stderr.slice(-500))
    await active(proposal)
    await done('retrieve', '--no-local', root, path('out'))
    world.same('out', bytes)
    world.noneStaged()
  })

  for (const transfer of long ? ['http-push', 'http-pull'] : ['http-push']) {
    scenarios.push(() => attempt(`two sides: an IPFS node is where the data come from, and where they are retrieved to, ${transfer}`, async () => {
      const node = await openKuboNode()
      const world = await open({ client: { DAGSTORE_USEIPFS: 'true', DAGSTORE_IPFSMADDR: node.url } })
      try {
        const { toProvider, toClient, client, done, write, path, active } = world
        const root = await done('import', '-q', '--into', 'ipfs', write('in', bytes))
        rmSync(path('in'))
        must((await client.call('ClientListImports')).length === 0, 'there is an import')
        // it dies in the middle of what it reads from the node, and reads that again
        const [network, direction] = transfer === 'http-push' ? [toProvider, 'request'] : [toClient, 'answer']
        const death = network.at(transferred[transfer], direction, 1_500_000, async (end) => {
          await client.kill()
          end()
        })
        const [proposal] = /bafy[a-z0-9]+/.exec(await done('deal', '--no-wait', '--transfer', transfer, '--provider', toProvider.url, root))
        await death
        await active(proposal)
        node.blocks.clear()
        await done('retrieve', '--no-local', '--into', 'ipfs-pinned', '--provider', toProvider.url, root)
        must(node.pins.has(root) && node.blocks.size > 5, `the node has ${node.blocks.size} blocks, and ${node.pins.size} pins`)
        await done('retrieve', root, path('out'))
        world.same('out', bytes)
        world.noneStaged()
        await world.close()
      } finally {
        await world.leave()
        await node.close()
      }
    }))
  }

  const many = long ? 16 : 4
  sides(`${many} deals and ${many} retrievals at a time`, async (world) => {
    const { client, toProvider, write, path, active } = world
    const all = Array.from({ length: many }, (_, n) => seededBytes(80 + n, 100_000 + n * 70_001))
    const roots = await Promise.all(all.map(async (one, n) => (await client.call('ClientImport', { Path: write(`${n}`, one), IsCAR: false })).Root['/']))
    const proposals = await Promise.all(roots.map(async (root, n) => /bafy[a-z0-9]+/.exec(await world.done('deal', '--no-wait', '--transfer', n % 2 === 0 ? 'http-push' : 'http-pull', '--provider', toProvider.url, root))[0]))
    await Promise.all(proposals.map((proposal) => active(proposal)))
    await Promise.all(roots.map((root, n) => world.done('retrieve', '--no-local', ...n % 2 === 0 ? [] : ['--car'], root, path(`${n}.out`))))
    for (const [n, one] of all.entries()) {
      if (n % 2 === 0) world.same(`${n}.out`, one)
      else must(readFileSync(path(`${n}.out`)).includes(Buffer.from(one.subarray(0, 1000))), `a CAR without its data: ${n}`)
    }
    world.noneStaged()
  })

  scenarios.push(() => attempt('two sides: a full disk, at the provider, then at the client, is told, and its deal and retrieval come through when there is room', () => fullDisks(loop, open, bytes)))

  // they wait most of the time
  const worker = async () => { for (let next = scenarios.shift(); next !== undefined; next = scenarios.shift()) await next() }
  await Promise.all([worker(), worker(), worker()])
}
