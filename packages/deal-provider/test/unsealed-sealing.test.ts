/** The stand-in for sealing: where pieces go, what shares a place, and what a failure leaves. */
import { type Directory, IoError } from '@dagstore/io'
import { openPieceStore, type PieceStore } from '@dagstore/piece-store'
import { openSector } from '@dagstore/unsealed-sector'
import { seededBytes } from '@dagstore-tooling/fixtures'
import { seededRandom } from '@dagstore-tooling/testkit'
import { describe, expect, it } from 'vitest'
import { createUnsealedSealing, type UnsealedPlace, type UnsealedSealing } from '../src/index.ts'
import { openPlannedPlaces } from '../src/planned-places.ts'
import { SectorRoom } from '../src/sector-room.ts'
import { collect, dealOf, engine, makeCar, openHarness, type Harness } from './harness.ts'

const [car, other] = [makeCar(1), makeCar(2)]

const requestOf = (bytes: Uint8Array, name = 'a', pieceSize?: number) => {
  const deal = { dealId: undefined, publishCid: undefined, fastRetrieval: true, ...dealOf(name, bytes, pieceSize === undefined ? {} : { pieceSize }) }
  return { deal, pieceCid: deal.proposal.pieceCid, pieceBytes: deal.proposal.pieceSize, payloadBytes: bytes.byteLength, payload: async function * () { yield bytes } }
}
const sealingOf = (h: Harness, miner = 1000n): UnsealedSealing => createUnsealedSealing({ db: h.db, files: h.fs.directory, pieces: h.pieces, miner, engine })
const allocated = async ({ fs }: Harness, name: string): Promise<unknown> => (await openSector(await fs.directory.openSource(name))).allocated

