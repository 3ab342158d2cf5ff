import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryRecords, openImports } from '@dagstore/imports'
import { nodeSourceFiles } from '@dagstore/imports/node'
import { openDirectory } from '@dagstore/io/node'
import { decode } from '@ipld/dag-pb'
import { makeLargeFile } from '../src/large-file.mjs'

export const title = 'Get leaves of an import by reference'
export const packages = ['ref-carv2', 'imports']

const MIB = 1 << 20
const COUNTS = { small: 32, default: 256, large: 1024 }

export const run = async ({ compare, scratch, form }) => {
  const count = COUNTS[form]
  const path = join(scratch, 'file.bin')
  makeLargeFile(path, count * MIB)
  const imports = await openImports({ records: createMemoryRecords(), directory: await openDirectory(join(scratch, 'imports')), hashes: await openHashes(), sources: nodeSourceFiles() })
  const openOf = async (shape) => {
    const { id, root } = await imports.importPath(path, { profile: 'unixfs-v1-2025', form: shape })
    return { root, opened: await imports.open(id) }
  }
  const [ref, dense] = [await openOf('ref'), await openOf('dense')]
  const leaves = decode(await ref.opened.blockstore.bytes(ref.root)).Links.map(({ Hash }) => Hash)
  // far apart, each once
  const order = leaves.map((_, i) => (i * 37) % leaves.length)
  const file = await open(path, 'r')
  const get = ({ opened }) => async () => { for (const i of order) await opened.blockstore.bytes(leaves[i]) }
  await compare({
    what: `${count} leaves of 1 MiB, one after another, each hashed (sha2-256)`,
    work: { bytes: count * MIB, items: count },
    cases: [
      { name: 'bytes, by reference', role: 'ours', run: get(ref) },
      { name: 'bytes, dense', role: 'ours', run: get(dense) },
      {
        name: 'read and hash',
        role: 'floor',
        run: async () => {
          for (const i of order) createHash('sha256').update((await file.read(Buffer.allocUnsafe(MIB), 0, MIB, i * MIB)).buffer).digest()
        },
      },
    ],
  })
  await file.close()
  await ref.opened.close()
  await dense.opened.close()
  await imports.close()
}
