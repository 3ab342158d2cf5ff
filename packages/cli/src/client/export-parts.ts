/** What is written to a file or folder: out of a retrieval, a CAR, an import or an IPFS node; never a reference. */
import { resolvePath } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import type { SourceFiles } from '@dagstore/imports'
import type { CallOptions, TreeEntry } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import { openRefCar } from '@dagstore/ref-carv2'
import { carStream, unixfsTree } from '@dagstore/retrievals'
import { exportCarTo, exportTo } from '@dagstore/retrievals/node'
import type { ClientRetrievalParts, ExportedPart } from '@dagstore/rpc/handlers'
import { parseSelector } from '@dagstore/transfer'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import type { Dags } from './open-dags.ts'
import { replacing } from './written-file.ts'

/** It hashes what it gives. */
export interface OpenStore {
  readonly store: ReadBlockstore
  close (): Promise<void>
}

export interface ExportPartsOptions {
  readonly dags: Dags
  readonly sources: SourceFiles
  readonly hashes: Hashes
  /** `undefined`: its blocks are in no file. @throws there is no such retrieval, or it is not whole */
  readonly retrieved: (id: bigint, options: CallOptions) => Promise<OpenStore | undefined>
}

export const exportParts = ({ dags, sources, hashes, retrieved }: ExportPartsOptions): Pick<ClientRetrievalParts, 'export' | 'openExport'> => {
  const local = async ({ root }: ExportedPart, options: CallOptions): Promise<OpenStore> => {
    const dag = await dags.open(root, options)
    if (dag === undefined) throw new CommandError('COMMAND_REFUSED', `neither a retrieval nor an import has it; cid=${root.toString()}`)
    return dag
  }
  const open = async (request: ExportedPart, options: CallOptions): Promise<OpenStore> => {
    const { source } = request
    switch (source.type) {
      case 'retrieval': return await retrieved(source.id, options) ?? local(request, options)
      case 'local': return local(request, options)
      case 'car': {
        const bytes = await sources.open(source.path, options)
        try {
          const car = await openRefCar(bytes, { files: sources, hashes, ...options })
          return { store: car.blockstore, close: () => car.close() }
        } catch (error) {
          await bytes.close()
          throw error
        }
      }
    }
  }
  const treeOf = async (store: ReadBlockstore, root: CID, part: ReturnType<typeof partOf>, { signal }: CallOptions): Promise<TreeEntry> => {
    if (part.entityBytes !== undefined || part.scope === 'block') throw new CommandError('COMMAND_REFUSED', 'that part is no file or directory; a CAR of it can be written')
    const { cid } = await resolvePath(store, root, part.path ?? '', { signal })
    return unixfsTree(store, cid, '', { signal })
  }
  return {
    export: async (request, { signal, onProgress }) => {
      const { root, target, form, force } = request
      const part = partOf(request)
      const tell = ({ doneBytes }: { readonly doneBytes: number }): void => { onProgress?.({ doneBytes, totalBytes: undefined }) }
      const { store, close } = await open(request, { signal })
      try {
        await replacing(target, { signal, force }, async (draft) => {
          if (form === 'unixfs') await exportTo(await treeOf(store, root, part, { signal }), draft, { signal, onProgress: tell })
          else await exportCarTo(store, draft, { root, version: versionOf(form), selector: part, hashes, verify: 'never', signal, onProgress: tell })
        })
      } finally {
        await close()
      }
    },
    openExport: async (request, options) => {
      const { root, form } = request
      const part = partOf(request)
      const { store, close } = await open(request, options)
      try {
        if (form !== 'unixfs') return { sizeBytes: undefined, read: (call) => carStream(store, { root, version: versionOf(form), selector: part, hashes, verify: 'never', ...call }), close }
        const file = await treeOf(store, root, part, options)
        if (file.kind !== 'file') throw new CommandError('COMMAND_REFUSED', `that is a ${file.kind}, and no file; a CAR of it can be had`)
        return { sizeBytes: file.sizeBytes, read: (call) => file.read(call), close }
      } catch (error) {
        await close()
        throw error
      }
    },
  }
}

const partOf = ({ selector }: ExportedPart): ReturnType<typeof parseSelector> => selector === undefined ? {} : parseSelector(selector)

const versionOf = (form: 'carv1' | 'carv2'): 1 | 2 => form === 'carv1' ? 1 : 2
