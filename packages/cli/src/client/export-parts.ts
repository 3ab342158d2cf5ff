/** What is written to a file or folder: out of a retrieval, a CAR, an import or an IPFS node; never a reference. */
import { resolvePath } from '@dagstore/dag'
import type { Hashes } from '@dagstore/hashes'
import type { SourceFiles } from '@dagstore/imports'
import type { CallOptions } from '@dagstore/io'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import { openRefCar } from '@dagstore/ref-carv2'
import { unixfsTree } from '@dagstore/retrievals'
import { exportCarTo, exportTo } from '@dagstore/retrievals/node'
import type { ClientRetrievalParts, ExportRequest } from '@dagstore/rpc/handlers'
import { parseSelector } from '@dagstore/transfer'
import { CommandError } from '../failure.ts'
import type { Dags } from './open-dags.ts'
import { replacing } from './written-file.ts'

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

export const exportParts = ({ dags, sources, hashes, retrieved }: ExportPartsOptions): Pick<ClientRetrievalParts, 'export'> => {
  const local = async ({ root }: ExportRequest, options: CallOptions): Promise<OpenStore> => {
    const dag = await dags.open(root, options)
    if (dag === undefined) throw new CommandError('COMMAND_REFUSED', `neither a retrieval nor an import has it; cid=${root.toString()}`)
    return dag
  }
  const open = async (request: ExportRequest, options: CallOptions): Promise<OpenStore> => {
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
  return {
    export: async (request, { signal, onProgress }) => {
      const { root, selector, target, form, force } = request
      const part = selector === undefined ? {} : parseSelector(selector)
      const tell = ({ doneBytes }: { readonly doneBytes: number }): void => { onProgress?.({ doneBytes, totalBytes: undefined }) }
      const { store, close } = await open(request, { signal })
      try {
        await replacing(target, { signal, force }, async (draft) => {
          if (form !== 'unixfs') {
            await exportCarTo(store, draft, { root, version: form === 'carv1' ? 1 : 2, selector: part, hashes, signal, onProgress: tell })
            return
          }
          if (part.entityBytes !== undefined || part.scope === 'block') throw new CommandError('COMMAND_REFUSED', 'that part is no file or directory; a CAR of it can be written')
          const { cid } = await resolvePath(store, root, part.path ?? '', { signal })
          await exportTo(await unixfsTree(store, cid, '', { signal }), draft, { signal, onProgress: tell })
        })
      } finally {
        await close()
      }
    },
  }
}
