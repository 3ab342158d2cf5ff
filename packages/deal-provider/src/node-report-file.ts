/// <reference lib="esnext.disposable" preserve="true" />
/** A report as a file that only its owner may read: it lists what a provider stores. */
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { classifyNodeError } from '@dagstore/io/node'

export interface ReportFile extends AsyncDisposable {
  /** Appended as it comes; a crash may cost what was written last, never a line before that. @throws {IoError} `IO_FULL`, `IO_FAILED` */
  write(text: string): Promise<void>
  /** On return all that was written, and the name of the file, survive a crash. @throws {IoError} `IO_FULL`, `IO_FAILED` */
  sync(): Promise<void>
  /** On return all of its bytes are synced. Idempotent. @throws {IoError} `IO_FULL`, `IO_FAILED` */
  close(): Promise<void>
}

const OWNER_ONLY = 0o600

const syncFolder = async (path: string): Promise<void> => {
  if (process.platform === 'win32') return // where folders cannot be synced
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Make the file, with mode 0600. @throws {IoError} `IO_EXISTS`: there is one; a report is never overwritten. `IO_NOT_FOUND`, `IO_FORBIDDEN`, `IO_FAILED` */
export const openReportFile = async (path: string): Promise<ReportFile> => {
  const at = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw classifyNodeError(error, `${what}; path=${path}`)
    }
  }
  const file = await at('report was not made', () => open(path, 'ax', OWNER_ONLY))
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => closed ??= at('report was not finished', async () => {
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  })
  return {
    write: (text) => at('report was not written', async () => { await file.appendFile(text) }),
    sync: () => at('report was not synced', async () => {
      await file.sync()
      await syncFolder(dirname(path))
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
