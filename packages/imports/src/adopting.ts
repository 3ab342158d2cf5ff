/** Lotus's records as ours: what their CARs are, and where. */
import { probeReferences, readLayout, scanSections } from '@dagstore/carv2'
import { type ByteSource, type CallOptions, IoError } from '@dagstore/io'
import { NOT_WHOLE } from './car-place.ts'
import { ImportError } from './errors.ts'
import type { AdoptOptions, LotusImportRecord } from './imports.ts'
import { LABEL, type Labels, OWN_LABEL } from './labels.ts'
import { type ImportForm, recordOf } from './record.ts'
import type { SourceFiles } from './sources.ts'

export interface AdoptedLabels {
  readonly labels: Labels
  /** Why the CAR cannot be read, if so. */
  readonly fault: string | undefined
}

/** The labels that are there, and what was found out. The CAR is the user's from now on. */
export const adoptRecord = async ({ id, labels: found, damage }: LotusImportRecord, sources: SourceFiles, options: AdoptOptions): Promise<AdoptedLabels> => {
  const labels = new Map(found)
  for (const name of Object.values(OWN_LABEL)) labels.delete(name)
  const isTheirs = labels.get(LABEL.carOwner) === 'importmgr'
  labels.set(LABEL.carOwner, 'user')
  if (damage !== undefined) return { labels, fault: `damaged record: ${damage}` }
  const { carPath, root, source } = recordOf(id, labels)
  if (carPath === undefined) return { labels, fault: undefined }
  try {
    const { path, car } = await openCarOf(carPath, sources, options)
    labels.set(LABEL.carPath, path)
    // until it has been looked at; whatever its length is, it is not this one
    labels.set(OWN_LABEL.carBytes, String(NOT_WHOLE))
    try {
      const facts = await factsOf(car, isTheirs && source === 'import-local', options)
      if (root === undefined || !facts.roots.some((other) => other === root.toString())) return { labels, fault: `its CAR is of another root; got=${facts.roots.join()}` }
      labels.set(OWN_LABEL.form, facts.form)
      labels.set(OWN_LABEL.carBytes, String(car.sizeBytes))
      if (facts.blocks !== undefined) labels.set(OWN_LABEL.blocks, String(facts.blocks))
      return { labels, fault: undefined }
    } finally {
      await car.close()
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    return { labels, fault: error instanceof Error ? error.message : String(error) }
  }
}

/** Where the record says, else of the same name where such CARs are now. */
const openCarOf = async (carPath: string, sources: SourceFiles, { importsFolder, signal }: AdoptOptions): Promise<{ readonly path: string, readonly car: ByteSource }> => {
  const name = carPath.slice(Math.max(carPath.lastIndexOf('/'), carPath.lastIndexOf('\\')) + 1)
  const there = `${importsFolder.replace(/[/\\]+$/, '')}/${name}`
  for (const path of carPath.startsWith('/') ? [carPath, there] : [there]) {
    try {
      return { path, car: await sources.open(path, { signal }) }
    } catch (error) {
      if (!(error instanceof IoError) || error.code !== 'IO_NOT_FOUND') throw error
    }
  }
  throw new ImportError('IMPORT_BROKEN', 'its CAR is not there')
}

/** Sections are counted where they are short: of references. */
const factsOf = async (car: ByteSource, isDense: boolean, { signal }: CallOptions): Promise<{ readonly roots: readonly string[], readonly form: ImportForm, readonly blocks: number | undefined }> => {
  const layout = await readLayout(car, { badIndex: 'report', signal })
  if (layout.indexFault !== undefined) throw layout.indexFault
  const roots = layout.roots.map(String)
  if (!await probeReferences(car, layout, { signal })) return { roots, form: isDense ? 'dense' : 'car', blocks: undefined }
  const sections = scanSections(car, layout, { signal })
  let blocks = 0
  while ((await sections.next()).done !== true) blocks++
  return { roots, form: 'ref', blocks }
}

