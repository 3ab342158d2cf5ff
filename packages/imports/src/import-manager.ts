/** The imports as their users have them. */
import { toCid } from '@dagstore/read-blockstore'
import { adoptRecord } from './adopting.ts'
import { faultOf } from './car-place.ts'
import { ImportError } from './errors.ts'
import { checkImport } from './import-check.ts'
import { filesOf, type ImportCore } from './import-core.ts'
import type { Imports } from './imports.ts'
import { importCar, importPath, importTree, reimport } from './making.ts'
import { createOpenings, type ReadableRecord } from './openings.ts'
import { type ImportRecord, labelsOf } from './record.ts'
import { carSource, treeSource } from './source-key.ts'

export const createImports = (core: ImportCore): Imports => {
  const { parts } = core
  const { table } = parts
  const openings = createOpenings(parts)

  const get: Imports['get'] = async (id) => (await table.get(id))?.record

  async function * list ({ signal }: Parameters<Imports['list']>[0] = {}): AsyncGenerator<ImportRecord, void, undefined> {
    signal?.throwIfAborted()
    for (const id of await table.ids()) {
      const record = await get(id)
      signal?.throwIfAborted()
      if (record !== undefined) yield record
    }
  }

  const remove: Imports['remove'] = (id) => core.pass(undefined, () => core.lock(id.toString(), async () => {
    const names = await core.inTurn(async () => {
      const leftover = filesOf(id, (await core.stored(id)).record)
      await table.change({ id, labels: undefined, leftover })
      return leftover
    })
    await core.clear({ id, names })
  }))

  async function * withRoot (root: Parameters<Imports['withRoot']>[0], { signal }: Parameters<Imports['withRoot']>[1] = {}): AsyncGenerator<ImportRecord, void, undefined> {
    signal?.throwIfAborted()
    const own = toCid(root).toV1()
    for await (const id of table.idsOfRoot(own)) {
      const record = await get(id)
      if (record?.root?.toV1().equals(own) === true && await faultOf(record, parts, { signal }) === undefined) yield record
    }
  }

  const open: Imports['open'] = (id, { signal: given } = {}) => core.pass(given, async (signal) => {
    const { record } = await core.stored(id)
    const fault = await faultOf(record, parts, { signal })
    if (fault !== undefined || !isReadable(record)) throw new ImportError('IMPORT_BROKEN', `${fault?.message ?? 'it has no CAR'}; id=${id}`, { id })
    return openings.open(record, { signal })
  })

  const openRoot: Imports['openRoot'] = async (root, options = {}) => {
    let failure: { readonly error: unknown } | undefined
    for await (const { id } of withRoot(root, options)) {
      try {
        return await open(id, options)
      } catch (error) {
        options.signal?.throwIfAborted()
        failure ??= { error }
      }
    }
    if (failure !== undefined) throw failure.error
    return undefined
  }

  const setPiece: Imports['setPiece'] = (id, piece, { root } = {}) => core.pass(undefined, () => core.inTurn(async () => {
    const { record, labels } = await core.stored(id)
    if (root !== undefined && record.root?.equals(toCid(root)) !== true) return
    await table.change({ id, labels: labelsOf({ ...record, piece }, labels) })
  }))

  const check: Imports['check'] = async function * ({ signal } = {}) {
    let [total, broken] = [0, 0]
    for await (const record of list({ signal })) {
      total++
      const fault = await faultOf(record, parts, { signal })
      if (fault === undefined) continue
      broken++
      yield fault
    }
    return { total, broken }
  }

  const adopt: Imports['adopt'] = async function * (records, { importsFolder, signal: given }) {
    for await (const found of records) {
      yield await core.pass(given, async (signal) => {
        const known = await get(found.id)
        if (known !== undefined) return { record: known, outcome: 'known', fault: (await faultOf(known, parts, { signal }))?.message }
        const { labels, fault } = await adoptRecord(found, parts.sources, { importsFolder, signal })
        await core.inTurn(() => table.change({ id: found.id, labels }))
        const { record } = await core.stored(found.id)
        return { record, outcome: 'adopted', fault: fault ?? (await faultOf(record, parts, { signal }))?.message }
      })
    }
  }

  let closing: Promise<void> | undefined
  const close = (): Promise<void> => closing ??= core.close().then(() => openings.close())

  return {
    importTree: (entry, options) => core.pass(options.signal, (signal) => importTree(core, entry, options, signal)),
    importPath: (path, options = {}) => core.pass(options.signal, (signal) => importPath(core, path, options, signal)),
    importCar: (car, options) => core.pass(options.signal, (signal) => importCar(core, car, options, signal)),
    find: async (source) => await core.findBy(treeSource(source)) ?? core.findBy(carSource(source.sourceLabel, source.fingerprint)),
    get,
    list,
    remove,
    withRoot,
    open,
    openRoot,
    setPiece,
    reimport: (id, options = {}) => core.pass(options.signal, (signal) => reimport(core, id, options, signal)),
    check,
    verify: (id, options = {}) => core.pass(options.signal, async (signal) => checkImport((await core.stored(id)).record, parts, { ...options, signal })),
    adopt,
    close,
    [Symbol.asyncDispose]: close,
  }
}

const isReadable = (record: ImportRecord): record is ReadableRecord => record.carPath !== undefined && record.root !== undefined
