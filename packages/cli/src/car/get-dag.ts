/** `car get-dag`: one DAG of a CAR as a CAR of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import { encodeCarV1Header, encodeVarint, wrapChunks } from '@dagstore/carv2'
import type { DagScope, EntityBytes, WalkPathOptions } from '@dagstore/dag'
import { openDirectory, openFileSource } from '@dagstore/io/node'
import { BlockNotFoundError, type ReadBlockstore } from '@dagstore/read-blockstore'
import type { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { count, toJson } from '../text.ts'
import { parseCid } from './cid-argument.ts'
import { withMount } from './mounted.ts'
import { addOutputOptions, type Output, type OutputOptions, refuseEarly, resolveOutput, writeOutput } from './output.ts'

interface GetDagOptions extends OutputOptions {
  readonly version: string
  readonly strict?: boolean
  readonly path?: string
  readonly scope?: DagScope
  readonly bytes?: string
  readonly duplicates?: boolean
}

export const addGetDagCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  addOutputOptions(common(car.command('get-dag').alias('gd')))
    .description('write the DAG below a block, verified, as a CAR of its own: depth first, each block once')
    .argument('<file>', 'a CAR; - is what is piped in')
    .argument('[args...]', '[root] output: a CID, or the only root of the CAR; file to make, - is stdout')
    .option('--strict', 'fail when a block is not in the CAR, or of a codec whose links nobody here can read')
    .option('--path <path>', 'from the root: the blocks on the way, then what --scope says of its end')
    .addOption(new Option('--scope <scope>', 'the one block; of a file all its blocks and of a directory those that list it; everything below').choices(['block', 'entity', 'all']))
    .option('--bytes <from:to>', 'of a file only the blocks that hold these bytes; to is the last one, or *; negative numbers count from the end')
    .option('--duplicates', 'write a block each time it is met')
    .option('--version <number>', 'write a CAR of version 1 or 2', '2')
    .action(async (file: string, args: string[], options: GetDagOptions) => {
      const named = options.output === undefined ? args.slice(0, -1) : args
      if (named.length > 1) throw new CommandError('COMMAND_USAGE', `too many arguments: ${named.slice(1).join(' ')}`)
      if (options.version !== '1' && options.version !== '2') throw new CommandError('COMMAND_USAGE', `invalid CAR version ${options.version}`)
      const output = resolveOutput(options.output === undefined ? args.at(-1) : undefined, options, terminal, '')
      const walk = walkOf(options)
      const root = named[0] === undefined ? undefined : parseCid(named[0])
      await refuseEarly(output, options)
      await getDag(file, root, output, walk, options, terminal)
    })
}

/** @throws {CommandError} `COMMAND_USAGE` */
const walkOf = ({ path, scope, bytes, duplicates, strict }: GetDagOptions): WalkPathOptions => {
  const entityBytes = bytes === undefined ? undefined : rangeOf(bytes)
  if (entityBytes !== undefined && scope !== undefined && scope !== 'entity') throw new CommandError('COMMAND_USAGE', `--bytes goes with --scope entity, not ${scope}`)
  return {
    identity: 'yield',
    duplicates: duplicates === true,
    missing: strict === true ? 'throw' : 'report',
    unknownCodec: strict === true ? 'throw' : 'leaf',
    ...(path === undefined ? {} : { path }),
    ...(scope === undefined ? {} : { scope }),
    ...(entityBytes === undefined ? {} : { entityBytes }),
  }
}

/** `from:to` as a trustless gateway takes it. */
const rangeOf = (text: string): EntityBytes => {
  const [, from, to] = /^(-?\d+):(-?\d+|\*)$/.exec(text) ?? []
  if (from === undefined || !Number.isSafeInteger(Number(from)) || (to !== '*' && !Number.isSafeInteger(Number(to)))) throw new CommandError('COMMAND_USAGE', `--bytes wants from:to, not ${text}`)
  return { from: Number(from), to: to === '*' ? undefined : Number(to) }
}

interface Written { blocks: number, bytes: number, opaque: number, readonly missing: CID[] }

const getDag = async (file: string, given: CID | undefined, output: Output, walk: WalkPathOptions, options: GetDagOptions, terminal: Terminal): Promise<void> => {
  const { signal } = terminal
  const written: Written = { blocks: 0, bytes: 0, opaque: 0, missing: [] }
  await withMount(file, 'get-dag', output, terminal, async (mount, progress) => {
    const root = given ?? onlyRoot(mount.roots)
    const sections = dagSections(mount.blockstore, root, walk, written, signal, (bytes) => { progress.update(bytes, undefined) })
    if (options.version === '1') await writeOutput(output, sections, terminal)
    else await writeV2(output, sections, terminal)
  })
  const { blocks, bytes, opaque, missing } = written
  if (options.json === true) terminal.stdout(`${toJson({ path: output.label, version: Number(options.version), blockCount: blocks, blockBytes: bytes, opaque, missing: missing.map(String) })}\n`)
  if (options.json === true) return
  if (opaque > 0) terminal.stderr(`${count(opaque, 'block')} of a codec whose links nobody here can read\n`)
  if (missing.length > 0) terminal.stderr(`${count(missing.length, 'block')} of the DAG ${missing.length === 1 ? 'is' : 'are'} not in this CAR\n`)
}

const onlyRoot = (roots: readonly CID[]): CID => {
  const [root] = roots
  if (root !== undefined && roots.length === 1) return root
  throw new CommandError('COMMAND_USAGE', `the CAR has ${roots.length === 0 ? 'no root' : `${roots.length} roots`}; name the root of the DAG`)
}

const dagSections = async function * (store: ReadBlockstore, root: CID, walk: WalkPathOptions, written: Written, signal: AbortSignal, onBytes: (done: number) => void): AsyncGenerator<Uint8Array, void, undefined> {
  const { walkPath } = await import('@dagstore/dag') // loaded when needed
  let first = true
  const onMissing = (cid: CID, depth: number): void => {
    if (depth > 0) written.missing.push(cid)
  }
  // the mount has hashed each block already
  for await (const { cid, bytes } of walkPath(store, root, { ...walk, verify: 'never', onMissing, onUnknownCodec: () => { written.opaque++ }, signal })) {
    if (first) yield encodeCarV1Header([root])
    first = false
    yield Buffer.concat([encodeVarint(cid.bytes.byteLength + bytes.byteLength), cid.bytes])
    yield bytes
    written.blocks++
    onBytes(written.bytes += bytes.byteLength)
  }
  if (first) throw new BlockNotFoundError(root)
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
