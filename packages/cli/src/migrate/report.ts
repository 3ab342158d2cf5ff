/** The report of a migration: a file beside the store, a line for each deal or record. */
import { join, relative } from 'node:path'
import { IoError } from '@dagstore/io'
import { openReportFile, type ReportFile } from '@dagstore/deal-provider/node'
import { aboutFile } from '../commands/files.ts'
import { hasStore, type RootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'

export interface Report {
  /** As the user would name it. */
  readonly label: string
  write (text: string): Promise<void>
  close (): Promise<void>
}

/**
 * @param given - by the user, from where he is
 * @param name - of the file where the user gives none; it gets the moment, and lies in the store, or here where there is none
 */
export const openReport = async (given: string | undefined, name: string, root: RootFolder, { cwd }: Terminal): Promise<Report> => {
  const at = new Date().toISOString().replaceAll(':', '-').replace(/\.\d+Z$/, '')
  for (let turn = 1; ; turn++) {
    const label = given ?? join(hasStore(root) ? root.label : '.', `${name}-${at}${turn === 1 ? '' : `-${turn}`}.ndjson`)
    const path = given === undefined && hasStore(root) ? join(root.path, relative(root.label, label)) : join(cwd, label)
    try {
      return reportOn(await aboutFile(label, () => openReportFile(path), path), label)
    } catch (error) {
      // two in one second
      if (given !== undefined || !(error instanceof Error && error.cause instanceof IoError && error.cause.code === 'IO_EXISTS') || turn > 100) throw error
    }
  }
}

const reportOn = (file: ReportFile, label: string): Report => ({ label, write: (text) => file.write(text), close: () => file.close() })
