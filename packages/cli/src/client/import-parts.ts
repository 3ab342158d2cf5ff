/** The imports of a store, as the handlers of the RPC ask for them. */
import { join } from 'node:path'
import type { RetrievalNode } from '@dagstore/deal-client'
import type { ImportRecord, Imports } from '@dagstore/imports'
import type { TreeFile } from '@dagstore/io'
import { carStream } from '@dagstore/retrievals'
import type { ClientImportFacts, ClientImportParts } from '@dagstore/rpc/handlers'
import { CommandError } from '../failure.ts'
import { withLotusImports } from './lotus-imports.ts'
import { type PassingOptions, withPassingImport } from './passing-import.ts'

export interface ImportPartsOptions extends PassingOptions {
  /** Of the CARs that are ours, absolute. */
  readonly folder: string
  /** `undefined`: there is none. */
  readonly node: Pick<RetrievalNode, 'importCar'> | undefined
}

export const importParts = (imports: Imports, { folder, node, ...passing }: ImportPartsOptions): ClientImportParts => {
  const facts = (record: ImportRecord): ClientImportFacts =>
    ({ ...record, carPath: record.carPath === undefined || record.carOwner === 'user' ? record.carPath : join(folder, record.carPath) })
  return {
    importPath: async (path, { isCar, form, profile, links, into = 'file', signal, onProgress }) => {
      if (into === 'file') return facts(await imports.importPath(path, { car: isCar, form, profile, links, signal, onProgress }))
      if (node === undefined) throw new CommandError('COMMAND_REFUSED', 'there is no IPFS node for this: UseIpfs or IpfsMAddr in the configuration')
      return withPassingImport(passing, path, { car: isCar, profile, links, signal, onProgress }, async ({ root, store, fileBytes, blocks }) => {
        await node.importCar(carStream(store, { root, hashes: passing.hashes, signal }), { pinRoots: into === 'ipfs-pinned', signal })
        return { id: 0n, root, source: 'import', filename: path, carPath: undefined, form: 'unknown', profile: isCar ? undefined : profile, blocks, carBytes: undefined, fileBytes, piece: undefined }
      })
    },
    importStream: async (content, { signal }) => facts(await imports.importTree(streamed(content), { sourceLabel: '', source: 'import-local', form: 'dense', signal })),
    list: async function * (options) { for await (const record of imports.list(options)) yield facts(record) },
    check: async function * (options) {
      const check = imports.check(options)
      for (;;) {
        const next = await check.next()
        if (next.done === true) return next.value.total
        yield { ...next.value, record: facts(next.value.record) }
      }
    },
    remove: (id, { signal }) => {
      signal?.throwIfAborted()
      return imports.remove(id)
    },
    reimport: async (id, options) => facts(await imports.reimport(id, options)),
    verify: async (id, options) => {
      const { record, references, bytes, faults, faultCount } = await imports.verify(id, options)
      return { record: facts(record), checkedBlocks: record.blocks ?? references, checkedBytes: bytes > 0 ? bytes : record.fileBytes ?? record.carBytes ?? 0, faults, faultCount }
    },
    adopt: (lotusPath, options) => withLotusImports(lotusPath, options, async function * (records, importsFolder) {
      for await (const { record, outcome, fault } of imports.adopt(records, { importsFolder, ...options })) {
        yield {
          id: record.id, root: record.root, filename: record.filename, adopted: outcome === 'adopted',
          ...(fault === undefined ? {} : { error: new CommandError('COMMAND_REFUSED', fault) }),
        }
      }
    }),
  }
}

/** Bytes that come once. */
const streamed = (content: AsyncIterable<Uint8Array>): TreeFile => ({ kind: 'file', name: '', sizeBytes: 0, read: () => content })
