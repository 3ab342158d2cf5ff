/** `car get-block`: the bytes of one block. */
import type { Command } from 'commander'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { parseCid } from './cid-argument.ts'
import { withMount } from './mounted.ts'
import { addOutputOptions, type OutputOptions, resolveOutput, writeOutput } from './output.ts'

export const addGetBlockCommand = (car: Command, common: AddOptions, terminal: Terminal): void => {
  addOutputOptions(common(car.command('get-block').alias('gb')))
    .description('the bytes of one block, verified, on stdout or into a new file')
    .argument('<file>', 'a CAR; - is what is piped in')
    .argument('<cid>')
    .argument('[output]', 'file to make; - is stdout')
    .action(async (file: string, text: string, argument: string | undefined, options: OutputOptions) => {
      const cid = parseCid(text)
      const output = resolveOutput(argument, options, terminal)
      const bytes = await withMount(file, 'get-block', output, terminal, ({ blockstore }) => blockstore.bytes(cid, { signal: terminal.signal }))
      if (output.label !== '-' || options.json !== true) await writeOutput(output, [bytes], terminal)
      if (options.json !== true) return
      const where = output.label === '-' ? { base64: Buffer.from(bytes).toString('base64') } : { path: output.label }
      terminal.stdout(`${toJson({ cid: cid.toString(), sizeBytes: bytes.byteLength, ...where })}\n`)
    })
}
