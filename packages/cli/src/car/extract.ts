/** `car extract`: the files of a CAR of UnixFS as files, or the CARv1 inside a CARv2. */
import type { Command } from 'commander'
import { CommandError } from '../failure.ts'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { type ExtractTarget, openStdoutTarget } from './extract-target.ts'
import { openFolderTarget } from './extract-folder.ts'
import { withMount } from './mounted.ts'
import { addOutputOptions, type OutputOptions, refuseMixture, resolveOutput } from './output.ts'
import { type BlockBytes, children, isDirectory, isMissing, pathSegments, RAW, readNode, type UnixfsNode } from './unixfs.ts'
import { payload } from './wrap.ts'

interface ExtractOptions extends OutputOptions {
  readonly file?: string
  readonly path?: string
  readonly verbose?: boolean
  readonly v1?: boolean
  readonly keepPadding?: boolean
}

export const addExtractCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  addOutputOptions(common(car.command('extract').alias('x')))
    .description('write the files and directories in a CAR below a directory; with --v1 write the CARv1 inside a CARv2')
    .argument('[args...]', '[file] [directory]: a CAR, or what is piped in; the current directory; - is stdout, for one file')
    .option('-f, --file <file>', 'the CAR, instead of the first argument')
    .option('-p, --path <path>', 'what is at this path only')
    .option('-v, --verbose', 'name each file as it is written')
    .option('--v1', 'the CARv1 payload of the CAR, into a file or to stdout')
    .option('--keep-padding', 'with --v1: keep zeros behind the last section')
    .action(async (args: string[], options: ExtractOptions) => {
      const [file, argument, ...more] = options.file === undefined ? args : [options.file, ...args]
      if (more.length > 0) throw new CommandError('COMMAND_USAGE', `too many arguments: ${more.join(' ')}`)
      if (options.v1 === true) {
        if (options.path !== undefined) throw new CommandError('COMMAND_USAGE', '--v1 has no --path')
        return payload(file, resolveOutput(argument, options, terminal), options, terminal)
      }
      return extract(file, argument, options, terminal)
    })
}

interface Found { files: number, readonly missing: string[] }

const extract = async (file: string | undefined, argument: string | undefined, options: ExtractOptions, terminal: Terminal): Promise<void> => {
  const path = pathSegments(options.path ?? '')
  const output = resolveOutput(argument, options, terminal, '.')
  refuseMixture(output, options)
  const found: Found = { files: 0, missing: [] }
  await withMount(file, 'extract', output, terminal, async ({ blockstore, roots }, progress) => {
    const onBytes = (doneBytes: number): void => { progress.update(doneBytes, undefined) }
    const target = output.label === '-' ? openStdoutTarget(blockstore, terminal, onBytes) : openFolderTarget(blockstore, output, terminal, onBytes)
    const walk = new Walk(blockstore, target, found, options.verbose === true, terminal)
    for (const root of roots) {
      if (root.code === RAW) {
        if (options.verbose === true) terminal.stderr(`skipping raw root ${root.toString()}\n`)
        continue
      }
      const node = await readNode(blockstore, root, terminal.signal)
      if (isDirectory(node)) await walk.directory(node, [], path)
      else await walk.entry(node, ['unknown'], [])
    }
    if (found.files === 0) throw new CommandError('COMMAND_REFUSED', 'no files extracted')
  })
  if (options.json === true) terminal.stdout(`${toJson({ path: output.label, files: found.files, missing: found.missing })}\n`)
  terminal.stderr(`extracted ${found.files} file(s)\n`)
}

class Walk {
  readonly #store: BlockBytes
  readonly #target: ExtractTarget
  readonly #found: Found
  readonly #verbose: boolean
  readonly #terminal: Terminal

  constructor (store: BlockBytes, target: ExtractTarget, found: Found, verbose: boolean, terminal: Terminal) {
    this.#store = store
    this.#target = target
    this.#found = found
    this.#verbose = verbose
    this.#terminal = terminal
  }

  /** @param names - from the root of the DAG; @param match - the rest of the path that was asked for */
  async directory (node: UnixfsNode, names: readonly string[], match: readonly string[]): Promise<void> {
    const { signal } = this.#terminal
    const [wanted, ...rest] = match
    await this.#target.directory(names, wanted !== undefined)
    let missingShards = 0
    let matched = false
    for await (const { name, cid } of children(this.#store, node, signal, () => { missingShards++ })) {
      if (wanted !== undefined && name !== wanted) continue
      matched = true
      await this.#child([...names, name], cid, rest)
      if (wanted !== undefined) return
    }
    if (missingShards > 0) this.#terminal.stderr(`data for entry not found for ${missingShards} unknown sharded entries (skipped...)\n`)
    if (wanted !== undefined && !matched) throw new CommandError('COMMAND_REFUSED', `no entry of that name: ${showPath([...names, wanted])}`)
  }

  async #child (names: readonly string[], cid: Parameters<typeof readNode>[1], match: readonly string[]): Promise<void> {
    const { signal } = this.#terminal
    try {
      if (cid.code === RAW) await this.#store.bytes(cid, { signal })
      else {
        const node = await readNode(this.#store, cid, signal)
        if (isDirectory(node)) {
          await this.directory(node, names, match)
          return
        }
        await this.entry(node, names, match)
        return
      }
    } catch (error) {
      if (!isMissing(error) || !('cid' in (error as object)) || String((error as { cid: unknown }).cid) !== cid.toString()) throw error
      this.#found.missing.push(showPath(names))
      this.#terminal.stderr(`data for entry not found: ${showPath(names)} (skipping...)\n`)
      return
    }
    await this.entry({ cid }, names, match)
  }

  /** A file or a link. */
  async entry (node: { readonly cid: UnixfsNode['cid'], readonly unixfs?: UnixfsNode['unixfs'] }, names: readonly string[], match: readonly string[]): Promise<void> {
    if (match.length > 0) throw new CommandError('COMMAND_REFUSED', `not a directory: ${showPath(names)}`)
    const written = node.unixfs?.type === 'symlink'
      ? await this.#target.link(Buffer.from(node.unixfs.data ?? new Uint8Array(0)).toString('utf8'), names)
      : await this.#target.file(node.cid, names)
    if (this.#verbose && written !== undefined) this.#terminal.stderr(`${printable(written)}\n`)
    this.#found.files++
  }
}

const showPath = (names: readonly string[]): string => printable(`/${names.join('/')}`)
