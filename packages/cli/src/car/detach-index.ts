/** `car detach-index` and `car detach-index list`. */
import type { Command } from 'commander'
import { detachIndex, encodeVarint, openIndex } from '@dagstore/carv2'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { nameOf } from './code-names.ts'
import { withSource } from './input.ts'
import { addOutputOptions, type OutputOptions, refuseEarly, resolveOutput, writeOutput } from './output.ts'

interface DetachOptions extends OutputOptions { readonly standard?: boolean }

export const addDetachIndexCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  const detach = addOutputOptions(common(car.command('detach-index')))
    .description('write the index of a CARv2 into a file of its own')
    .enablePositionalOptions()
    .argument('<file>', 'a CARv2; - is what is piped in')
    .argument('[output]', 'file to make; - is stdout')
    .option('--standard', 'the standard bytes of the index alone, nothing that follows them')
    .action(async (file: string, argument: string | undefined, options: DetachOptions) => {
      const output = resolveOutput(argument, options, terminal)
      await refuseEarly(output, options)
      const { sizeBytes } = await withSource(file, 'detach', terminal, (source) =>
        writeOutput(output, detachIndex(source, { form: options.standard === true ? 'standard' : 'all', signal: terminal.signal }), terminal))
      if (options.json === true) terminal.stdout(`${toJson({ path: output.label, sizeBytes })}\n`)
    })
  common(detach.command('list'))
    .description('list the entries of a detached index: multihash in hex, and offset in the CARv1; with --json one object a line')
    .argument('[index]', 'a detached index; without it, or -, what is piped in')
    .action((file: string | undefined, options: CommonOptions) => list(file, options, terminal))
}

const list = async (file: string | undefined, options: CommonOptions, terminal: Terminal): Promise<void> => {
  await withSource(file, 'list', terminal, async (source) => {
    const view = await openIndex(source, { signal: terminal.signal })
    try {
      if (view.facts.codec === 0x0400 && options.json !== true) {
        throw new CommandError('COMMAND_REFUSED', `index of codec ${nameOf(view.facts.codec)} does not know hash functions, so it has no multihashes to list (--json lists digests)`)
      }
      let lines = ''
      for await (const { code, digest, sectionOffset, dataBytes } of view.entries({ signal: terminal.signal })) {
        const digestHex = Buffer.from(digest).toString('hex')
        const multihash = code === undefined ? null : Buffer.concat([encodeVarint(code), encodeVarint(digest.byteLength), digest]).toString('hex')
        lines += options.json === true
          ? `${toJson({ multihash, digest: digestHex, code: code ?? null, offset: sectionOffset, dataBytes: dataBytes ?? null })}\n`
          : `${multihash ?? ''} ${sectionOffset}\n`
        if (lines.length < 1 << 16) continue
        terminal.stdout(lines)
        await terminal.drained?.()
        lines = ''
      }
      terminal.stdout(lines)
    } finally {
      await view.close()
    }
  })
}
