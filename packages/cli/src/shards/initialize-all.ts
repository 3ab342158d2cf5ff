/** `initialize-all`: fetch and index now all shards that never were, with lines as of Lotus's command. */
import type { DagstoreInitializeAllEvent } from '@dagstore/lotus-api'
import type { Command } from 'commander'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { createStatusLine, type StatusLine } from '../status-line.ts'
import { InterruptedError, StdoutError, type Terminal } from '../terminal.ts'
import { type Color, count, paint, printable, toJson } from '../text.ts'
import { createJobWatch } from './job-watch.ts'
import { wholeNumber } from './numbers.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

interface InitializeAllOptions extends CommonOptions { readonly concurrency: number, readonly includeSealed?: boolean, readonly bytesPerSecond?: string, readonly rebuild?: boolean }

export const addInitializeAllCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('initialize-all')))
    .description('fetch and index every shard that is not indexed yet; with --json one object a line')
    .option('--rebuild', 'before, write the index of all shards anew from the indices of each: when it was damaged, or lost')
    .option('--concurrency <n>', 'shards at a time; 0: as many as the store takes', wholeNumber, 0)
    .option('--bytes-per-second <size>', 'what it may read in a second, such as 50MiB; with a daemon, that is in its configuration')
    .option('--include-sealed', 'also pieces of which no unsealed copy is known')
    .action(async (options: InitializeAllOptions) => {
      const watch = createJobWatch()
      const bytesPerSecond = options.bytesPerSecond === undefined ? undefined : await readBytes(options.bytesPerSecond)
      await withExistingStore(options, terminal, (store) => initializeAll(store, options, terminal, watch), { onEvent: watch.onEvent, bytesPerSecond })
    })
}

/** As the configuration takes it. */
const readBytes = async (text: string): Promise<number> => {
  const { KEYS } = await import('../config/keys.ts') // loaded when needed
  try {
    // 0: no limit, whatever the configuration says
    return KEYS.bytesPerSecond.kind.parse(text) || Number.MAX_SAFE_INTEGER
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError('COMMAND_USAGE', `--bytes-per-second: want ${error.message}`)
    throw error
  }
}

type Watch = ReturnType<typeof createJobWatch>

const initializeAll = async ({ dagstore }: ShardBackend, options: InitializeAllOptions, terminal: Terminal, watch: Watch): Promise<void> => {
  const { signal } = terminal
  const status = createStatusLine(terminal)
  const write = async (text: string): Promise<void> => {
    status.clear()
    terminal.stdout(text)
    await terminal.drained?.()
  }
  const counts = { succeeded: 0, failed: 0 }
  let begun = false
  const sum = (): void => {
    status.clear()
    terminal.stderr(`${counts.succeeded} ok, ${counts.failed} failed\n`)
  }
  try {
    if (options.rebuild === true) await rebuildIndex(dagstore, options, status, write, signal)
    for await (const event of dagstore.initializeAll({ concurrency: options.concurrency, includeSealed: options.includeSealed === true, signal })) {
      signal.throwIfAborted()
      begun = true
      if (event.Event === 'end') counts[event.Success ? 'succeeded' : 'failed']++
      watch.show({ status, ...counts }, event.Total)
      await write(options.json === true ? `${toJson(event)}\n` : lineOf(event, options.color ?? terminal.colors))
    }
  } catch (error) {
    if (begun) sum()
    const reason = signal.aborted ? signal.reason as unknown : error
    // whoever read the results has gone: that is no failure, but what was left undone is not done
    if (reason instanceof StdoutError && reason.readerLeft) throw new InterruptedError('nobody reads the results any more', { cause: reason })
    throw reason
  }
  if (!begun) terminal.stderr('no shard is waiting to be indexed\n')
  if (counts.failed > 0) terminal.stderr('once the causes are gone: dagstore recover-shard --all\n')
  sum()
  if (counts.failed > 0) throw new CommandError('COMMAND_FAILED_ITEMS', `${counts.failed} of ${counts.succeeded + counts.failed} failed`)
}

/** Source: lotus cmd/lotus-miner/dagstore.go `dagstoreInitializeAllCmd`. */
const lineOf = ({ Key, Event, Success, Error, Current, Total }: DagstoreInitializeAllEvent, color: boolean): string => {
  const [word, shade]: readonly [string, Color] = Event === 'start' ? ['STARTING', 'dim'] : Success ? ['SUCCESS', 'green'] : ['ERROR', 'red']
  return `${printable(`(${Current}/${Total}) ${Key}`)} ${paint(word, shade, color)}${Error === '' ? '' : ` ${printable(Error)}`}\n`
}

/** Shards whose own index is lost or damaged are among those that are indexed afterwards. */
const rebuildIndex = async (dagstore: ShardBackend['dagstore'], { json }: InitializeAllOptions, status: StatusLine, write: (text: string) => Promise<void>, signal: AbortSignal): Promise<void> => {
  const { shards, entries, failures } = await dagstore.rebuildTopLevelIndex({
    signal, onProgress: ({ done, total }) => { status.show(() => `  rebuild   ${done} of ${count(total ?? done, 'shard')} …`) },
  })
  if (json === true) {
    const { rebuildReportOf } = await import('@dagstore/rpc/wire')
    await write(`${toJson(rebuildReportOf({ shards, entries, failures }))}\n`)
    return
  }
  const lost = failures.length === 0 ? '' : `; ${count(failures.length, 'shard')} without a whole index of ${failures.length === 1 ? 'its' : 'their'} own`
  await write(`rebuilt: ${count(entries, 'entry').replace(/entrys$/, 'entries')} of ${count(shards, 'shard')}${lost}\n`)
}
