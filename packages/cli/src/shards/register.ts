/** `register-shard`: one shard under a URL, as Lotus's command of that name makes it. */
import type { Command } from 'commander'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { progressText } from '../progress.ts'
import { createStatusLine } from '../status-line.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { aboutKey, isUrl, quoted } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

interface RegisterOptions extends CommonOptions { readonly eager?: boolean }

export const addRegisterShardCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('register-shard')))
    .description('register a shard; without a URL KEY is the CID of a piece, mounted as lotus://KEY')
    .argument('<key>', 'of the shard: a piece CID, or any text')
    .argument('[url]', 'of its CAR: file:///…, http://…, https://…, lotus://…')
    .option('--eager', 'index it now, not at the first read')
    .action((key: string, url: string | undefined, options: RegisterOptions) => register(key, url, options, terminal))
}

const register = async (key: string, given: string | undefined, options: RegisterOptions, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  if (given !== undefined && !isUrl(given)) throw new CommandError('COMMAND_USAGE', `not a URL: ${given} (of a file: dagstore add ${quoted(given)})`)
  const url = given ?? `lotus://${await pieceOf(key)}`
  const status = createStatusLine(terminal)
  const { info, known } = await withExistingStore(options, terminal, ({ dagstore }) => aboutKey(key, async () => {
    const before = await dagstore.shard(key, { signal })
    return { info: await dagstore.register(key, url, { signal, indexing: options.eager === true ? 'eager' : 'lazy' }), known: before !== undefined }
  }).finally(() => { status.clear() }), {
    onEvent: (event) => {
      if (event.type === 'progress') status.show(() => progressText(event.step, event.progress.doneBytes, event.progress.totalBytes))
    },
  })
  if (options.json === true) terminal.stdout(`${toJson([{ Key: key, Error: '', Shard: (await import('@dagstore/rpc/wire')).shardOf(info, true) }])}\n`)
  else terminal.stdout(printable(known ? `Shard ${key} is registered already` : `Registered shard ${key}`) + '\n')
}

/** @throws {CommandError} `COMMAND_USAGE`: the key is none */
const pieceOf = async (key: string): Promise<string> => {
  const [{ parsePieceCid }, { CID }] = await Promise.all([import('@dagstore/piece'), import('multiformats/cid')])
  try {
    parsePieceCid(CID.parse(key))
    return key
  } catch (cause) {
    throw new CommandError('COMMAND_USAGE', `name a URL: ${key} is no piece CID that could be mounted as lotus://${key}`, { cause })
  }
}
