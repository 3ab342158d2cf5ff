/** What is written to a path of this machine: retrievals, CARs, imports. Source: lotus v1.13.2 node/impl/client/client.go `ClientExport`. */
import type { ClientExportProgress, ExportRef, FileRef, LotusApi } from '@dagstore/lotus-api'
import type { CID } from 'multiformats/cid'
import { badParams } from '../failures.ts'
import { localPath } from './local-path.ts'
import { progressStream } from './progress-stream.ts'
import type { ClientRetrievalParts, ExportedPart, ExportOptions, ExportRequest, ExportSource } from './retrieval-parts.ts'

type Exporter = Pick<ClientRetrievalParts, 'export'>

interface Wanted { readonly Root: CID, readonly DataSelector?: string | undefined }

/** @throws {RpcError} `RPC_BAD_PARAMS`: a relative path */
export const exportTo = (exporter: Exporter, { Root, DataSelector }: Wanted, source: ExportSource, { Path, IsCAR }: FileRef, options: ExportOptions): Promise<void> =>
  exporter.export(requestOf({ Root, DataSelector }, source, { Path, IsCAR }, { version: 1, force: true }), options)

/** @throws {RpcError} `RPC_BAD_PARAMS`: a relative path, or more than one part */
export const exportedPart = (ref: ExportRef, form: ExportedPart['form']): ExportedPart => partOf(wantedOf(ref), sourceOf(ref), form)

const partOf = ({ Root, DataSelector }: Wanted, source: ExportSource, form: ExportedPart['form']): ExportedPart => ({
  root: Root,
  source: source.type === 'car' ? { type: 'car', path: localPath(source.path, 'FromLocalCAR') } : source,
  selector: DataSelector,
  form,
})

const requestOf = (wanted: Wanted, source: ExportSource, { Path, IsCAR }: FileRef, { version, force }: { readonly version: 1 | 2, readonly force: boolean }): ExportRequest =>
  ({ ...partOf(wanted, source, IsCAR ? version === 1 ? 'carv1' : 'carv2' : 'unixfs'), target: localPath(Path, 'ref.Path'), force })

export const exportHandlers = (exporter: Exporter): Pick<LotusApi, 'ClientExport' | 'ClientExportWithEvents'> => ({
  // Lotus writes over what is there
  ClientExport: (ref, file, { signal } = {}) => exporter.export(requestOf(wantedOf(ref), sourceOf(ref), file, { version: 1, force: true }), { signal }),
  ClientExportWithEvents: (ref, file, how = {}, { signal } = {}) => {
    const { CARVersion = 1, Force = false } = how
    if (CARVersion !== 1 && CARVersion !== 2) throw badParams('how.CARVersion; want=1|2')
    const request = requestOf(wantedOf(ref), sourceOf(ref), file, { version: CARVersion, force: Force })
    return progressStream((options) => exporter.export(request, options), { signal }, {
      progress: ({ doneBytes, totalBytes }): ClientExportProgress => ({ DoneBytes: doneBytes, TotalBytes: totalBytes ?? null, Done: false }),
      result: (_result, { doneBytes, totalBytes }) => ({ DoneBytes: doneBytes, TotalBytes: totalBytes ?? null, Done: true }),
    })
  },
})

const wantedOf = ({ Root, DAGs: [dag, ...more] }: ExportRef): Wanted => {
  if (more.length > 0) throw badParams('exportRef.DAGs; most=1')
  return { Root, DataSelector: dag?.DataSelector }
}

const sourceOf = ({ FromLocalCAR, DealID }: ExportRef): ExportSource =>
  FromLocalCAR !== '' ? { type: 'car', path: FromLocalCAR } : DealID !== 0n ? { type: 'retrieval', id: DealID } : { type: 'local' }