describe('unsealed sealing', () => {
  it('gives the same piece the same place, however many ask at once, and writes it once', async () => {
    const h = await openHarness()
    const sealing = sealingOf(h)
    let reads = 0
    const request = { ...requestOf(car.bytes), payload: async function * () { reads++; yield car.bytes } }
    const places = await Promise.all([request, requestOf(car.bytes, 'b'), request].map((one) => sealing.addPiece({ ...one, payload: request.payload })))
    const [first] = places as [UnsealedPlace]
    for (const place of places) expect(place).toMatchObject({ miner: 1000n, sector: first.sector, offsetPadded: 0, lengthPadded: 2048 })
    expect([reads, places.map(({ reused }) => reused)]).toEqual([1, [false, true, true]])
    await h.close()
  })

  it('gives pieces that come at once places of their own', async () => {
    const h = await openHarness()
    const sealing = sealingOf(h)
    const places = await Promise.all([1, 2, 3, 4, 5].map((seed) => sealing.addPiece(requestOf(makeCar(seed, 1, 40).bytes, `d${seed}`))))
    expect(new Set(places.map(({ sector, offsetPadded }) => `${sector}/${offsetPadded}`)).size).toBe(5)
    for (const { fileName, offsetPadded, lengthPadded } of places) {
      expect((await openSector(await h.fs.directory.openSource(fileName))).isAllocated(offsetPadded, lengthPadded)).toBe(true)
    }
    await h.close()
  })

  it('reads a sector again that another piece is written to at this moment, and loses no record of what is there', async () => {
    const h = await openHarness()
    const first = await sealingOf(h).addPiece(requestOf(car.bytes))
    /** Of every file the first opening has the length that it had before its list was replaced. */
    const seen = new Set<string>()
    const files: Directory = {
      ...h.fs.directory,
      openSource: async (name, options) => {
        const source = await h.fs.directory.openSource(name, options)
        if (seen.has(name) || !name.startsWith('unsealed/')) return source
        seen.add(name)
        return { ...source, read: async (at, ...more) => {
          if (at >= source.sizeBytes - 1024) throw new IoError('IO_TRUNCATED', 'file became shorter')
          return source.read(at, ...more)
        } }
      },
    }
    const sealing = createUnsealedSealing({ db: h.db, files, pieces: h.pieces, miner: 1000n, engine })
    expect(await sealing.addPiece(requestOf(car.bytes, 'again'))).toMatchObject({ fileName: first.fileName, offsetPadded: first.offsetPadded, reused: true })
    seen.clear()
    const next = await sealing.addPiece(requestOf(other.bytes, 'other'))
    expect([seen.has(first.fileName), next.reused]).toEqual([true, false])
    expect(await h.pieces.get(requestOf(car.bytes).pieceCid)).toHaveLength(1)
    await h.close()
  })

  it('adds nothing of a payload that ends with an error, and adds it when it is whole', async () => {
    const h = await openHarness()
    const sealing = sealingOf(h)
    const request = requestOf(car.bytes)
    const broken = async function * (): AsyncGenerator<Uint8Array> {
      yield car.bytes
      throw new Error('not the piece')
    }
    await expect(sealing.addPiece({ ...request, payload: broken })).rejects.toThrow('not the piece')
    expect(await h.pieces.get(request.pieceCid)).toEqual([])
    const { fileName } = await sealing.addPiece(requestOf(other.bytes, 'other'))
    const place = await sealing.addPiece(request)
    expect(place.fileName).not.toBe(fileName)
    expect(await allocated(h, place.fileName)).toEqual([{ start: 0, length: 2048 }])
    await h.close()
  })

  it('frees what a deal has left, and uses the place again', async () => {
    const h = await openHarness()
    const sealing = sealingOf(h)
    const request = requestOf(car.bytes)
    const place = await sealing.addPiece(request)
    for (let at = 0; at < 2; at++) await sealing.removePiece({ ...request, place })
    await h.pieces.remove(request.pieceCid, { ...place, payloadBytes: undefined })
    expect(await allocated(h, place.fileName)).toEqual([])
    expect(await sealing.addPiece(requestOf(other.bytes, 'other'))).toMatchObject({ fileName: place.fileName, offsetPadded: 0 })
    await h.close()
  })

  it('frees a place as long as the record of its piece is there, and gives it to nobody before: a second end of a deal frees nobody else\'s', async () => {
    const h = await openHarness()
    const sealing = sealingOf(h)
    const request = requestOf(car.bytes)
    const place = await sealing.addPiece(request)
    await sealing.removePiece({ ...request, place })
    // the process ends here, and the next one takes a piece before it goes on with the end of the deal
    const between = await sealing.addPiece(requestOf(other.bytes, 'between'))
    await sealing.removePiece({ ...request, place })
    expect(await allocated(h, between.fileName)).toEqual([{ start: between.offsetPadded, length: between.lengthPadded }])
    await h.pieces.remove(request.pieceCid, { ...place, payloadBytes: undefined })
    const after = await sealing.addPiece(requestOf(makeCar(3).bytes, 'after'))
    expect(after).toMatchObject({ sector: place.sector, offsetPadded: place.offsetPadded })
    await sealing.removePiece({ ...request, place })
    expect(await allocated(h, after.fileName)).toEqual([{ start: after.offsetPadded, length: after.lengthPadded }])
    await h.close()
  })

  it('takes no number of a sector that the provider has elsewhere, and forgets no place there', async () => {
    const h = await openHarness()
    const request = requestOf(car.bytes)
    const elsewhere = { miner: 1000n, sector: 41n, offsetPadded: 0, lengthPadded: 2048, payloadBytes: undefined }
    await h.pieces.add(request.pieceCid, elsewhere)
    expect(await sealingOf(h).addPiece(request)).toMatchObject({ sector: 42n, reused: false })
    expect((await h.pieces.get(request.pieceCid)).map(({ sector }) => sector)).toEqual([41n, 42n])
    await h.close()
  })

  it('tells that a deal is active, until its epoch comes', async () => {
    const h = await openHarness()
    let epoch = 0n
    const sealing = createUnsealedSealing({ db: h.db, files: h.fs.directory, pieces: h.pieces, miner: 1000n, epoch: () => epoch })
    const leaving = new AbortController()
    const events = collect(sealing.events!({ signal: leaving.signal })).catch(() => {})
    const request = requestOf(car.bytes)
    const place = await sealing.addPiece(request)
    const deal = (await h.provider.accept(dealOf('a', car.bytes)))
    expect(await sealing.status({ ...deal, place })).toEqual({ status: 'active' })
    epoch = deal.proposal.endEpoch
    expect(await sealing.status({ ...deal, place })).toEqual({ status: 'expired' })
    leaving.abort()
    await events
    await h.close()
  })
})

/** A subsystem, and how often it lists the piece store and opens a sector. */
const counting = (h: Harness) => {
  const asked = { lists: 0, opened: 0 }
  const files: Directory = { ...h.fs.directory, openSource: (name, options) => { asked.opened++; return h.fs.directory.openSource(name, options) } }
  const pieces: PieceStore = { ...h.pieces, list: (options) => { asked.lists++; return h.pieces.list(options) } }
  return { asked, sealing: createUnsealedSealing({ db: h.db, files, pieces, miner: 1000n, engine }) }
}

