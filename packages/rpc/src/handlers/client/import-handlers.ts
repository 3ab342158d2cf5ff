/** Imports. Source: lotus node/impl/client/client.go `ClientImport`, `ClientListImports`, `ClientRemoveImport`. */
import type { ByteProgress } from '@dagstore/io'
import type { ClientBrokenImport, ClientImportCheckProgress, ClientImportProgress, FileRef, Import, LotusApi } from '@dagstore/lotus-api'
import { refusal } from '../failures.ts'
import type { ClientImportFacts, ClientImportParts } from './import-parts.ts'
import { adoptedOf, brokenOf, checkOf, importOf } from './import-wire.ts'
import { localPath } from './local-path.ts'
import { progressStream } from './progress-stream.ts'

type ImportMethods = Pick<LotusApi,
  'ClientImport' | 'ClientListImports' | 'ClientRemoveImport' | 'ClientImportWithEvents' | 'ClientReimport' | 'ClientVerifyImport' | 'ClientCheckImports' | 'ClientAdopt'
>

/** Of one report. */
const MAX_BROKEN = 1000

export const importHandlers = (imports: ClientImportParts): ImportMethods => {
  const source = ({ Path }: FileRef): string => localPath(Path, 'ref.Path')
  return {
    ClientImport: async (ref, { signal } = {}) => {
      const record = await imports.importPath(source(ref), { isCar: ref.IsCAR, signal })
      if (record.root === undefined) throw refusal('the import has no root', undefined, 'RPC_INTERNAL')
      return { Root: record.root, ImportID: record.id }
    },
    ClientImportWithEvents: (ref, how = {}, { signal } = {}) => {
      const path = source(ref)
      return progressStream(
        (options) => imports.importPath(path, { isCar: ref.IsCAR, form: how.Form, profile: how.Profile, links: how.Links, into: how.Into, ...options }), { signal }, importValues)
    },
    ClientListImports: async ({ signal } = {}) => {
      const broken = new Map<bigint, string>()
      for await (const { record, message } of imports.check({ signal })) broken.set(record.id, message)
      const all: Import[] = []
      for await (const record of imports.list({ signal })) all.push(importOf(record, broken.get(record.id)))
      return all
    },
    ClientRemoveImport: (id, { signal } = {}) => imports.remove(id, { signal }),
    ClientReimport: (id, { signal } = {}) => progressStream((options) => imports.reimport(id, options), { signal }, importValues),
    ClientVerifyImport: (id, how = {}, { signal } = {}) => progressStream((options) => imports.verify(id, { ...options, depth: how.Depth }), { signal }, {
      progress: (progress): ClientImportCheckProgress => ({ ...progressOf(progress), Report: null }),
      result: (report, last) => ({ ...progressOf(last), Report: checkOf(report) }),
    }),
    ClientCheckImports: async ({ signal } = {}) => {
      const found: ClientBrokenImport[] = []
      let count = 0
      const check = imports.check({ signal })
      for (;;) {
        const next = await check.next()
        if (next.done === true) return { Total: next.value, BrokenCount: count, Broken: found }
        count++
        if (found.length < MAX_BROKEN) found.push(brokenOf(next.value))
      }
    },
    ClientAdopt: (lotusPath, { signal } = {}) => {
      const path = localPath(lotusPath, 'lotusPath')
      return (async function * () {
        for await (const adopted of imports.adopt(path, { signal })) yield adoptedOf(adopted)
      })()
    },
  }
}

const progressOf = ({ doneBytes, totalBytes }: ByteProgress): { readonly DoneBytes: number, readonly TotalBytes: number | null } => ({ DoneBytes: doneBytes, TotalBytes: totalBytes ?? null })

const importValues = {
  progress: (progress: ByteProgress): ClientImportProgress => ({ ...progressOf(progress), Import: null }),
  result: (record: ClientImportFacts, last: ByteProgress): ClientImportProgress => ({ ...progressOf(last), Import: importOf(record) }),
}
