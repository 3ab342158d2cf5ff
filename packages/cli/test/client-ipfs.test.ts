/** An IPFS node behind the imports of a client, and in place of files of retrievals. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { createKuboBlockstore } from '@dagstore/ipfs-blockstore'
import { CID } from 'multiformats/cid'
import { describe, expect, it } from 'vitest'
import { openLocalClient } from '../src/client/local-client.ts'
import { openShardStore } from '../src/compose.ts'
import { type KuboNode, openKuboNode } from './kubo-node.ts'
import { dagstore, type Run, temporaryFolder } from './terminal.ts'

const run = async (cwd: string, ...args: readonly string[]): Promise<Run> => {
  const result = await dagstore(cwd, ['client', ...args])
  if (result.code !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`)
  return result
}

/** A store whose client uses this node. */
const withNode = async (keys: string = ''): Promise<{ readonly cwd: string, readonly node: KuboNode }> => {
  const node = await openKuboNode()
  const cwd = await temporaryFolder()
  await mkdir(join(cwd, '.dagstore'))
  await writeFile(join(cwd, '.dagstore', 'config.toml'), `[Client]\nUseIpfs = true\nIpfsMAddr = "/ip4/127.0.0.1/tcp/${new URL(node.url).port}"\n${keys}`)
  return { cwd, node }
}

const content = seededBytes(3, 2_500_000)

/** A CAR of the content, and its root. */
const makeCar = async (): Promise<{ readonly root: string, readonly car: Uint8Array, readonly cwd: string }> => {
  const cwd = await temporaryFolder()
  await writeFile(join(cwd, 'in'), content)
  const root = (await run(cwd, 'import', '-q', 'in')).stdout.trim()
  await run(cwd, 'export', '--car', root, 'in.car')
  return { root, car: await readFile(join(cwd, 'in.car')), cwd }
}

const fill = async ({ url, log }: KuboNode, car: Uint8Array): Promise<void> => {
  const store = createKuboBlockstore({ url })
  await store.importCar((async function * () { yield car })())
  await store.close()
  log.length = 0
}

