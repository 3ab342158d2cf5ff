/** `dagstore car …`: look into CAR files, as go-car's `car` command does. */
import { existsSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { inspectCar, readLayout, scanSections, verifyCar } from '@dagstore/carv2'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { linksOf } from '@dagstore/dag'
import { openHashes } from '@dagstore/hashes/node'
import { type ByteProgress, IoError } from '@dagstore/io'
import { openDirectory, openFileSource } from '@dagstore/io/node'
import { CID } from 'multiformats/cid'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { startProgress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import { count, toJson } from '../text.ts'
import { reportJson, reportText } from './car-report.ts'
import { aboutFile } from './files.ts'

interface InspectOptions extends CommonOptions { readonly full?: boolean }
interface VerifyOptions extends CommonOptions { readonly complete?: boolean }

export const addCarCommands = (program: Command, common: AddOptions, terminal: Terminal): void => {
  const car = program.command('car').description('CAR files, version 1 and 2')
  common(car.command('inspect'))
    .description('say what is in a CAR: version, roots, blocks, codecs, hashes, index')
    .argument('<file>')
    .option('--full', 'hash every block too')
    .action((file: string, options: InspectOptions) => aboutFile(file, () => inspect(file, options, terminal)))
  common(car.command('verify'))
    .description('check every section, hash, root and index entry; silent when all is well')
    .argument('<file>')
    .option('--complete', 'refuse a CAR that lacks blocks its own blocks link to')
    .action((file: string, options: VerifyOptions) => aboutFile(file, () => verify(file, options, terminal)))
  common(car.command('list'))
    .description('list the CIDs of all sections in their order; with --json one object a line')
    .argument('<file>')
    .action((file: string, options: CommonOptions) => aboutFile(file, () => list(file, options, terminal)))
  common(car.command('get-block'))
    .description('the bytes of one block, verified, on stdout or into a new file')
    .argument('<file>')
    .argument('<cid>')
    .argument('[output]', 'file to make; - is stdout', '-')
    .action((file: string, cid: string, output: string, options: CommonOptions) => aboutFile(file, () => getBlock(file, cid, output, options, terminal)))
}

/** Work on an opened file with a progress line, both ended whatever happens. */
const withFile = async <T>(file: string, label: string, terminal: Terminal, work: (source: Awaited<ReturnType<typeof openFileSource>>, onProgress: (progress: ByteProgress) => void) => Promise<T>): Promise<T> => {
  const source = await openFileSource(resolve(terminal.cwd, file))
  const progress = startProgress(terminal, label)
  try {
    return await work(source, ({ doneBytes, totalBytes }) => { progress.update(doneBytes, totalBytes) })
  } finally {
    progress.end()
    await source.close()
  }
}

const inspect = async (file: string, options: InspectOptions, terminal: Terminal): Promise<void> => {
  const hashes = options.full === true ? await openHashes() : undefined
  const report = await withFile(file, 'inspect', terminal, (source, onProgress) => inspectCar(source, { hashes, onProgress, signal: terminal.signal }))
  terminal.stdout(options.json === true ? `${toJson(reportJson(report))}\n` : reportText(report))
}

const verify = async (file: string, options: VerifyOptions, terminal: Terminal): Promise<void> => {
  const hashes = await openHashes()
  const report = await withFile(file, 'verify', terminal, (source, onProgress) =>
    verifyCar(source, hashes, { linksOf, policy: { missingLinks: options.complete === true ? 'refuse' : 'report' }, onProgress, signal: terminal.signal }))
  if (options.json === true) {
    terminal.stdout(`${toJson({ ok: true, blockCount: report.blockCount, payloadEnd: report.payloadEnd, missingCount: report.missingCount, missing: report.missing.map(String) })}\n`)
    return
  }
  for (const cid of report.missing) terminal.stdout(`missing ${cid.toString()}\n`)
  if (report.missingCount > 0) terminal.stderr(`${count(report.missingCount, 'block')} that others link to ${report.missingCount === 1 ? 'is' : 'are'} not in this CAR\n`)
}

const list = async (file: string, options: CommonOptions, terminal: Terminal): Promise<void> => {
  await withFile(file, 'list', terminal, async (source) => {
    const layout = await readLayout(source, { signal: terminal.signal })
    let lines = ''
    for await (const section of scanSections(source, layout, { signal: terminal.signal })) {
      const cid = CID.decode(section.cid).toString()
      lines += options.json === true ? `${toJson({ cid, sectionOffset: section.sectionOffset, dataOffset: layout.payloadStart + section.sectionOffset + section.headBytes, dataBytes: section.dataBytes })}\n` : `${cid}\n`
      if (lines.length < 1 << 16) continue
      terminal.stdout(lines)
      lines = ''
    }
    terminal.stdout(lines)
  })
}

const getBlock = async (file: string, text: string, output: string, options: CommonOptions, terminal: Terminal): Promise<void> => {
  const cid = parseCid(text)
  const car = await openCarFile(resolve(terminal.cwd, file), { signal: terminal.signal, onNotice: (notice) => { terminal.stderr(`${file}: ${notice}\n`) } })
  try {
    const bytes = await car.blockstore.bytes(cid, { signal: terminal.signal })
    if (output !== '-') await aboutFile(output, () => writeNew(resolve(terminal.cwd, output), bytes))
    if (options.json === true) {
      const where = output === '-' ? { base64: Buffer.from(bytes).toString('base64') } : { path: output }
      terminal.stdout(`${toJson({ cid: cid.toString(), sizeBytes: bytes.byteLength, ...where })}\n`)
    } else if (output === '-') {
      terminal.stdout(bytes)
    }
  } finally {
    await car.close()
  }
}

/** Whole or not at all, and never in the place of something else. */
const writeNew = async (path: string, bytes: Uint8Array): Promise<void> => {
  if (existsSync(path)) throw new IoError('IO_EXISTS', 'is there already')
  await openDirectory(dirname(path)).writeAtomic(basename(path), [bytes])
}

const parseCid = (text: string): CID => {
  try {
    return CID.parse(text)
  } catch (cause) {
    throw new CommandError('COMMAND_USAGE', `not a CID: ${text}`, { cause })
  }
}
