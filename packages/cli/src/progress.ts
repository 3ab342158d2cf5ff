/** Progress of long work on stderr: a bar on a terminal, nothing but the closing line elsewhere. */
import cliProgress from 'cli-progress'
import type { Terminal } from './terminal.ts'
import { showBytes } from './text.ts'

export interface ProgressLine {
  /** `total` `undefined` while it is unknown. */
  update (doneBytes: number, totalBytes: number | undefined): void
  /** Takes the bar away; a line that says what was done follows by whoever asked for it. */
  end (): void
}

const SILENT: ProgressLine = { update: () => {}, end: () => {} }

/** @param label - what is being done, some 10 characters */
export const startProgress = (terminal: Terminal, label: string): ProgressLine => {
  if (!terminal.interactive) return SILENT
  const bar = new cliProgress.SingleBar({
    format: `  ${label.padEnd(10)} {bar} {percentage}%  {shown}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 30,
    fps: 10,
  }, cliProgress.Presets.rect)
  let started = false
  return {
    update: (done, total) => {
      const shown = `${showBytes(done)}${total === undefined ? '' : ` of ${showBytes(total)}`}`
      if (!started) { bar.start(Math.max(1, total ?? 1), 0, { shown }); started = true }
      if (total !== undefined) bar.setTotal(Math.max(1, total))
      bar.update(total === undefined ? 0 : done, { shown })
    },
    end: () => { if (started) bar.stop() },
  }
}
