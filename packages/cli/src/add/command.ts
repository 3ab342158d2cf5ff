/** `add`: CAR files and folders of them become shards. */
import { type Command, Option } from 'commander'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { type RootFolder, rootFolder } from '../root-folder.ts'
import { argument as keyArgument, quoted } from '../shards/keys.ts'
import { addBackendOptions, withAnyStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import type { AddArgument, AddFile } from './inputs.ts'
import type { AddStatus } from './add.ts'

interface AddCommandOptions extends CommonOptions {
  readonly glob: string
  readonly key: 'name' | 'root' | 'piece' | 'sha256'
  readonly keep: 'borrow' | 'move' | 'link'
  readonly eager?: boolean
  readonly lazy?: boolean
  readonly verbose?: boolean
}

export const addAddCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('add')))
    .description('make shards of CAR files, and of those in folders; makes the store where there is none')
    .argument('<path...>', 'CAR files, or folders')
    .option('--glob <pattern>', 'which files of a folder', '**/*.car')
    .addOption(new Option('--key <kind>', 'what a shard is called').choices(['name', 'root', 'piece', 'sha256']).default('name', 'name: its path in the folder'))
    .addOption(new Option('--keep <how>', 'borrow: read files where they are; move, link: have them under the root, in cars/').choices(['borrow', 'move', 'link']).default('borrow'))
    .addOption(new Option('--eager', 'index them now').conflicts('lazy'))
    .addOption(new Option('--lazy', 'index each at its first read (default)'))
    .option('-v, --verbose', 'a line for every file, not one for each folder')
    .action((paths: string[], options: AddCommandOptions) => add(paths, options, terminal))
}

type Counts = Record<AddStatus | 'failed', number>

const add = async (paths: readonly string[], options: AddCommandOptions, terminal: Terminal): Promise<void> => {
  // loaded when needed
  const [{ inBulk }, { createJobWatch }, { addFiles }, inputs] =
    await Promise.all([import('../bulk.ts'), import('../shards/job-watch.ts'), import('./add.ts'), import('./inputs.ts')])
  if (options.glob === '') throw new CommandError('COMMAND_USAGE', "name a pattern: --glob '**/*.car'")
  const { signal } = terminal
  const root = rootFolder(options.root, terminal)
  const tallies = new Map<AddArgument, Counts>()
  await inBulk(terminal, options, async (bulk) => {
    const fail = (label: string, error: unknown): Promise<void> => bulk.fail({ path: label }, error, label)
    const args: AddArgument[] = []
    for (const label of paths) await inputs.readArgument(label, terminal.cwd).then((argument) => { args.push(argument) }, (error: unknown) => fail(label, error))
    // a mistyped name makes no store
    if (args.length === 0) return
    const files = async function * (): AsyncGenerator<AddFile, void, undefined> {
      for (const argument of args) {
        tallies.set(argument, { added: 0, indexed: 0, present: 0, changed: 0, failed: 0 })
        try {
          yield * inputs.filesOf(argument, { glob: options.glob, root: root.path, signal })
        } catch (error) {
          signal.throwIfAborted()
          await fail(argument.label, error)
        }
      }
    }
    const told = (file: AddFile, status: AddStatus | 'failed', key: string | undefined): string | undefined => {
      const counts = tallies.get(file.argument)
      if (counts !== undefined) counts[status]++
      if (status === 'changed') {
        bulk.status.clear()
        terminal.stderr(`${printable(file.label)} has changed since it was indexed: dagstore refresh ${printable(keyArgument(key ?? ''))}\n`)
      }
      return status !== 'failed' && (options.verbose === true || file.argument.kind === 'file') ? `${WORDS[status]} ${key ?? ''}` : undefined
    }
    const watch = createJobWatch()
    watch.show(bulk)
    await withAnyStore(options, terminal, async (store) => {
      await addFiles(files(), store, { key: options.key, keep: options.keep, eager: options.eager === true, signal }, bulk, told)
    }, watch)
    bulk.status.clear()
    if (options.json !== true) terminal.stdout([...tallies].map(([argument, counts]) => argument.kind === 'folder' ? `${printable(folderText(argument, counts, options))}\n` : '').join(''))
    if (terminal.interactive && options.json !== true && options.eager !== true) hint(tallies, root, terminal)
  })
}

const WORDS: Readonly<Record<AddStatus, string>> = { added: 'added', indexed: 'added and indexed', present: 'there already:', changed: 'there already, changed:' }

const folderText = ({ label }: AddArgument, counts: Counts, { glob }: AddCommandOptions): string => {
  const parts = (['added', 'indexed', 'present', 'changed', 'failed'] as const)
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status].toLocaleString('en-US')} ${PARTS[status]}`)
  return `${label}: ${parts.length === 0 ? `no file matches ${glob}` : parts.join(', ')}`
}

const PARTS: Readonly<Record<AddStatus | 'failed', string>> = { added: 'added', indexed: 'added and indexed', present: 'there already', changed: 'changed', failed: 'failed' }

/** Nobody who looks for a block should have to guess why a new store does not find it. */
const hint = (tallies: ReadonlyMap<AddArgument, Counts>, root: RootFolder, terminal: Terminal): void => {
  if (![...tallies.values()].some(({ added }) => added > 0)) return
  const where = terminal.env['DAGSTORE_PATH'] === root.label || root.label === '.dagstore' ? '' : ` --root ${quoted(root.label)}`
  terminal.stderr(`blocks are found by CID once their shard is indexed: dagstore initialize-all${where}\n`)
}
