// A piece that only the user's own program knows how to reach, opened through lotus:// by a source of thirty lines.
// needs: @dagstore/lotus-mount @dagstore/mounts @dagstore/piece @dagstore/io
import assert from 'node:assert/strict'
import { createBytesSource } from '@dagstore/io'
import { createPieceLoader, lotusMount } from '@dagstore/lotus-mount'
import { createMountRegistry } from '@dagstore/mounts'
import { createCommP, toPieceCidV1 } from '@dagstore/piece'

const payload = new Uint8Array(100_000).map((_, i) => (i * 7) >> 2)
const commp = createCommP()
commp.write(payload)
const { cidV1, cidV2, paddedBytes } = commp.finish()
const pieceBytes = paddedBytes / 128 * 127

/** Pieces in a Map: what a user writes for an archive, an object store or a tape robot of their own. */
class PiecesInMemory {
  name = 'memory'
  cost = 1
  #pieces = new Map()

  add (cid, bytes) {
    this.#pieces.set(toPieceCidV1(cid).toString(), bytes)
  }

  async stat (piece) {
    const bytes = this.#pieces.get(piece.toString())
    return bytes === undefined ? undefined : { unsealed: 'yes', pieceBytes: bytes.byteLength }
  }

  async open (piece) {
    const bytes = this.#pieces.get(piece.toString())
    return bytes === undefined ? undefined : createBytesSource(bytes, { identity: { kind: 'content', cid: piece.toString(), sizeBytes: bytes.byteLength } })
  }
}

const source = new PiecesInMemory()
const whole = new Uint8Array(pieceBytes)
whole.set(payload)
source.add(cidV2, whole)

const loader = createPieceLoader([source])
const registry = createMountRegistry([lotusMount(loader)])
const mount = registry.resolve(`lotus://${cidV2}`)
assert.equal(mount.url, `lotus://${cidV1}`)
assert.deepEqual({ ...await mount.stat() }, { exists: true, sizeBytes: pieceBytes, ready: true, access: 'random' })

const opened = await mount.open()
assert.equal(opened.access, 'random')
assert.deepEqual(await opened.source.read(50_000, 1000), payload.slice(50_000, 51_000))
await opened.source.close()

const unknown = createCommP()
unknown.write(payload.subarray(1))
const absent = await registry.resolve(`lotus://${unknown.finish().cidV1}`).stat()
assert.equal(absent.exists, false)
console.log(`${pieceBytes} bytes of a piece reached`)
