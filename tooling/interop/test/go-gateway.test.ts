/** Random DAGs, asked about at random: what our walk yields against what boxo's gateway sends. */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { type SeededRandom, seededRandom } from '@dagstore-tooling/testkit'
import { SHA2_256 } from '@dagstore/hashes'
import { openHashes } from '@dagstore/hashes/node'
import { CarBufferWriter } from '@ipld/car'
import { encode } from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { decode } from 'multiformats/hashes/digest'
import { describe, expect, it } from 'vitest'
import { type GatewayRequest, ourAnswer, readSections, wantedAnswer } from './gateway-cases.ts'
import { useGo } from './go-program.ts'

const VECTORS = fileURLToPath(new URL('../vectors-gateway/', import.meta.url))
const RAW = 0x55
const DAG_PB = 0x70
const DAG_JSON = 0x0129

const hashes = await openHashes()
const { go, at } = useGo()

/** `bytes`: of content, for what may be a part of a file. `paths`: some that lead on from it. */
interface Made { readonly cid: CID, readonly number: number, readonly bytes: number, readonly paths: readonly string[] }

class Dags {
  readonly random: SeededRandom
  readonly blocks = new Map<string, { cid: CID, bytes: Uint8Array }>()
  readonly #numbers = new Map<string, number>()

  constructor (random: SeededRandom) {
    this.random = random
  }

  #add (codec: number, bytes: Uint8Array): { cid: CID, number: number } {
    const cid = CID.createV1(codec, decode(hashes.multihash(SHA2_256, bytes)))
    const key = cid.toString()
    const number = this.#numbers.get(key) ?? this.#numbers.size
    this.#numbers.set(key, number)
    this.blocks.set(key, { cid, bytes })
    return { cid, number }
  }

  #pb (type: number, more: readonly number[], links: readonly { readonly node: Made, readonly name: string }[]): { cid: CID, number: number } {
    // Tsize of a raw block is its length: boxo reads it
    const Links = links.map(({ node, name }) => ({ Hash: node.cid, Name: name, Tsize: node.bytes }))
    return this.#add(DAG_PB, encode({ Data: Uint8Array.of(8, type, ...more), Links }))
  }

  /** A file of any shape; few different leaves, so that parts are met again. Inner nodes hold no data: boxo passes over it. */
  file (depth: number): Made {
    const { random } = this
    if (depth === 0) {
      const content = new Uint8Array(1 + random.int(4)).fill(random.int(3))
      if (random.int(3) > 0) return { ...this.#add(RAW, content), bytes: content.byteLength, paths: [] }
      return { ...this.#pb(2, [18, content.byteLength, ...content, 24, content.byteLength], []), bytes: content.byteLength, paths: [] }
    }
    const parts = Array.from({ length: 1 + random.int(4) }, () => this.file(random.int(depth)))
    const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
    const sizes = parts.flatMap((part) => [32, ...varint(part.bytes)])
    return { ...this.#pb(2, [24, ...varint(bytes), ...sizes], parts.map((node) => ({ node, name: '' }))), bytes, paths: [] }
  }

  any (depth: number): Made {
    const { random } = this
    if (depth === 0 || random.int(3) === 0) return this.file(random.int(5))
    const entries = Array.from({ length: random.int(5) }, (_, i) => ({ node: this.any(depth - 1), name: `a${i}` }))
    const paths = entries.flatMap(({ node, name }) => [name, ...node.paths.map((path) => `${name}/${path}`)])
    if (random.int(4) > 0) return { ...this.#pb(1, [], entries), bytes: 0, paths }
    const json = `[${entries.map(({ node }) => `{"/":"${node.cid.toString()}"}`).join(',')}]`
    return { ...this.#add(DAG_JSON, new TextEncoder().encode(json)), bytes: 0, paths: entries.flatMap(({ node }, i) => [`${i}`, ...node.paths.map((path) => `${i}/${path}`)]) }
  }

  ask (root: Made): GatewayRequest {
    const { random } = this
    const path = root.paths.length === 0 ? '' : random.pick(['', ...root.paths, `${random.pick(root.paths)}/a0`])
    const request = { root: root.number, path, scope: random.pick(['block', 'entity', 'all'] as const), dups: random.int(2) === 0 }
    if (request.scope !== 'entity' || random.int(4) === 0) return request
    const [from, to] = [random.int(80) - 40, random.int(80) - 40]
    return random.int(3) === 0 ? { ...request, from } : { ...request, from, to }
  }

  car (): Uint8Array {
    const blocks = [...this.blocks.values()]
    const writer = CarBufferWriter.createWriter(new ArrayBuffer(1 << 22), { roots: [] })
    for (const block of blocks) writer.write(block)
    return writer.close({ resize: true })
  }
}

const varint = (value: number): number[] => (value < 0x80 ? [value] : [value % 0x80 | 0x80, ...varint(Math.floor(value / 0x80))])

it('the committed answers of the gateway are what the Go program writes', async (context) => {
  await go(context).gateway(['vectors', '-out', at('vectors-gateway')])
  const names = await readdir(VECTORS)
  expect(await readdir(at('vectors-gateway'))).toEqual(names)
  for (const name of names) expect((await readFile(join(at('vectors-gateway'), name))).equals(await readFile(join(VECTORS, name))), name).toBe(true)
})

describe.each([1, 2, 3])('random DAGs of seed %d', (seed) => {
  it('are walked as boxo does', async (context) => {
    const { gateway } = go(context)
    const dags = new Dags(seededRandom(seed))
    const roots = Array.from({ length: 60 }, () => dags.any(3))
    const requests = Array.from({ length: 1500 }, () => dags.ask(dags.random.pick(roots)))
    const car = dags.car()
    await writeFile(at(`${seed}.car`), car)
    await writeFile(at(`${seed}.json`), JSON.stringify(requests))
    const answers = await gateway(['answer', at(`${seed}.car`), at(`${seed}.json`)])
    const sections = await readSections(car)
    for (const [i, request] of requests.entries()) {
      const ours = await ourAnswer(sections, request, { lookAhead: i % 3 })
      expect({ request, sent: ours.sent, failed: ours.code !== undefined }).toEqual({ request, ...wantedAnswer(request, answers[i]!) })
    }
  })
})
