/** `add`: CAR files and folders of them become shards. */
import { type Command, Option } from 'commander'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { type RootFolder, rootFolder } from '../root-folder.ts'
import { quoted } from '../shards/keys.ts'
import { addBackendOptions, withAnyStore } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import type { Tallies } from './paths.ts'

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

const add = async (paths: readonly string[], options: AddCommandOptions, terminal: Terminal): Promise<void> => {
  // loaded when needed
  const [{ inBulk }, { createJobWatch }, { addArguments, folderLines, readArguments }] = await Promise.all([import('../bulk.ts'), import('../shards/job-watch.ts'), import('./paths.ts')])
  const { glob, key, keep } = options
  if (glob === '') throw new CommandError('COMMAND_USAGE', "name a pattern: --glob '**/*.car'")
  const root = rootFolder(options.root, terminal)
  await inBulk(terminal, options, async (bulk) => {
    const args = await readArguments(paths, terminal.cwd, bulk)
    // a mistyped name makes no store
    if (args.length === 0) return
    const watch = createJobWatch()
    watch.show(bulk)
    const how = { glob, key, keep, eager: options.eager === true, verbose: options.verbose === true, root: root.path }
    const tallies = await withAnyStore(options, terminal, (store) => addArguments(args, store, how, bulk, terminal), watch)
    bulk.status.clear()
    if (options.json !== true) terminal.stdout(folderLines(tallies, glob))
    if (terminal.interactive && options.json !== true && options.eager !== true) hint(tallies, root, terminal)
  })
}

/** Nobody who looks for a block should have to guess why a new store does not find it. */
const hint = (tallies: Tallies, root: RootFolder, terminal: Terminal): void => {
  if (![...tallies.values()].some(({ added }) => added > 0)) return
  const where = terminal.env['DAGSTORE_PATH'] === root.label || root.label === '.dagstore' ? '' : ` --root ${quoted(root.label)}`
  terminal.stderr(`blocks are found by CID once their shard is indexed: dagstore initialize-all${where}\n`)
}