describe('the room in sectors', () => {
  it('is looked for once, however many pieces come; there, each piece read all sectors and all records', async () => {
    const h = await openHarness()
    for (let at = 0; at < 8; at++) await sealingOf(h).addPiece(requestOf(makeCar(50 + at).bytes, `before ${at}`))
    const { asked, sealing } = counting(h)
    await sealing.addPiece(requestOf(makeCar(60).bytes, 'first'))
    const last = requestOf(makeCar(61).bytes, 'last')
    const opened: number[] = []
    for (let at = 0; at < 12; at++) {
      const before = asked.opened
      // a sector of its own, one that is shared, and one that is used again
      await sealing.addPiece(requestOf(makeCar(70 + at).bytes, `own ${at}`))
      await sealing.addPiece(requestOf(makeCar(90 + at, 1, 40).bytes, `shared ${at}`))
      const place = await sealing.addPiece(last)
      await sealing.removePiece({ ...last, place })
      await h.pieces.remove(last.pieceCid, { ...place, payloadBytes: undefined })
      opened.push(asked.opened - before)
    }
    expect(asked.lists).toBe(1)
    expect(Math.max(...opened), String(opened)).toBeLessThan(12)
    await h.close()
  })

  it('is looked for again when others have added copies', async () => {
    const h = await openHarness()
    const { asked, sealing } = counting(h)
    expect(await sealing.addPiece(requestOf(car.bytes))).toMatchObject({ sector: 1n })
    await (await openPieceStore(h.db)).addMany([{ piece: requestOf(other.bytes).pieceCid, location: { miner: 1000n, sector: 2n, offsetPadded: 0, lengthPadded: 2048, payloadBytes: undefined } }])
    expect(await sealing.addPiece(requestOf(makeCar(3).bytes, 'c'))).toMatchObject({ sector: 3n })
    expect(asked.lists).toBe(2)
    await h.close()
  })

  it('is what is found by looking anew, whatever pieces come, fail and go, beside others and after a restart', async () => {
    const random = seededRandom('room')
    const h = await openHarness()
    const parts = { files: h.fs.directory, pieces: h.pieces, miner: 1000n, places: openPlannedPlaces(h.db) }
    let sealing = sealingOf(h)
    const there: { request: ReturnType<typeof requestOf>, place: UnsealedPlace }[] = []
    for (let at = 0; at < 80; at++) {
      const what = random.int(10)
      if (what < 6 || there.length === 0) {
        const request = requestOf(seededBytes(1000 + at, 100), `r${at}`, 128 << random.int(6))
        const expected = await new SectorRoom(parts).take(request.pieceBytes)
        const place = await sealing.addPiece(request)
        expect(place).toMatchObject(expected)
        there.push({ request, place })
      } else if (what < 8) {
        const { request, place } = there.splice(random.int(there.length), 1)[0]!
        await sealing.removePiece({ ...request, place })
        // the process may end between the two
        if (random.int(3) === 0) sealing = sealingOf(h)
        if (random.int(4) > 0) await h.pieces.remove(request.pieceCid, { ...place, payloadBytes: undefined })
      } else if (what === 8) {
        const request = requestOf(seededBytes(1000 + at, 100), `f${at}`, 512)
        const broken = async function * (): AsyncGenerator<Uint8Array> {
          yield new Uint8Array(10)
          throw new Error('not the piece')
        }
        await expect(sealing.addPiece({ ...request, payload: broken })).rejects.toThrow('not the piece')
      } else sealing = sealingOf(h)
      const taken = new Map<bigint, Set<number>>()
      for (const { place: { sector, offsetPadded, lengthPadded } } of there) {
        const chunks = taken.get(sector) ?? new Set()
        taken.set(sector, chunks)
        for (let chunk = offsetPadded; chunk < offsetPadded + lengthPadded; chunk += 128) {
          expect(chunks.has(chunk)).toBe(false)
          chunks.add(chunk)
        }
      }
    }
    for (const { place: { fileName, offsetPadded, lengthPadded } } of there) expect((await openSector(await h.fs.directory.openSource(fileName))).isAllocated(offsetPadded, lengthPadded)).toBe(true)
    await h.close()
  })

  it('of a place whose plan outlived its record by a crash is used again when the piece has gone', async () => {
    const h = await openHarness()
    const request = requestOf(car.bytes)
    const place = await sealingOf(h).addPiece(request)
    // as a process leaves it that ends between the record and the end of the plan
    await openPlannedPlaces(h.db).put(request.pieceCid.toString(), { miner: 1000n, sector: place.sector, sectorBytes: place.sectorBytes, offsetPadded: 0, lengthPadded: 2048 })
    const sealing = sealingOf(h)
    expect(await sealing.addPiece(request)).toMatchObject({ reused: true })
    await sealing.removePiece({ ...request, place })
    await h.pieces.remove(request.pieceCid, { ...place, payloadBytes: undefined })
    expect(await sealing.addPiece(requestOf(other.bytes, 'other'))).toMatchObject({ sector: place.sector, offsetPadded: 0 })
    await h.close()
  })
})
