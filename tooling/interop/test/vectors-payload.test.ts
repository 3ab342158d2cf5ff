/** The CARv1 of a deal, as go-car's traversal writes it, written by our packages. */
import { createHash } from 'node:crypto'
import { payloadForm, payloadSize } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryDirectory } from '@dagstore/io'
import { createCommP } from '@dagstore/piece/node'
import { buildFile, buildTree, type Profile } from '@dagstore/unixfs-builder'
import { createWritableCar } from '@dagstore/writable-carv2'
import { describe, expect, it } from 'vitest'
import { inputChunks, treeOf } from './inputs.ts'
import { manifest } from './manifest.ts'

const hashes = await openHashes()

describe.each(manifest.payloads.map((facts) => ({ ...facts, input: facts.tree ?? `${facts.size} bytes` })))('the payload form of $input under $profile', (facts) => {
  it('has the bytes that go-car writes, and names the same piece', async () => {
    const car = await createWritableCar(await createMemoryDirectory().openWritable('built.car', 'new'), { hashes })
    const options = { profile: facts.profile as Profile, hashes }
    const tree = manifest.unixfs.trees.find(({ name }) => name === facts.tree)
    const { cid } = tree === undefined
      ? await buildFile(inputChunks(facts.seed, facts.size), car, options)
      : await buildTree(treeOf(tree.name, tree.entries), car, options)
    expect(cid.toString()).toBe(facts.root)
    await car.finalize({ roots: [cid] })

    expect(await payloadSize(car, cid, { hashes })).toEqual({ bytes: facts.bytes, blocks: facts.blocks })
    const sha256 = createHash('sha256')
    const commP = createCommP()
    for await (const chunk of payloadForm(car, cid, { hashes })) {
      sha256.update(chunk)
      commP.write(chunk)
    }
    expect(sha256.digest('hex')).toBe(facts.sha256)
    const piece = commP.finish()
    if (facts.pieceV1 !== undefined) expect({ v1: piece.cidV1.toString(), padded: piece.paddedBytes }).toEqual({ v1: facts.pieceV1, padded: facts.paddedSize })
    await car.close()
  })
})
