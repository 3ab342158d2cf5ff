/** Failures of long work as they come: the first are told one by one, since all are in the report. */
import type { StatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'

const MAX_TOLD = 20

export interface ToldFailures {
  tell (failure: string): void
  /** How many were not told. @param report - where they are */
  end (report: string): void
}

export const createToldFailures = (status: StatusLine, terminal: Terminal): ToldFailures => {
  let count = 0
  return {
    tell: (failure) => {
      if (++count > MAX_TOLD) return
      status.clear()
      terminal.stderr(`dagstore: ${printable(failure)}\n`)
    },
    end: (report) => {
      if (count > MAX_TOLD) terminal.stderr(`… and ${count - MAX_TOLD} more, in ${printable(report)}\n`)
    },
  }
}
