/** Progress of long work on stderr: a bar on a terminal, nothing but the closing line elsewhere. */
import { createRequire } from 'node:module'
import type { SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.ts'
import { showBytes } from './text.ts'

export interface ProgressLine {
  /** `total` `undefined` while it is unknown. @param label - of what is being done meanwhile. Default: the one it was started with */
  update (doneBytes: number, totalBytes: number | undefined, label?: string): void
  /** Takes the bar away; a line that says what was done follows by whoever asked for it. */
  end (): void
}

interface Progress { readonly label: string, readonly done: number, readonly total: number | undefined }

const SILENT: ProgressLine = { update: () => {}, end: () => {} }

const BAR_CELLS = 30

/** Loaded where there is a terminal. */
const newBar = (options: ConstructorParameters<typeof SingleBar>[0]): SingleBar => {
  const cliProgress = createRequire(import.meta.url)('cli-progress') as { readonly SingleBar: typeof SingleBar }
  return new cliProgress.SingleBar(options)
}

/** A bar where the end is known, else what is done so far. */
export const progressText = (label: string, done: number, total: number | undefined): string => {
  if (total === undefined || total === 0) return `  ${label.padEnd(9)} ${showBytes(done)} …`
  const part = Math.min(1, done / total)
  const full = Math.round(part * BAR_CELLS)
  return `  ${label.padEnd(9)} ${'■'.repeat(full)}${'·'.repeat(BAR_CELLS - full)} ${String(Math.floor(part * 100)).padStart(3)}%  ${showBytes(done)} of ${showBytes(total)}`
}

/** @param label - what is being done, some 10 characters */
export const startProgress = (terminal: Terminal, label: string): ProgressLine => {
  if (!terminal.interactive) return SILENT
  const bar = newBar({ format: (_options, _params, { label, done, total }: Progress) => progressText(label, done, total), stream: process.stderr, clearOnComplete: true, hideCursor: true, fps: 10 })
  let started = false
  return {
    update: (done, total, what = label) => {
      const progress: Progress = { label: what, done, total }
      if (!started) { bar.start(1, 0, progress); started = true }
      bar.update(0, progress)
    },
    end: () => { if (started) bar.stop() },
  }
}
