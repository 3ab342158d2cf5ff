/** `dagstore demo [PATH…]`: a real file, directory or CAR through the whole loop, and back, verified block by block. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { DemoInput } from '../demo/input.ts'
import type { ItemResult } from '../demo/item.ts'
import type { Sides } from '../demo/sides.ts'
import { createSteps, type StepResult } from '../demo/steps.ts'
import { codeOf, CommandError, explain } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { rootFolder } from '../root-folder.ts'
import type { Terminal } from '../terminal.ts'
import { count, paint, printable, showBytes, showMs, toJson } from '../text.ts'

interface DemoOptions extends CommonOptions { readonly miner: bigint }

/** An item that could not be completed; what had been done stays and is reused by the next run. */
interface FailedItem {
  readonly input: { readonly path: string, readonly kind: DemoInput['kind'] | 'unknown', readonly sizeBytes: number | null }
  readonly identical: false
  readonly error: { readonly code: string | null, readonly message: string }
  readonly steps: readonly StepResult[]
}

type Item = ItemResult | FailedItem

export const addDemoCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  common(program.command('demo'))
    .description('take files, directories or CARs through import, deal, sector, shard and retrieval, and compare what comes back')
    .argument('[path...]', 'files, directories or CARs (default: the docs/ folder of the checkout)')
    .option('--root <dir>', 'folder of the store (default: DAGSTORE_PATH, else ./.dagstore)')
    .addOption(new Option('--miner <id>', 'miner actor whose sectors are written').argParser(parseMiner).default(1000n, '1000'))
    .action((paths: string[], options: DemoOptions) => demo(paths, options, terminal))
}

const parseMiner = (text: string): bigint => {
  const digits = /^(?:[ft]0)?(\d{1,19})$/.exec(text)?.[1]
  if (digits === undefined) throw new InvalidArgumentError('a miner is a number such as 1000, or t01000')
  return BigInt(digits)
}

const demo = async (given: readonly string[], options: DemoOptions, terminal: Terminal): Promise<void> => {
  const paths = given.length > 0 ? given : [defaultPath(terminal)]
  const color = options.color ?? (terminal.interactive && terminal.colors)
  const root = rootFolder(options.root, terminal)
  const items: Item[] = []
  const start = performance.now()
  // loaded when needed: of what other commands take to start it would be half
  const [{ openShardStore }, { readInput }, { runItem }, { openJournal }, { openSides }] =
    await Promise.all([import('../compose.ts'), import('../demo/input.ts'), import('../demo/item.ts'), import('../demo/journal.ts'), import('../demo/sides.ts')])
  const store = await openShardStore(root)
  let sides: Sides | undefined
  try {
    sides = await openSides(store, { miner: options.miner })
    const journal = openJournal(store.dagstore.db)
    for (const path of paths) {
      terminal.stderr(`${paint(printable(path), 'bold', color)}\n`)
      const steps = createSteps(terminal, color)
      let input: DemoInput | undefined
      try {
        input = await readInput(path, { cwd: terminal.cwd, storePath: root.path, signal: terminal.signal })
        if (input.leftOut !== undefined) terminal.stderr(`  without ${printable(input.leftOut.join('/'))}, the folder of the store\n`)
        items.push(await runItem(input, { store, sides, journal, miner: options.miner, steps, signal: terminal.signal, since: Date.now() }))
      } catch (error) {
        if (terminal.signal.aborted) throw terminal.signal.reason
        const message = explain(error, path)
        terminal.stderr(`  ${paint(message, 'red', color)}\n`)
        if (options.debug === true && error instanceof Error) terminal.stderr(`${error.stack ?? ''}\n`)
        items.push({ input: { path, kind: input?.kind ?? 'unknown', sizeBytes: input?.sizeBytes ?? null }, identical: false, error: { code: codeOf(error) ?? null, message }, steps: steps.results })
      }
    }
  } finally {
    await sides?.close()
    await store.close()
  }
  const failed = items.filter((item) => !item.identical).length
  if (options.json === true) terminal.stdout(`${toJson({ ok: failed === 0, items })}\n`)
  else terminal.stdout(summary(items, performance.now() - start, color))
  if (failed > 0) {
    terminal.stderr(`${items.length - failed} ok, ${failed} failed\n`)
    throw new CommandError('COMMAND_FAILED_ITEMS', `${failed} of ${items.length} items failed`)
  }
}

/** The checkout's own documentation, so that the command has something real to chew on without an argument. */
const defaultPath = ({ env }: Terminal): string => {
  const checkout = env['DAGSTORE_CHECKOUT']
  const docs = checkout === undefined ? undefined : join(checkout, 'docs')
  if (docs !== undefined && existsSync(docs)) return docs
  throw new CommandError('COMMAND_USAGE', 'name a file, a directory or a CAR: dagstore demo PATH…')
}

const summary = (items: readonly Item[], ms: number, color: boolean): string => {
  const blocks = items.map((item) => (item.identical ? summaryOf(item, color) : `${paint('✗', 'red', color)} ${item.error.message}\n`))
  const ok = items.filter((item) => item.identical).length
  return `\n${blocks.join('\n')}\n${count(ok, 'item')} identical${ok === items.length ? '' : `, ${items.length - ok} failed`} in ${showMs(ms)}\n`
}

const summaryOf = (item: ItemResult, color: boolean): string => {
  const rows: (readonly [string, string])[] = [
    ['root', item.payloadCid ?? 'none'],
    ...(item.missing.length === 0 ? [] : [['missing', `${count(item.missing.length, 'block')}: ${item.missing.slice(0, 3).join(', ')}${item.missing.length > 3 ? ', …' : ''}`] as const]),
    ['piece', `${item.pieceCid}  (${showBytes(item.carSizeBytes)} in ${showBytes(item.pieceSizePadded)})`],
    ['piece v2', item.pieceCidV2],
    ['deal', `${item.deal.proposalCid}  (${item.deal.transferType === 'manual' ? 'offline, byte for byte' : 'pushed over HTTP'})`],
    ['sector', `${item.sector.path}  (offset ${item.sector.offsetPadded}, file ${showBytes(item.sector.sizeBytes)}, on disk ${showBytes(item.sector.allocatedBytes)})`],
    ['index', `${item.index.path}  (${count(item.index.entries, 'entry').replace('entrys', 'entries')})`],
    ['retrieved', `${item.retrieved.path}  (${count(item.retrieved.blocks, 'block')}, ${showBytes(item.retrieved.bytes)})`],
    ['time', `${showMs(item.steps.reduce((sum, step) => sum + step.ms, 0))}${item.steps.some((step) => step.reused) ? ` (reused: ${item.steps.filter((step) => step.reused).map((step) => step.name).join(', ')})` : ''}`],
  ]
  const head = `${paint('✓', 'green', color)} ${printable(item.input.path)}  ${item.input.kind}, ${showBytes(item.input.sizeBytes)}, identical`
  return `${head}\n${rows.map(([name, text]) => `    ${name.padEnd(10)}${text}`).join('\n')}\n`
}
