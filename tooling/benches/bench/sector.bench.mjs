import { open as openCallback, read as readCallback } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readChunks } from '@dagstore/io'
import { openFileSource, openWritableFile } from '@dagstore/io/node'
import { createPieceLoader, sectorPieceSource } from '@dagstore/lotus-mount'
import { localSectors } from '@dagstore/lotus-mount/node'
import { pieceCidV1 } from '@dagstore/piece'
import { createPieceEngine } from '@dagstore/piece/node'
import { createMemoryPieceStore } from '@dagstore/piece-store'
import { openSector, openSectorWriter } from '@dagstore/unsealed-sector'

export const title = 'Read pieces of a cached unsealed sector'
export const packages = ['unsealed-sector', 'piece', 'lotus-mount']

const MIB = 2 ** 20
const SECTOR_BYTES = 512 * MIB
const PIECE_PADDED = 256 * MIB
const RANDOM_READS = 4000
const RANDOM_BYTES = 16 * 1024

const writeSector = async (path, fr32) => {
  const writer = await openSectorWriter(await openWritableFile(path, 'new'), { sectorBytes: SECTOR_BYTES, fr32 })
  const part = new Uint8Array(MIB).map((_, i) => i * 7919 >> 5)
  const payload = function * () {
    for (let left = PIECE_PADDED / 128 * 127; left > 0; left -= part.byteLength) yield part.subarray(0, left)
  }
  await writer.writePiece(0, PIECE_PADDED, payload())
  await writer.close()
}

/** Callback reads into memory of their own, as many under way as given. */
const plainReads = (file, places, length, width) => async () => {
  let at = 0
  const worker = async () => {
    while (at < places.length) {
      const place = places[at++]
      await new Promise((resolve, reject) => readCallback(file, Buffer.allocUnsafeSlow(length), 0, length, place, (error) => (error ? reject(error) : resolve())))
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** The piece as shards read it: found through a piece store, its file looked at after each read. */
const openLoaded = async (folder, fr32) => {
  const piece = pieceCidV1(new Uint8Array(32))
  const pieceStore = createMemoryPieceStore()
  await pieceStore.add(piece, { miner: 1000n, sector: 1n, offsetPadded: 0, lengthPadded: PIECE_PADDED, payloadBytes: undefined })
  return createPieceLoader([sectorPieceSource({ pieceStore, openSectorFile: localSectors([folder]), fr32 })]).open(piece)
}

/** A consumer that wants one chunk after another, and has nothing else to do. */
const drain = async (piece, chunkBytes) => {
  let bytes = 0
  for await (const chunk of readChunks(piece, 0, piece.sizeBytes, { chunkBytes })) bytes += chunk.byteLength
  if (bytes !== piece.sizeBytes) throw new Error(`short; bytes=${bytes}`)
}

/** As many consumers as given, that share the chunks. */
const drainSideBySide = async (piece, chunkBytes, width) => {
  let [at, bytes] = [0, 0]
  const worker = async () => {
    while (at < piece.sizeBytes) {
      const from = at
      at += chunkBytes
      const chunk = await piece.read(from, Math.min(chunkBytes, piece.sizeBytes - from))
      bytes += chunk.byteLength
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  if (bytes !== piece.sizeBytes) throw new Error(`short; bytes=${bytes}`)
}

export const run = async ({ compare, scratch }) => {
  await mkdir(join(scratch, 'unsealed'))
  const path = join(scratch, 'unsealed', 's-t01000-1')
  const fr32 = createPieceEngine()
  await writeSector(path, fr32)
  const file = await promisify(openCallback)(path, 'r')
  const openPiece = async (options) => (await openSector(await openFileSource(path), options)).openPiece(0, PIECE_PADDED)
  const [fast, plain, loaded] = [await openPiece({ fr32 }), await openPiece({}), await openLoaded(scratch, fr32)]

  for (const slice of [256 * 1024, MIB, 4 * MIB]) {
    const places = Array.from({ length: PIECE_PADDED / slice }, (_, i) => i * slice)
    await compare({
      what: `a whole piece, reads of ${slice / 1024} KiB`,
      work: { bytes: PIECE_PADDED / 128 * 127 },
      cases: [
        { name: 'unpadded (WASM)', role: 'ours', run: () => drain(fast, slice / 128 * 127) },
        { name: 'unpadded (WASM), two under way', role: 'ours', run: () => drainSideBySide(fast, slice / 128 * 127, 2) },
        { name: 'unpadded (WASM), two under way, by a piece loader', role: 'ours', run: () => drainSideBySide(loaded, slice / 128 * 127, 2) },
        { name: 'unpadded (JavaScript)', role: 'ours', run: () => drain(plain, slice / 128 * 127) },
        { name: 'fs.read, two under way', role: 'floor', run: plainReads(file, places, slice, 2) },
        { name: 'fs.read, one after another', role: 'floor', run: plainReads(file, places, slice, 1) },
      ],
      wanted: [
        { name: 'unpadded (WASM)', against: 'fs.read, one after another', atLeast: 0.5 },
        { name: 'unpadded (WASM), two under way', against: 'fs.read, two under way', atLeast: 0.5 },
      ],
    })
  }

  const places = Array.from({ length: RANDOM_READS }, (_, i) => (i * 7_919_993) % (fast.sizeBytes - RANDOM_BYTES))
  const each = (piece) => async () => { for (const place of places) await piece.read(place, RANDOM_BYTES) }
  await compare({
    what: `${RANDOM_BYTES / 1024} KiB at random, one after another`,
    work: { bytes: RANDOM_READS * RANDOM_BYTES, items: RANDOM_READS },
    cases: [
      { name: 'unpadded (WASM)', role: 'ours', run: each(fast) },
      { name: 'unpadded (WASM), by a piece loader', role: 'ours', run: each(loaded) },
      { name: 'unpadded (JavaScript)', role: 'ours', run: each(plain) },
      { name: 'fs.read', role: 'floor', run: plainReads(file, places, RANDOM_BYTES, 1) },
    ],
    wanted: [{ name: 'unpadded (WASM)', against: 'fs.read', atLeast: 0.5 }],
  })
}
