/** The steps of one item: named, timed, shown as they run, and listed in the result. */
import { type ProgressLine, startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { paint, showMs } from '../text.ts'

export type StepName = 'import' | 'piece' | 'deal' | 'transfer' | 'sector' | 'shard' | 'acquire' | 'retrieve' | 'compare'

export interface StepResult {
  readonly name: StepName
  readonly ms: number
  /** True: an earlier run had done it, and it was only recognised. */
  readonly reused: boolean
}

export interface StepContext {
  readonly progress: ProgressLine['update']
  /** Say that an earlier run had done this. */
  reused (): void
  /** The text behind the step's name. */
  say (text: string): void
}

export interface Steps {
  readonly results: StepResult[]
  run<T> (name: StepName, work: (step: StepContext) => Promise<T>): Promise<T>
}

export const createSteps = (terminal: Terminal, color: boolean): Steps => {
  const results: StepResult[] = []
  return {
    results,
    run: async (name, work) => {
      const start = performance.now()
      const line = startProgress(terminal, name)
      let reused = false
      let text = ''
      try {
        const value = await work({ progress: line.update, reused: () => { reused = true }, say: (what) => { text = what } })
        line.end()
        const ms = performance.now() - start
        results.push({ name, ms: Math.round(ms * 1000) / 1000, reused })
        const tail = reused ? paint('reused', 'dim', color) : showMs(ms)
        terminal.stderr(`  ${name.padEnd(9)} ${text}${text === '' ? '' : ', '}${tail}\n`)
        return value
      } catch (error) {
        line.end()
        terminal.stderr(`  ${name.padEnd(9)} ${paint(terminal.signal.aborted ? 'stopped' : 'failed', 'red', color)}\n`)
        throw error
      }
    },
  }
}