describe('with an IPFS node', () => {
  it('data that only the node has make deals: they have a size and a piece, are read, and exported', async () => {
    const { cwd, node } = await withNode()
    const { root, car } = await makeCar()
    await run(cwd, 'import', join(cwd, '.dagstore', 'config.toml')).catch(() => {}) // makes the store
    expect((await dagstore(cwd, ['client', 'stat', root])).code).toBe(1)
    await fill(node, car)
    expect((await run(cwd, 'stat', root)).stdout).toContain(`Payload Size: ${car.byteLength}`)
    expect(Buffer.compare((await run(cwd, 'cat', root)).bytes, content)).toBe(0)
    await run(cwd, 'export', '--car', root, 'out.car')
    expect(Buffer.compare(await readFile(join(cwd, 'out.car')), car)).toBe(0)
    expect(node.log.every((line) => !line.includes('offline=false'))).toBe(true)
  })

  it.each([{ online: true }, { online: false }])('what the node lacks comes from the network if the configuration says so, but whether there is a block never does; IpfsOnlineMode = $online', async ({ online }) => {
    const { cwd, node } = await withNode(`IpfsOnlineMode = ${online}\n`)
    const { root, car } = await makeCar()
    await fill(node, car)
    for (const [key, block] of node.blocks) {
      if (key === CID.createV1(0x55, CID.parse(root).multihash).toString()) continue
      node.network.set(key, block)
      node.blocks.delete(key)
    }
    expect([node.blocks.size, node.network.size > 2]).toEqual([1, true])
    const here = node.blocks.size
    await writeFile(join(cwd, 'x'), 'x')
    await run(cwd, 'import', 'x') // makes the store
    const { code, bytes } = await dagstore(cwd, ['client', 'cat', root])
    expect(code).toBe(online ? 0 : 1)
    expect(node.blocks.size).toBe(here)
    if (online) {
      expect(Buffer.compare(bytes, content)).toBe(0)
      await run(cwd, 'retrieve', '--into', 'ipfs-pinned', root)
      expect(node.pins.size).toBe(1)
      expect(node.blocks.size).toBeGreaterThan(2)
    }
    const offlineOf = (command: string): ReadonlySet<string | null> => new Set(node.log.filter((line) => line.startsWith(command)).map((line) => new URLSearchParams(line.slice(command.length)).get('offline')))
    expect(offlineOf('block/get')).toEqual(new Set([String(!online)]))
    expect(offlineOf('block/stat')).toEqual(new Set(['true']))
    expect(offlineOf('pin/add')).toEqual(new Set(online ? ['false'] : []))
  })

  it.each([{ online: true }, { online: false }])('a root that only the network has is read if the configuration says so, and is never said to be here; IpfsOnlineMode = $online', async ({ online }) => {
    const { cwd, node } = await withNode(`IpfsOnlineMode = ${online}\n`)
    const { root, car } = await makeCar()
    await fill(node, car)
    for (const [key, block] of node.blocks) node.network.set(key, block)
    node.blocks.clear()
    await writeFile(join(cwd, 'x'), 'x')
    await run(cwd, 'import', 'x') // makes the store
    const { code, bytes } = await dagstore(cwd, ['client', 'cat', root])
    expect(code).toBe(online ? 0 : 1)
    if (online) expect(Buffer.compare(bytes, content)).toBe(0)
    expect((await dagstore(cwd, ['client', 'stat', root])).code).toBe(online ? 0 : 1)
    expect((await dagstore(cwd, ['client', 'retrieve', root, 'out'])).stderr).toContain('no import has it')
  })

  it('an import goes into the node, pinned if wanted, and deals are made of it there, without the file', async () => {
    const { cwd, node } = await withNode()
    const { root, car } = await makeCar()
    await writeFile(join(cwd, 'in'), content)
    expect((await run(cwd, 'import', '--into', 'ipfs', 'in')).stdout).toBe(`In the IPFS node, Root ${root}\n`)
    expect([node.blocks.size > 2, node.pins.size]).toEqual([true, 0])
    await writeFile(join(cwd, 'in.car'), car)
    expect((await run(cwd, 'import', '--car', '--json', '--into', 'ipfs-pinned', 'in.car')).stdout).toContain(`{"Root":{"/":"${root}"},"ImportID":0}`)
    expect([...node.pins]).toEqual([root])
    for (const name of ['in', 'in.car']) await rm(join(cwd, name))
    expect((await run(cwd, 'local')).stdout).toBe('')
    expect(await readdir(join(cwd, '.dagstore', 'imports')).catch(() => [])).toEqual([])
    expect(Buffer.compare((await run(cwd, 'cat', root)).bytes, content)).toBe(0)
    expect((await run(cwd, 'stat', root)).stdout).toContain(`Payload Size: ${car.byteLength}`)
    for (const wrong of [['--into', 'ipfs', '--copy', 'x'], ['--into', 'ipfs', '-']]) expect((await dagstore(cwd, ['client', 'import', ...wrong])).code).toBe(2)
    await writeFile(join(cwd, '.dagstore', 'config.toml'), '')
    await writeFile(join(cwd, 'in'), content)
    expect((await dagstore(cwd, ['client', 'import', '--into', 'ipfs', 'in'])).stderr).toContain('there is no IPFS node for this')
  })

  it('one that is only named is not asked by itself, and takes what is ordered into it', async () => {
    const { cwd, node } = await withNode()
    const file = join(cwd, '.dagstore', 'config.toml')
    await writeFile(file, (await readFile(file, 'utf8')).replace('UseIpfs = true', 'UseIpfs = false\nIpfsUseForRetrieval = true'))
    const { root, car } = await makeCar()
    await fill(node, car)
    await writeFile(join(cwd, 'in'), content)
    await writeFile(join(cwd, 'x'), 'x')
    await run(cwd, 'import', 'x') // makes the store
    expect((await dagstore(cwd, ['client', 'cat', root])).code).toBe(1)
    expect(node.log).toEqual([])
    await run(cwd, 'import', 'in')
    node.blocks.clear()
    await run(cwd, 'retrieve', root, 'out')
    expect(node.log).toEqual([])
    await run(cwd, 'retrieve', '--into', 'ipfs-pinned', root)
    expect([node.blocks.size > 2, node.pins.size]).toEqual([true, 1])
  })

  it('imports come first, in which Lotus differed: the node is asked for nothing that they have', async () => {
    const { cwd, node } = await withNode()
    await writeFile(join(cwd, 'in'), content)
    const root = (await run(cwd, 'import', '-q', 'in')).stdout.trim()
    await run(cwd, 'cat', root)
    await run(cwd, 'stat', root)
    expect(node.log).toEqual([])
  })

  it('one that does not answer holds up nobody who has an import', async () => {
    const { cwd, node } = await withNode()
    await writeFile(join(cwd, 'in'), content)
    const root = (await run(cwd, 'import', '-q', 'in')).stdout.trim()
    await node.close()
    expect(Buffer.compare((await run(cwd, 'cat', root)).bytes, content)).toBe(0)
    // of what nobody here has it is said that the node does not answer, not that there is none
    expect((await dagstore(cwd, ['client', 'cat', 'bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4'])).stderr).toMatch(/IPFS_|BLOCKSTORE_UNREADABLE/)
  })

  it('a retrieval goes into the node, pinned if wanted, or into a file, as it is ordered', async () => {
    const { cwd, node } = await withNode()
    await writeFile(join(cwd, 'in'), content)
    const root = (await run(cwd, 'import', '-q', 'in')).stdout.trim()
    await run(cwd, 'retrieve', '--into', 'ipfs', root)
    expect([node.blocks.size > 2, node.pins.size]).toEqual([true, 0])
    await run(cwd, 'retrieve', '--into', 'ipfs-pinned', root, 'out')
    expect([...node.pins]).toHaveLength(1)
    expect(Buffer.compare(await readFile(join(cwd, 'out')), content)).toBe(0)
    expect(await readdir(join(cwd, '.dagstore', 'retrievals')).catch(() => [])).toEqual([])
    await run(cwd, 'retrieve', '--into', 'file', root)
    expect(await readdir(join(cwd, '.dagstore', 'retrievals'))).toHaveLength(1)
  })

  it('retrievals of whom nobody says so go into the node where the configuration wants that', async () => {
    const { cwd, node } = await withNode('IpfsUseForRetrieval = true\n')
    await writeFile(join(cwd, 'in'), content)
    const root = (await run(cwd, 'import', '-q', 'in')).stdout.trim()
    const store = await openShardStore({ path: join(cwd, '.dagstore'), label: '.dagstore' })
    const { calls, close } = await openLocalClient(store, () => {})
    const order = { Root: CID.parse(root), Piece: null, Size: 0, FromLocalCAR: '', Total: '0', UnsealPrice: '0', PaymentInterval: 0, PaymentIntervalIncrease: 0, Client: '', Miner: '', MinerPeer: null, LocalFirst: true }
    const { DealID } = await calls.ClientRetrieve(order, { Path: join(cwd, 'out'), IsCAR: false })
    expect(await calls.ClientGetRetrieval(DealID)).toMatchObject({ Status: 15, From: 'import', Into: 'ipfs' })
    // by its id alone one goes on where it was, whatever the configuration says of new ones
    const { DealID: other } = await calls.ClientRetrieve({ ...order, Into: 'file' })
    expect(await calls.ClientRetrieve({ ...order, ID: other })).toMatchObject({ DealID: other })
    expect(await calls.ClientGetRetrieval(other)).toMatchObject({ Status: 15, Into: 'file' })
    await close()
    await store.close()
    expect(node.blocks.size).toBeGreaterThan(2)
    expect(await readdir(join(cwd, '.dagstore', 'retrievals'))).toEqual([`${other}.car`])
    expect(Buffer.compare(await readFile(join(cwd, 'out')), content)).toBe(0)
  })

  it('L17: a password of its address is told to nobody', async () => {
    const { cwd } = await withNode()
    await writeFile(join(cwd, '.dagstore', 'config.toml'), '[Client]\nUseIpfs = true\nIpfsMAddr = "http://me:s3cret@127.0.0.1:9"\n')
    await writeFile(join(cwd, 'in'), 'x')
    await run(cwd, 'import', 'in')
    const { stdout, stderr } = await dagstore(cwd, ['client', 'cat', 'bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4'])
    expect(stdout + stderr).not.toContain('s3cret')
    expect((await dagstore(cwd, ['config', 'effective'])).stdout).not.toContain('s3cret')
  })
})
