/** The deals of another system become shards when the daemon starts, until all of them have. */
import { encodeReportLine, isMigrated, migrateDeals, type MigrationCounts } from '@dagstore/deal-provider'
import type { Config } from '../config/config.ts'
import { openDealReader } from '../deal-readers.ts'
import type { Logger } from '../log/logs.ts'
import { openReport, type Report } from '../migrate/report.ts'
import type { Provider } from '../provider.ts'
import type { RootFolder } from '../root-folder.ts'

export interface MigrationOptions {
  readonly provider: Pick<Provider, 'store' | 'pieces'>
  readonly config: Pick<Config, 'migrateFrom' | 'migrateSource'>
  readonly root: RootFolder
  readonly cwd: string
  readonly log: Logger
  readonly signal: AbortSignal
}

const TELL_EACH_MS = 10_000

/** Never rejects: what failed is told, and tried again when the daemon starts the next time. */
export const migrateAtStart = async (options: MigrationOptions): Promise<void> => {
  const { config: { migrateFrom }, log, signal } = options
  if (migrateFrom === '') return
  try {
    await migrate(options, migrateFrom)
  } catch (error) {
    if (signal.aborted) log.info('interrupted; the next start goes on')
    else log.error('failed; the next start tries again', { error })
  }
}

const migrate = async ({ provider: { store, pieces }, config, root, cwd, log, signal }: MigrationOptions, from: Exclude<Config['migrateFrom'], ''>): Promise<void> => {
  const reader = await openDealReader(from, config.migrateSource, { cwd, signal })
  try {
    const { dagstore } = store
    if (await isMigrated(dagstore.db, reader.name)) {
      log.debug('done before', { from: reader.name })
      return
    }
    log.info('begins', { from: reader.name })
    /** Made for the first line: a source that cannot be asked leaves none. */
    let report: Promise<Report> | undefined
    let told = performance.now()
    try {
      const result = await migrateDeals({
        reader,
        dagstore,
        pieces,
        db: dagstore.db,
        signal,
        onProgress: (counts) => {
          if (performance.now() - told < TELL_EACH_MS) return
          told = performance.now()
          log.info('goes on', countsOf(counts))
        },
        onReport: async (lines) => { await (await (report ??= openReport(undefined, 'migration', root, { cwd }))).write(lines.map((line) => encodeReportLine(line)).join('')) },
        beforeMarker: async () => { await (await report)?.sync() },
      })
      log[result.complete ? 'info' : 'warn'](result.complete ? 'done' : 'done but for what failed, which the next start tries again', { ...countsOf(result), report: (await report)?.label })
    } finally {
      await (await report?.catch(() => undefined))?.close() // one that could not be made was told of
    }
  } finally {
    await reader.close()
  }
}

const countsOf = ({ deals, registered, already, merged, skipped, failed, problems }: MigrationCounts): Readonly<Record<string, number>> => ({ deals, registered, already, merged, skipped, failed, problems })
