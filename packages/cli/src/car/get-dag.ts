/** `car get-dag`: one DAG of a CAR as a CAR of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { encodeCarV1Header, encodeVarint, wrapChunks } from '@dagstore/carv2'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { walkDag } from '@dagstore/dag'
import { openDirectory, openFileSource } from '@dagstore/io/node'
import type { ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import { openAllHashes } from '../hashes.ts'
import type { AddOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { count, toJson } from '../text.ts'
import { parseCid } from './cid-argument.ts'
import { withInput } from './input.ts'
import { addOutputOptions, type Output, type OutputOptions, refuseMixture, resolveOutput, writeOutput } from './output.ts'

interface GetDagOptions extends OutputOptions {
  readonly version: string
  readonly strict?: boolean
}

export const addGetDagCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  addOutputOptions(common(car.command('get-dag').alias('gd')))
    .description('write the DAG below a block, verified, as a CAR of its own: depth first, each block once')
    .argument('<file>', 'a CAR; - is what is piped in')
    .argument('[args...]', '[root] output: a CID, or the only root of the CAR; file to make, - is stdout')
    .option('--strict', 'fail when a block is not in the CAR')
    .option('--version <number>', 'write a CAR of version 1 or 2', '2')
    .action(async (file: string, args: string[], options: GetDagOptions) => {
      const named = options.output === undefined ? args.slice(0, -1) : args
      if (named.length > 1) throw new CommandError('COMMAND_USAGE', `too many arguments: ${named.slice(1).join(' ')}`)
      if (options.version !== '1' && options.version !== '2') throw new CommandError('COMMAND_USAGE', `invalid CAR version ${options.version}`)
      const output = resolveOutput(options.output === undefined ? args.at(-1) : undefined, options, terminal, '')
      refuseMixture(output, options)
      const root = named[0] === undefined ? undefined : parseCid(named[0])
      await getDag(file, root, output, options, terminal)
    })
}

interface Written { blocks: number, bytes: number, readonly missing: CID[] }

const getDag = async (file: string, given: CID | undefined, output: Output, options: GetDagOptions, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  const written: Written = { blocks: 0, bytes: 0, missing: [] }
  await withInput(file, terminal, async ({ path, label }) => {
    const mount = await openCarFile(path, { hashes: await openAllHashes(), signal, onNotice: (notice) => { terminal.stderr(`${label}: ${notice}\n`) } })
    const progress = startProgress(terminal, 'get-dag')
    try {
      const root = given ?? onlyRoot(mount.roots)
      const sections = dagSections(mount.blockstore, root, options.strict === true, written, signal, (bytes) => { progress.update(bytes, undefined) })
      if (options.version === '1') await writeOutput(output, sections, terminal)
      else await writeV2(output, sections, terminal)
    } finally {
      progress.end()
      await mount.close()
    }
  })
  const { blocks, bytes, missing } = written
  if (options.json === true) terminal.stdout(`${toJson({ path: output.label, version: Number(options.version), blockCount: blocks, blockBytes: bytes, missing: missing.map(String) })}\n`)
  else if (missing.length > 0) terminal.stderr(`${count(missing.length, 'block')} of the DAG ${missing.length === 1 ? 'is' : 'are'} not in this CAR\n`)
}

const onlyRoot = (roots: readonly CID[]): CID => {
  const [root] = roots
  if (root !== undefined && roots.length === 1) return root
  throw new CommandError('COMMAND_USAGE', `the CAR has ${roots.length === 0 ? 'no root' : `${roots.length} roots`}; name the root of the DAG`)
}

const dagSections = async function * (store: ReadBlockstore, root: CID, strict: boolean, written: Written, signal: AbortSignal, onBytes: (done: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  let first = true
  const onMissing = (cid: CID, depth: number): void => {
    if (depth > 0) written.missing.push(cid)
  }
  // the mount has hashed each block already
  for await (const { cid, bytes } of walkDag(store, root, { verify: 'never', missing: strict ? 'throw' : 'report', onMissing, signal })) {
    if (first) yield encodeCarV1Header([root])
    first = false
    yield Buffer.concat([encodeVarint(cid.bytes.byteLength + bytes.byteLength), cid.bytes])
    yield bytes
    written.blocks++
    onBytes(written.bytes += bytes.byteLength)
  }
  if (first) throw new CommandError('COMMAND_REFUSED', `block is not in this CAR: ${root.toString()} (BLOCKSTORE_NOT_FOUND)`)
}

/** The header of a CARv2 says how long the payload is, so that is written first, where nobody looks. */
const writeV2 = async (output: Output, sections: AsyncIterable<Uint8Array>, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  const folder = await mkdtemp(join(tmpdir(), 'dagstore-dag-'))
  try {
    await openDirectory(folder).writeAtomic('dag.car', sections, { signal })
    const source = await openFileSource(join(folder, 'dag.car'))
    try {
      await writeOutput(output, wrapChunks(source, { signal }), terminal)
    } finally {
      await source.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
