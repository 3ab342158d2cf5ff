/** boxo's HTTP retrieval, which is Kubo's, fetches from our gateway. */
import { writeFile } from 'node:fs/promises'
import { gatewayCar, gatewayDags, missingBlock, multiblockText, type Node, rawNode, streamedFile } from '@dagstore-tooling/fixtures/gateway'
import { carV1, makeBlock } from '@dagstore-tooling/fixtures'
import type { Denylist } from '@dagstore/trustless-gateway'
import { CID } from 'multiformats/cid'
import { expect, it } from 'vitest'
import { useBoxo } from './boxo.ts'
import { serveStore } from './gateway-world.ts'

const { boxo, at } = useBoxo()
const nameOf = ({ block }: Node): string => CID.decode(block.cid).toString()
const cidOf = (bytes: Uint8Array): string => CID.decode(bytes).toString()

const once = (node: Node): Node['blocks'] => [...new Map(node.blocks.filter(({ multihash }) => multihash[0] !== 0).map((block) => [cidOf(block.cid), block])).values()]
const bytesOf = (node: Node): number => once(node).reduce((sum, { data }) => sum + data.byteLength, 0)

it.for([{ by: 'HTTP/2 and TLS', tls: true }, { by: 'plain HTTP, as in a local network', tls: false }])('fetches DAGs block by block, by $by', async ({ tls }, context) => {
  const { fetch } = boxo(context)
  const streamed = streamedFile()
  await writeFile(at('dags.car'), gatewayCar())
  await writeFile(at('streamed.car'), carV1([streamed.block.cid], streamed.blocks))
  await using served = await serveStore(at('.'), [at('dags.car'), at('streamed.car')], { tls })
  for (const node of [gatewayDags['subdirMixedFiles']!, gatewayDags['shardedDirectory']!, gatewayDags['deepFile']!, streamed]) {
    expect(await fetch(served.url, 'dag', nameOf(node))).toEqual({ blocks: once(node).length, bytes: bytesOf(node), haves: [], lacks: [] })
  }
})

it('is told which blocks are there and which are not, and goes on after many that are not', async (context) => {
  const { fetch } = boxo(context)
  await writeFile(at('asked.car'), gatewayCar())
  await using served = await serveStore(at('.'), [at('asked.car')], { tls: true })
  const [haves, lacks] = [once(gatewayDags['deepFile']!).map(({ cid }) => cidOf(cid)), Array.from({ length: 90 }, (_, i) => nameOf(rawNode(Uint8Array.of(i, 1, 2, 3))))]
  const told = await fetch(served.url, 'ask', ...haves, ...lacks, cidOf(missingBlock.cid))
  expect({ haves: [...told.haves].sort(), lacks: [...told.lacks].sort(), failed: told.failed }).toEqual({ haves: [...haves].sort(), lacks: [...lacks, cidOf(missingBlock.cid)].sort(), failed: undefined })
})

it('is answered so about what is denied that it does not count it as a fault', async (context) => {
  const { fetch } = boxo(context)
  await writeFile(at('denied.car'), gatewayCar())
  const denied = multiblockText.blocks.map(({ cid }) => cidOf(cid))
  const denylist: Denylist = {
    check: (cid) => {
      const at = denied.indexOf(cid.toString())
      return at === -1 ? undefined : { status: at % 2 === 0 ? 410 : 451 }
    },
  }
  await using served = await serveStore(at('.'), [at('denied.car')], { tls: true, denylist })
  const told = await fetch(served.url, 'ask', ...denied, nameOf(gatewayDags['deepFile']!))
  expect({ haves: told.haves, lacks: [...told.lacks].sort() }).toEqual({ haves: [nameOf(gatewayDags['deepFile']!)], lacks: denied.sort() })
})

it('takes our server by its probe, in both methods, and blocks of all 2 MiB that it allows', async (context) => {
  const { fetch } = boxo(context)
  const large = makeBlock(new Uint8Array(2 << 20).fill(5))
  await writeFile(at('large.car'), carV1([large.cid], [large]))
  await using served = await serveStore(at('.'), [at('large.car')], { tls: true })
  expect((await fetch(served.url, 'probe')).refused).toBeUndefined()
  expect(await fetch(served.url, 'dag', cidOf(large.cid))).toMatchObject({ blocks: 1, bytes: 2 << 20 })
})
