/** One line on stderr that is drawn again and again while something long goes on; nothing where stderr is no terminal. */
import type { Terminal } from './terminal.ts'
import { printable } from './text.ts'

const REDRAW_MS = 100
const ERASE = '\r\u001b[2K'
const COLUMNS = 80

export interface StatusLine {
  /** Drawn at most ten times a second. @param text - made only when it is drawn */
  show (text: () => string): void
  /** Takes the line away until the next {@link show}: something else is about to be printed. */
  clear (): void
}

const SILENT: StatusLine = { show: () => {}, clear: () => {} }

export const createStatusLine = (terminal: Terminal, now: () => number = () => performance.now()): StatusLine => {
  if (!terminal.interactive) return SILENT
  let drawnAt = -Infinity
  let drawn = false
  return {
    show: (text) => {
      if (now() - drawnAt < REDRAW_MS) return
      drawnAt = now()
      drawn = true
      terminal.stderr(`${ERASE}${shortened(printable(text()), (terminal.columns || COLUMNS) - 1)}`)
    },
    clear: () => {
      if (!drawn) return
      drawn = false
      terminal.stderr(ERASE)
    },
  }
}

/** A line that wrapped could not be taken away. */
const shortened = (text: string, columns: number): string => {
  const characters = [...text]
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`
}
