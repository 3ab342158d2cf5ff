/** Lines that are added to a file, or to stdout, by whoever has no time to wait for that. */
import { close, open, write } from 'node:fs'
import { promisify } from 'node:util'

export interface LineFile {
  /** Never waits, never throws. @param line - with its end */
  add (line: string): void
  /** The file may have been renamed: what follows goes to one of the old name. */
  reopen (): Promise<void>
  /** Resolves when all lines are written, as far as they can be. */
  close (): Promise<void>
}

export interface LineFileOptions {
  /** Told once when lines begin to be lost, with the reason. */
  readonly onLost: (error: unknown) => void
  /** Told how many were lost, once lines are written again. */
  readonly onFound: (lost: number) => void
}

/** Characters that may wait; lines beyond are lost. */
const MOST_WAITING = 1 << 22

const [openFile, closeFile, writeFile] = [promisify(open), promisify(close), promisify(write)]

/**
 * @param place - a path, or a descriptor that stays open
 * @throws {Error} of the system: the file cannot be opened
 */
export const openLineFile = async (place: string | number, { onLost, onFound }: LineFileOptions): Promise<LineFile> => {
  const openPlace = async (): Promise<number> => typeof place === 'number' ? place : openFile(place, 'a', 0o640)
  let file = await openPlace()
  let waiting: string[] = []
  let length = 0
  let lost = 0
  let writing: Promise<void> | undefined
  const lose = (lines: number, error: unknown): void => {
    if (lost === 0) onLost(error)
    lost += lines
  }
  const drain = async (): Promise<void> => {
    // those of one turn go out together
    await new Promise((resolve) => { setImmediate(resolve) })
    while (waiting.length > 0) {
      const lines = waiting
      waiting = []
      length = 0
      try {
        await writeAll(file, lines.join(''))
        if (lost > 0) onFound(lost)
        lost = 0
      } catch (error) {
        lose(lines.length, error)
      }
    }
    writing = undefined
  }
  return {
    add: (line) => {
      if (length + line.length > MOST_WAITING) return lose(1, new Error('lines come faster than they are written'))
      waiting.push(line)
      length += line.length
      writing ??= drain()
    },
    reopen: async () => {
      if (typeof place === 'number') return
      const next = await openPlace()
      await writing
      const before = file
      file = next
      await closeFile(before)
    },
    close: async () => {
      await writing
      if (typeof place !== 'number') await closeFile(file)
    },
  }
}

const writeAll = async (file: number, text: string): Promise<void> => {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.byteLength;) at += (await writeFile(file, bytes, at)).bytesWritten
}
