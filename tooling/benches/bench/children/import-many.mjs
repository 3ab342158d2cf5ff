/** Import a folder of small files, or do what that takes at least. */
import { openHashes } from '@dagstore/hashes/node'
import { createMemoryRecords, openImports } from '@dagstore/imports'
import { nodeSourceFiles } from '@dagstore/imports/node'
import { openDirectory, openTree } from '@dagstore/io/node'
import { importer } from 'ipfs-unixfs-importer'
import { measured } from '../../src/child.mjs'

const profile = 'unixfs-v1-2025'

async function * filesOf (entry, path) {
  if (entry.kind === 'file') yield { path, entry }
  else for await (const child of entry.entries()) yield * filesOf(child, `${path}/${child.name}`)
}

const import_ = async (folder, scratch, form) => {
  const imports = await openImports({ records: createMemoryRecords(), directory: await openDirectory(scratch), hashes: await openHashes(), sources: nodeSourceFiles() })
  const { blocks } = await imports.importPath(folder, { profile, form, reuse: false })
  await imports.close()
  // beside the files there is a node for each folder, and the root
  return { files: blocks - Math.ceil((blocks - 1) / 1001) - 1 }
}

const WAYS = {
  ref: ({ folder, scratch }) => import_(folder, scratch, 'ref'),
  dense: ({ folder, scratch }) => import_(folder, scratch, 'dense'),
  peer: async ({ folder }) => {
    let files = 0
    const candidates = async function * () {
      for await (const { path, entry } of filesOf(await openTree(folder), 'many')) {
        files++
        yield { path, content: entry.read() }
      }
    }
    for await (const _ of importer(candidates(), { put: async (cid) => cid }, { cidVersion: 1, rawLeaves: true, reduceSingleLeafToSelf: true }));
    return { files }
  },
  floor: async ({ folder }) => {
    const hashes = await openHashes()
    let files = 0
    for await (const { entry } of filesOf(await openTree(folder), '')) {
      files++
      for await (const chunk of entry.read()) hashes.digest(0x12, chunk)
    }
    return { files }
  },
}

await measured(import.meta.url, (args) => WAYS[args.way](args))
