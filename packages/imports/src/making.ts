/** How imports are made, and made again. */
import type { ByteSource, TreeEntry } from '@dagstore/io'
import { DEFAULT_PROFILE, type Profile } from '@dagstore/unixfs-builder'
import { refuseAsContent, rootOf, type ScannedCar, scanCar } from './car-scan.ts'
import { writeCar } from './car-writing.ts'
import { ImportError } from './errors.ts'
import type { ImportCore, MadeImport } from './import-core.ts'
import { namesOf } from './import-names.ts'
import type { ImportCarOptions, ImportPathOptions, ImportProgressOptions, ImportResult, ImportTreeOptions } from './imports.ts'
import type { ImportRecord, LinkPolicy } from './record.ts'
import type { PendingFiles } from './record-table.ts'
import { planReimport } from './reimporting.ts'
import { carSource, treeSource } from './source-key.ts'

/** As `Imports.importTree`, from its options on. */
export const importTree = async (core: ImportCore, entry: TreeEntry, options: ImportTreeOptions, signal: AbortSignal): Promise<ImportResult> => {
  const { sourceLabel, fingerprint, profile = DEFAULT_PROFILE, links = 'refuse', path, form = path === undefined ? 'dense' : 'ref', source = 'import', onProgress } = options
  if (form === 'ref' && path === undefined) throw new TypeError('references need the path of what is imported')
  checkNames(sourceLabel, fingerprint)
  const key = fingerprint === undefined ? undefined : treeSource({ sourceLabel, fingerprint, profile, links, form })
  const known = await core.findBy(key, { signal })
  if (known !== undefined) return { ...known, reused: true }
  const id = await core.begin()
  const written = await write(core, entry, { id, path: form === 'ref' ? path : undefined, profile, links, onProgress, signal })
  // should this fail, the record may be there or not: the next opening knows whether the file has to go
  return core.commitNew(id, { source, filename: sourceLabel, fingerprint, profile, links, form, ...written }, key)
}

/** As `Imports.importPath`. */
export const importPath = async (core: ImportCore, path: string, options: ImportPathOptions, signal: AbortSignal): Promise<ImportResult> => {
  const { car = false, form = 'ref', reuse = true, profile, links, onProgress } = options
  const { sources } = core.parts
  // before it is read: what changes meanwhile is another one
  const fingerprint = reuse ? await sources.fingerprint(path, { signal }) : undefined
  if (!car) {
    const entry = await sources.openTree(path, { signal })
    if (entry.kind === 'file') await refuseAsContent(sources, path, { signal })
    return importTree(core, entry, { sourceLabel: path, fingerprint, path, form, profile, links, onProgress }, signal)
  }
  const source = await sources.open(path, { signal })
  try {
    return await importCar(core, source, { carPath: path, fingerprint, onProgress }, signal)
  } finally {
    await source.close()
  }
}

/** As `Imports.importCar`. */
export const importCar = async (core: ImportCore, car: ByteSource, { carPath, fingerprint, onProgress }: ImportCarOptions, signal: AbortSignal): Promise<ImportResult> => {
  const key = fingerprint === undefined ? undefined : carSource(carPath, fingerprint)
  const known = await core.findBy(key, { signal })
  if (known !== undefined) return { ...known, reused: true }
  checkNames(carPath, fingerprint)
  await rootOf(car, { signal })
  const id = await core.begin()
  const scanned = await scan(core, car, { id, signal, onProgress })
  return core.commitNew(id, { ...inPlace(carPath, fingerprint), ...scanned }, key)
}

/** As `Imports.reimport`. */
export const reimport = (core: ImportCore, id: bigint, { onProgress }: ImportProgressOptions, signal: AbortSignal): Promise<ImportResult> => core.lock(id.toString(), async () => {
  const { record } = await core.stored(id)
  const { sources, table } = core.parts
  const plan = await planReimport(record, sources, { signal })
  const { path, fingerprint } = plan
  const files: PendingFiles = { id, names: Object.values(namesOf(id, record)) }
  const begin = (): Promise<void> => core.inTurn(() => table.begin(files, false))
  const commit = async (made: MadeImport, source: string): Promise<ImportResult> => {
    try {
      return await core.commitAgain(id, made, source)
    } catch (error) {
      // a new import of the source has taken its place, and the note of these files with it
      if (error instanceof ImportError && error.code === 'IMPORT_UNKNOWN') await core.clear(files).catch(() => {})
      throw error
    }
  }
  if (plan.kind === 'car') {
    const car = await sources.open(path, { signal })
    try {
      await begin()
      const scanned = await scan(core, car, { id, before: record, signal, onProgress })
      return await commit({ ...inPlace(path, fingerprint), ...scanned }, carSource(path, fingerprint))
    } finally {
      await car.close()
    }
  }
  const { profile, links, form } = plan
  await begin()
  const written = await write(core, plan.entry, { id, before: record, path: form === 'ref' ? path : undefined, profile, links, onProgress, signal })
  return commit({ source: 'import', filename: path, fingerprint, profile, links, form, ...written }, treeSource({ sourceLabel: path, fingerprint, profile, links, form }))
}, signal)

interface FilesOptions extends ImportProgressOptions {
  readonly id: bigint
  /** What the id is at present. */
  readonly before?: ImportRecord
  readonly signal: AbortSignal
}

interface WriteOptions extends FilesOptions {
  readonly path: string | undefined
  readonly profile: Profile
  readonly links: LinkPolicy
}

/** The files of an id that was begun: whole under the name of its CAR, or gone again. */
const write = async (core: ImportCore, entry: TreeEntry, { id, before, ...options }: WriteOptions): Promise<Pick<MadeImport, 'root' | 'blocks' | 'carBytes' | 'fileBytes' | 'carPath' | 'carOwner' | 'indexName'>> => {
  const { directory, hashes } = core.parts
  const names = namesOf(id, before)
  return orClear(core, { id, names: Object.values(names) }, async () => {
    const written = await writeCar(directory, names.part, names.scratch, entry, { ...options, hashes })
    options.signal.throwIfAborted()
    await directory.rename(names.part, names.car)
    return { carPath: names.car, carOwner: 'importmgr', indexName: undefined, ...written }
  })
}

/** The index of a CAR in place, or gone again. */
const scan = (core: ImportCore, car: ByteSource, { id, before, signal, onProgress }: FilesOptions): Promise<ScannedCar> => {
  const names = namesOf(id, before)
  return orClear(core, { id, names: Object.values(names) }, () => scanCar(car, core.parts.directory, names, { signal, onProgress }))
}

const orClear = async <T>(core: ImportCore, files: PendingFiles, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    // if this fails too, the note stays and the next opening tries again
    await core.clear(files).catch(() => {})
    throw error
  }
}

/** What is longer would make a record that cannot be read. */
const MAX_NAME_LENGTH = 8192

const checkNames = (name: string, fingerprint: string | undefined): void => {
  for (const text of [name, fingerprint ?? '']) {
    if (text.length > MAX_NAME_LENGTH) throw new RangeError(`name or fingerprint of a source; length=${text.length} max=${MAX_NAME_LENGTH}`)
  }
}

const inPlace = (path: string, fingerprint: string | undefined): Omit<MadeImport, keyof ScannedCar> =>
  ({ source: 'import', filename: path, fingerprint, profile: undefined, links: undefined, carPath: path, carOwner: 'user', fileBytes: undefined })
