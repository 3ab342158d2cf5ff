import { createCommP as createPlainCommP } from '@dagstore/piece'
import { createCommP } from '@dagstore/piece/node'
import { create } from 'fr32-sha2-256-trunc254-padded-binary-tree-multihash'

export const title = 'commP of a payload in memory, one thread'
export const packages = ['piece']

const PAYLOAD_BYTES = 8 * 2 ** 20 - 12345
const CHUNK_BYTES = 256 * 1024

const chunksOf = (payload) => Array.from({ length: Math.ceil(payload.byteLength / CHUNK_BYTES) }, (_, i) => payload.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES))

export const run = async ({ compare }) => {
  const chunks = chunksOf(new Uint8Array(PAYLOAD_BYTES).map((_, i) => (i * 2654435761) >>> 13))
  const ours = (open) => {
    const commp = open()
    for (const chunk of chunks) commp.write(chunk)
    return commp.finish().commitment
  }
  const peer = () => {
    const hasher = create()
    for (const chunk of chunks) hasher.write(chunk)
    const multihash = new Uint8Array(hasher.multihashByteLength())
    hasher.digestInto(multihash, 0, true)
    hasher.free()
    return multihash.subarray(-32)
  }
  if (Buffer.compare(ours(createCommP), peer()) !== 0) throw new Error('commP differs from the peer')
  await compare({
    what: 'a payload just below 8 MiB',
    work: { bytes: PAYLOAD_BYTES },
    cases: [
      { name: 'piece/node', role: 'ours', run: () => ours(createCommP) },
      { name: 'piece', role: 'ours', run: () => ours(createPlainCommP) },
      { name: 'fr32-sha2-256-trunc254-padded-binary-tree-multihash', role: 'peer', run: peer },
    ],
    wanted: [{ name: 'piece/node', against: 'fr32-sha2-256-trunc254-padded-binary-tree-multihash', atLeast: 6 }],
  })
}
