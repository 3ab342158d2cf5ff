/** What is sent from files that are cut, changed or given up meanwhile: over each version of HTTP nobody takes it for whole, and nothing of it stays. */
import { Agent, request } from 'node:http'
import { connect } from 'node:http2'
import { open, rename, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { carV1, seededBytes } from '@dagstore-tooling/fixtures'
import { unixfsFile } from '@dagstore-tooling/fixtures/gateway'
import { fileUrl } from '@dagstore/mounts'
import { beforeAll, describe, expect, it } from 'vitest'
import { cidOf, pieceOf, type Piece, type ServedStore } from './served-store.ts'
import { served } from './withstanding.ts'

/** Longer by far than what is read ahead, and what sockets hold. */
const file = unixfsFile(seededBytes(17, 40 << 20), { chunkBytes: 1 << 18, maxLinks: 174 })
const car = carV1([file.block.cid], file.blocks)
const last = file.blocks.at(-1)!
const MIB = 1 << 20
let piece: Piece
beforeAll(() => { piece = pieceOf(car) })

interface Begun {
  readonly status: number
  /** What comes after all, and whether it has ended as a whole answer does. */
  rest (): Promise<{ readonly bytes: Buffer, readonly whole: boolean }>
}

type Begin = (target: string, headers?: Readonly<Record<string, string>>) => Promise<Begun>

/** It may end before anything of it is taken. */
const restOf = (stream: NodeJS.ReadableStream, isWhole: () => boolean, end: () => void): Begun['rest'] => {
  const ended = new Promise<boolean>((resolve) => {
    stream.on('end', () => { resolve(isWhole()) }).on('error', () => { resolve(false) }).on('close', () => { resolve(false) })
  })
  return async () => {
    const parts: Buffer[] = []
    stream.on('data', (part: Buffer) => { parts.push(part) })
    const whole = await ended
    end()
    return { bytes: Buffer.concat(parts), whole }
  }
}

/** Nothing of the body is taken yet. */
const FORMS: Readonly<Record<string, (place: ServedStore) => Begin>> = {
  'HTTP/1.1': ({ port }) => (path, headers = {}) => new Promise((resolve, reject) => {
    const agent = new Agent()
    request({ host: '127.0.0.1', port, path, headers, agent }, (response) => {
      resolve({ status: response.statusCode ?? 0, rest: restOf(response, () => response.complete, () => { agent.destroy() }) })
    }).on('error', reject).end()
  }),
  'HTTP/2': ({ url }) => (path, headers = {}) => new Promise((resolve, reject) => {
    const session = connect(url)
    const stream = session.request({ ...headers, ':path': path }, { endStream: true })
    stream.on('error', reject).on('response', ({ ':status': status = 0 }) => {
      resolve({ status, rest: restOf(stream, () => stream.rstCode === 0, () => { session.destroy() }) })
    })
  }),
}

interface Placed extends ServedStore { readonly path: string }

const placed = async (): Promise<Placed> => {
  const place = await served()
  const path = join(place.folder, 'long.car')
  await writeFile(path, car)
  await place.store.dagstore.register(piece.v1.toString(), fileUrl(path), { indexing: 'eager' })
  return { ...place, path }
}

const change = async (path: string, at: number): Promise<void> => {
  const handle = await open(path, 'r+')
  await handle.write(new Uint8Array(1000).fill(1), 0, 1000, at)
  await handle.close()
}

const WAYS: Readonly<Record<string, (place: Placed) => Promise<unknown>>> = {
  'the file is cut': ({ path }) => truncate(path, car.byteLength - MIB),
  'the file is emptied': ({ path }) => truncate(path, 0),
  'the shard is given up': ({ store }) => store.dagstore.destroy(piece.v1.toString(), { mode: 'force' }),
  'the store is closed': ({ store }) => store.dagstore.close(),
}

describe.each(Object.keys(FORMS))('by %s', (form) => {
  const asked = [
    { what: 'a CAR', target: `/ipfs/${cidOf(file.block)}?format=car`, headers: {}, status: 200, from: 0, to: car.byteLength },
    { what: 'a piece', target: () => `/piece/${piece.v1.toString()}`, headers: {}, status: 200, from: 0, to: car.byteLength },
    { what: 'a part of a piece', target: () => `/piece/${piece.v2.toString()}`, headers: { range: `bytes=${MIB}-` }, status: 206, from: MIB, to: car.byteLength },
  ]

  describe.each(asked)('$what', ({ target, headers, status, from, to }) => {
    const begin = (place: Placed): Promise<Begun> => FORMS[form]!(place)(typeof target === 'string' ? target : target(), headers)

    it.each(Object.keys(WAYS))('is broken off behind what was right when %s', async (way) => {
      const place = await placed()
      const before = await place.quiet()
      const begun = await begin(place)
      await WAYS[way]!(place)
      const { bytes, whole } = await begun.rest()
      expect([begun.status, whole]).toEqual([status, false])
      expect(bytes.byteLength).toBeLessThan(to - from)
      expect(Buffer.compare(bytes, car.subarray(from, from + bytes.byteLength))).toBe(0)
      if (way === 'the store is closed') return
      const after = await place.quiet()
      expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 1)
      expect(after.leases).toBeLessThanOrEqual(before.leases + 1)
    })

    it('is whole when another file takes the place of the one that is read', async () => {
      const place = await placed()
      const begun = await begin(place)
      await writeFile(`${place.path}.new`, 'nothing of the kind')
      await rename(`${place.path}.new`, place.path)
      const { bytes, whole } = await begun.rest()
      expect([begun.status, whole, Buffer.compare(bytes, car.subarray(from, to))]).toEqual([status, true, 0])
    })
  })

  it('a CAR is broken off before a block that was changed, and the block is no answer by itself, nor is a part of it', async () => {
    const place = await placed()
    const begin = FORMS[form]!(place)
    const begun = await begin(`/ipfs/${cidOf(file.block)}?format=car`)
    await change(place.path, car.byteLength - 5000)
    const { bytes, whole } = await begun.rest()
    expect([begun.status, whole]).toEqual([200, false])
    expect(bytes.byteLength).toBeLessThanOrEqual(car.byteLength - last.data.byteLength)
    expect(Buffer.compare(bytes, car.subarray(0, bytes.byteLength))).toBe(0)
    for (const headers of [{}, { range: 'bytes=0-9' }, { range: 'bytes=-9' }]) {
      const raw = await begin(`/ipfs/${cidOf(last)}?format=raw`, headers)
      expect(raw.status).toBeGreaterThanOrEqual(500)
      await raw.rest()
    }
    // the rest of the file is what it was
    expect((await (await begin(`/ipfs/${cidOf(file.blocks[1]!)}?format=raw`)).rest()).bytes.equals(file.blocks[1]!.data)).toBe(true)
  })
})
