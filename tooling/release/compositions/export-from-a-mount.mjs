// A CAR made by other libraries, mounted, promoted, and exported by ipfs-unixfs-exporter from the registry.
// needs: @dagstore/read-blockstore @dagstore/promote-blockstore @dagstore/carv2-index-mount
// needs: ipfs-unixfs-exporter ipfs-unixfs @ipld/car @ipld/dag-pb multiformats
import assert from 'node:assert/strict'
import { openIndexMount } from '@dagstore/carv2-index-mount'
import { createBytesSource } from '@dagstore/io'
import { promote } from '@dagstore/promote-blockstore'
import { hasBytes } from '@dagstore/read-blockstore'
import { CarWriter } from '@ipld/car'
import * as dagPb from '@ipld/dag-pb'
import { UnixFS } from 'ipfs-unixfs'
import { exporter } from 'ipfs-unixfs-exporter'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'

const blockOf = async (code, bytes) => ({ cid: CID.createV1(code, await sha256.digest(bytes)), bytes })

const content = new Uint8Array(1_000_000).map((_, i) => (i * 31) >> 3)
const leaves = []
for (let at = 0; at < content.length; at += 300_000) leaves.push(await blockOf(0x55, content.slice(at, at + 300_000)))
const file = new UnixFS({ type: 'file', blockSizes: leaves.map(({ bytes }) => BigInt(bytes.length)) })
const root = await blockOf(dagPb.code, dagPb.encode(dagPb.prepare({ Data: file.marshal(), Links: leaves.map(({ cid, bytes }) => ({ Hash: cid, Name: '', Tsize: bytes.length })) })))

const { writer, out } = await CarWriter.create([root.cid])
const chunks = []
const written = (async () => { for await (const chunk of out) chunks.push(chunk) })()
for (const block of [root, ...leaves]) await writer.put(block)
await writer.close()
await written

const mount = await openIndexMount({ data: createBytesSource(Buffer.concat(chunks)) })
assert.equal(hasBytes(mount.blockstore), true)
const store = promote(mount.blockstore, mount)

const entry = await exporter(root.cid, store)
const exported = []
for await (const chunk of entry.content()) exported.push(chunk)
assert.deepEqual(Buffer.concat(exported), Buffer.from(content))

await assert.rejects(Promise.resolve(store.put(root.cid, root.bytes)), { code: 'BLOCKSTORE_READ_ONLY' })
await store.close()
await assert.rejects(store.has(root.cid), { code: 'BLOCKSTORE_CLOSED' })
console.log(`${content.length} bytes exported`)
