/** The PATHs of `add`, and of a gateway: what they name becomes shards, and is counted by PATH. */
import type { Bulk } from '../bulk.ts'
import type { ShardBackend } from '../backend/shard-backend.ts'
import { argument as keyArgument } from '../shards/keys.ts'
import type { Terminal } from '../terminal.ts'
import { printable } from '../text.ts'
import { type AddHow, addFiles, type AddStatus } from './add.ts'
import { type AddArgument, type AddFile, filesOf, readArgument } from './inputs.ts'

export interface AddPathsHow extends Omit<AddHow, 'signal'> {
  /** Which files of a folder. */
  readonly glob: string
  /** A line for every file, not only for those that were named. */
  readonly verbose: boolean
  /** The store's folder. Absolute. */
  readonly root: string
}

type Counts = Record<AddStatus | 'failed', number>

export type Tallies = ReadonlyMap<AddArgument, Readonly<Counts>>

/** Those that are there; others are told, and fail. */
export const readArguments = async (paths: readonly string[], cwd: string, bulk: Bulk): Promise<readonly AddArgument[]> => {
  const args: AddArgument[] = []
  for (const label of paths) await readArgument(label, cwd).then((argument) => { args.push(argument) }, (error: unknown) => bulk.fail({ path: label }, error, label))
  return args
}

export const addArguments = async (args: readonly AddArgument[], store: ShardBackend, { glob, verbose, root, ...how }: AddPathsHow, bulk: Bulk, terminal: Terminal): Promise<Tallies> => {
  const { signal } = terminal
  const tallies = new Map<AddArgument, Counts>()
  const files = async function * (): AsyncGenerator<AddFile, void, undefined> {
    for (const argument of args) {
      tallies.set(argument, { added: 0, indexed: 0, present: 0, changed: 0, failed: 0 })
      try {
        yield * filesOf(argument, { glob, root, signal })
      } catch (error) {
        signal.throwIfAborted()
        await bulk.fail({ path: argument.label }, error, argument.label)
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
    return status !== 'failed' && (verbose || file.argument.kind === 'file') ? `${WORDS[status]} ${key ?? ''}` : undefined
  }
  await addFiles(files(), store, { ...how, signal }, bulk, told)
  return tallies
}

const WORDS: Readonly<Record<AddStatus, string>> = { added: 'added', indexed: 'added and indexed', present: 'there already:', changed: 'there already, changed:' }

/** A line for each folder. */
export const folderLines = (tallies: Tallies, glob: string): string =>
  [...tallies].map(([argument, counts]) => argument.kind === 'folder' ? `${printable(folderText(argument, counts, glob))}\n` : '').join('')

const folderText = ({ label }: AddArgument, counts: Readonly<Counts>, glob: string): string => {
  const parts = (['added', 'indexed', 'present', 'changed', 'failed'] as const)
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status].toLocaleString('en-US')} ${PARTS[status]}`)
  return `${label}: ${parts.length === 0 ? `no file matches ${glob}` : parts.join(', ')}`
}

const PARTS: Readonly<Record<AddStatus | 'failed', string>> = { added: 'added', indexed: 'added and indexed', present: 'there already', changed: 'changed', failed: 'failed' }
