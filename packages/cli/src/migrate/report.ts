/** The report of a migration: a file beside the store, a line for each deal or record. */
import { join, resolve } from 'node:path'
import { IoError } from '@dagstore/io'
import { openReportFile, type ReportFile } from '@dagstore/deal-provider/node'
import { aboutFile } from '../commands/files.ts'
import type { RootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'

export interface Report {
  /** As the user would name it. */
  readonly label: string
  write (text: string): Promise<void>
  /** On return what was written survives a crash. */
  sync (): Promise<void>
  close (): Promise<void>
}

/**
 * @param given - by the user, from where he is
 * @param name - of the file where the user gives none; it gets the moment
 * @param root - of the store, where it lies then; `undefined`: here
 */
export const openReport = async (given: string | undefined, name: string, root: RootFolder | undefined, { cwd }: Pick<Terminal, 'cwd'>): Promise<Report> => {
  const at = new Date().toISOString().replaceAll(':', '-').replace(/\.\d+Z$/, '')
  for (let turn = 1; ; turn++) {
    const file = `${name}-${at}${turn === 1 ? '' : `-${turn}`}.ndjson`
    const label = given ?? join(root?.label ?? '.', file)
    const path = given === undefined && root !== undefined ? join(root.path, file) : resolve(cwd, label)
    try {
      return reportOn(await aboutFile(label, () => openReportFile(path), path), label)
    } catch (error) {
      // two in one second
      if (given !== undefined || !(error instanceof Error && error.cause instanceof IoError && error.cause.code === 'IO_EXISTS') || turn > 100) throw error
    }
  }
}

const reportOn = (file: ReportFile, label: string): Report => ({ label, write: (text) => file.write(text), sync: () => file.sync(), close: () => file.close() })
