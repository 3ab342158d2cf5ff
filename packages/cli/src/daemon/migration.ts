/** The deals of another system become shards when the daemon starts, until all of them have. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeReportLine, isMigrated, migrateDeals, type MigrationCounts } from '@dagstore/deal-provider'
import type { Config } from '../config/config.ts'
import { openDealReader } from '../deal-readers.ts'
import type { Logger } from '../log/logs.ts'
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

/** In the folder of the store, for its owner alone; a line for each deal, and for each row that could not be read. */
const REPORT = 'migration.ndjson'
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
    const report = await open(join(root.path, REPORT), 'w', 0o600)
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
        onReport: async (lines) => { await report.appendFile(lines.map((line) => encodeReportLine(line)).join('')) },
      })
      log[result.complete ? 'info' : 'warn'](result.complete ? 'done' : 'done but for what failed, which the next start tries again', { ...countsOf(result), report: REPORT })
    } finally {
      await report.close()
    }
  } finally {
    await reader.close()
  }
}

const countsOf = ({ deals, registered, already, merged, skipped, failed, problems }: MigrationCounts): Readonly<Record<string, number>> => ({ deals, registered, already, merged, skipped, failed, problems })
