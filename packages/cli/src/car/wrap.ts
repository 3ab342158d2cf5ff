/** `car wrap` and `car index`: a CARv2 with an index around the payload of a CAR; in place where it is a CARv2 already. */
import type { Command } from 'commander'
import { attachIndex, buildIndex, buildIndexStream, extractPayload, INDEX_SORTED, wrapChunks, type WrapOptions, type WrapReport } from '@dagstore/carv2'
import { openWritableFile } from '@dagstore/io/node'
import { CommandError } from '../failure.ts'
import type { AddOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { addIndexOptions, bytesOption, type IndexOptions, indexOf } from './index-options.ts'
import { contentLayoutOf, mustHoldData, withInput, withSource } from './input.ts'
import { addOutputOptions, type Output, refuseEarly, resolveOutput, writeOutput } from './output.ts'
import { withScratch } from './scratch.ts'

interface WrapCommandOptions extends IndexOptions {
  readonly dataPadding?: string
  readonly indexPadding?: string
  readonly keepPadding?: boolean
}

interface IndexCommandOptions extends IndexOptions {
  readonly version: string
  readonly keepPadding?: boolean
  readonly attach?: boolean
}

export const addWrapCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  addOutputOptions(addIndexOptions(common(car.command('wrap'))))
    .description('write a CARv2 with an index around the payload of a CAR')
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .argument('[output]', 'file to make; - is stdout')
    .option('--data-padding <bytes>', 'zeros between header and payload')
    .option('--index-padding <bytes>', 'zeros between payload and index')
    .option('--keep-padding', 'keep zeros behind the last section')
    .action(async (file: string | undefined, argument: string | undefined, options: WrapCommandOptions) => {
      const paddings = { dataPadding: bytesOption('--data-padding', options.dataPadding), indexPadding: bytesOption('--index-padding', options.indexPadding) }
      await wrap(file, resolveOutput(argument, options, terminal), { ...indexOf(options), ...paddings }, options, terminal)
    })
}

export const addIndexCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  const index = addOutputOptions(addIndexOptions(common(car.command('index').alias('i'))))
    .description('write the CAR out with an index')
    .enablePositionalOptions()
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .argument('[output]', 'file to make; - is stdout')
    .option('--version <number>', 'write a CAR of version 1, which has no index, or 2', '2')
    .option('--keep-padding', 'keep zeros behind the last section')
    .option('--attach', 'put the index into the CARv2 itself, in place of the one that is there')
    .action(async (file: string | undefined, argument: string | undefined, options: IndexCommandOptions) => {
      if (options.version !== '1' && options.version !== '2') throw new CommandError('COMMAND_USAGE', `invalid CAR version ${options.version}`)
      if (options.attach === true) return attach(file, argument, options, terminal)
      const output = resolveOutput(argument, options, terminal)
      if (options.version === '2') return wrap(file, output, indexOf(options), options, terminal)
      if (options.codec !== undefined && options.codec !== 'none') throw new CommandError('COMMAND_USAGE', "'none' is the only supported codec for a v1 car")
      return payload(file, output, options, terminal)
    })
  addOutputOptions(addIndexOptions(common(index.command('create'))))
    .description('write a detached index')
    .argument('[file]', 'a CAR; without it, or -, what is piped in')
    .argument('[output]', 'file to make; - is stdout')
    .action(async (file: string | undefined, argument: string | undefined, options: IndexOptions) => {
      if (options.codec === 'none') throw new CommandError('COMMAND_USAGE', 'an index of codec none is nothing to write')
      await createIndex(file, resolveOutput(argument, options, terminal), options, terminal)
    })
}

/** The CARv1 of a CAR. */
export const payload = async (file: string | undefined, output: Output, options: { readonly json?: boolean, readonly keepPadding?: boolean }, terminal: Terminal): Promise<void> => {
  await refuseEarly(output, options)
  const { sizeBytes } = await withSource(file, 'extract', terminal, async (source, _, input) => {
    await contentLayoutOf(source, input, terminal)
    return writeOutput(output, extractPayload(source, { signal: terminal.signal, padding: options.keepPadding === true ? 'keep' : 'drop' }), terminal)
  })
  if (options.json === true) terminal.stdout(`${toJson({ path: output.label, version: 1, sizeBytes })}\n`)
}

const wrap = async (file: string | undefined, output: Output, form: WrapOptions, options: { readonly json?: boolean, readonly keepPadding?: boolean }, terminal: Terminal): Promise<void> => {
  await refuseEarly(output, options)
  const report = await withSource(file, 'wrap', terminal, (source, onProgress, input) => withScratch(async (scratch) => {
    await contentLayoutOf(source, input, terminal)
    const room = form.codec === INDEX_SORTED ? {} : { scratch }
    const chunks = wrapChunks(source, { ...form, ...room, padding: options.keepPadding === true ? 'keep' : 'drop', onProgress, signal: terminal.signal })
    const found: { report?: WrapReport } = {}
    await writeOutput(output, (async function * () { found.report = yield * chunks })(), terminal)
    return found.report
  }))
  if (options.json === true) terminal.stdout(`${toJson({ path: output.label, version: 2, ...report })}\n`)
}

const attach = async (file: string | undefined, argument: string | undefined, options: IndexCommandOptions, terminal: Terminal): Promise<void> => {
  if (file === undefined || file === '-' || argument !== undefined || options.output !== undefined || options.version !== '2') {
    throw new CommandError('COMMAND_USAGE', '--attach wants the name of one CARv2, and no output')
  }
  const report = await withInput(file, terminal, async ({ path }) => {
    await mustHoldData(path, terminal)
    const target = await openWritableFile(path, 'open')
    const progress = startProgress(terminal, 'index')
    try {
      const form = indexOf(options)
      return await withScratch((scratch) => attachIndex(target, {
        ...form,
        ...(form.codec === INDEX_SORTED ? {} : { scratch }),
        signal: terminal.signal,
        onProgress: ({ doneBytes, totalBytes }) => { progress.update(doneBytes, totalBytes) },
      }))
    } finally {
      progress.end()
      await target.close()
    }
  })
  if (options.json === true) terminal.stdout(`${toJson({ path: file, version: 2, ...report, indexOffset: report.indexOffset ?? null })}\n`)
}

const createIndex = async (file: string | undefined, output: Output, options: IndexOptions, terminal: Terminal): Promise<void> => {
  await refuseEarly(output, options)
  const { codec, index } = indexOf(options)
  const report = await withSource(file, 'index', terminal, (source, onProgress, input) => withScratch(async (scratch) => {
    const layout = await contentLayoutOf(source, input, terminal)
    const how = { layout, identity: options.identity, onProgress, signal: terminal.signal }
    if (index === 'trailer') {
      const stream = await buildIndexStream(source, { ...how, scratch })
      return { entryCount: stream.entryCount, ...await writeOutput(output, stream.encode({ signal: terminal.signal }), terminal) }
    }
    const built = await buildIndex(source, how)
    return { entryCount: built.entryCount, ...await writeOutput(output, built.encodeStandard(codec), terminal) }
  }))
  if (options.json === true) terminal.stdout(`${toJson({ path: output.label, ...report })}\n`)
}
