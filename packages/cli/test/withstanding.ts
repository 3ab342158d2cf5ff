/** What is asked of a gateway of a real store that somebody attacks: afterwards it holds nothing of him, and serves as before. */
import { expect, onTestFinished } from 'vitest'
import { askingByHttp1, type Attacked } from './gateway-attacks.ts'
import { blocks, cidOf, file, type Held, large, type ServedStore, serveStore, small } from './served-store.ts'

/** What the heap may differ by from one time to another; one that grows with each attack grows beyond. */
const ROOM_BYTES = 24 << 20

const padded = (bytes: Uint8Array, size: number): Uint8Array => {
  const whole = new Uint8Array(size)
  whole.set(bytes)
  return whole
}

/** What there is to ask of {@link serveStore}. */
export const attacked = ({ port }: Pick<ServedStore, 'port'>): Attacked => ({
  port,
  things: [
    ...[0, 7].map((at) => ({ target: `/ipfs/${cidOf(blocks[at]!)}?format=raw`, bytes: blocks[at]!.data })),
    { target: `/piece/${small.v1.toString()}`, bytes: small.bytes }, { target: `/piece/${small.v2.toString()}`, bytes: small.bytes },
    { target: `/piece/${small.v1.toString()}?padding=zero`, bytes: padded(small.bytes, small.unpadded) },
  ],
  streams: [`/ipfs/${cidOf(file.block)}?format=car`, `/piece/${large.v1.toString()}`, `/piece/${large.v2.toString()}?padding=zero`],
})

export const served = async (...options: Parameters<typeof serveStore>): Promise<ServedStore> => {
  const place = await serveStore(...options)
  onTestFinished(place.close)
  return place
}

/** It serves what it has, whole. */
const isWell = async ({ port }: ServedStore): Promise<void> => {
  const { ask, end } = askingByHttp1(port, 4)
  for (const { target, bytes } of attacked({ port }).things) expect(Buffer.compare((await ask(target)).body, bytes)).toBe(0)
  expect((await ask(`/ipfs/${cidOf(file.block)}?format=car`)).body.byteLength).toBeGreaterThan(16 << 20)
  end()
}

/** Once, as what is kept for the next one is opened then; then again. @param again - how often */
export const withstands = async (place: ServedStore, again: number, attack: () => Promise<void>): Promise<void> => {
  const once = async (): Promise<Held> => {
    await attack()
    await isWell(place)
    return place.quiet()
  }
  const before = await once()
  for (let at = 0; at < again; at++) {
    const { heapBytes, ...rest } = await once()
    expect(rest).toEqual({ descriptors: before.descriptors, leases: before.leases })
    expect(heapBytes).toBeLessThan(before.heapBytes + ROOM_BYTES)
  }
  // nothing but what is kept for speed: one of each shard, which goes when it has to
  expect(before.leases).toBeLessThanOrEqual(2)
  for (const { v1 } of [small, large]) await place.store.dagstore.destroy(v1.toString())
  expect((await fetch(`${place.url}/piece/${small.v1.toString()}`, { headers: { connection: 'close' } })).status).toBe(404)
}
