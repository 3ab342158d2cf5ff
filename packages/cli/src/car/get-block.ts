/** `car get-block`: the bytes of one block. */
import type { Command } from 'commander'
import { openCarFile } from '@dagstore/carv2-index-mount/node'
import { openAllHashes } from '../hashes.ts'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { toJson } from '../text.ts'
import { parseCid } from './cid-argument.ts'
import { withInput } from './input.ts'
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
      const bytes = await withInput(file, terminal, async ({ path, label }) => {
        const car = await openCarFile(path, { label, hashes: await openAllHashes(), signal: terminal.signal, onNotice: (notice) => { terminal.stderr(`${label}: ${notice}\n`) } })
        try {
          return await car.blockstore.bytes(cid, { signal: terminal.signal })
        } finally {
          await car.close()
        }
      })
      if (output.label !== '-' || options.json !== true) await writeOutput(output, [bytes], terminal)
      if (options.json !== true) return
      const where = output.label === '-' ? { base64: Buffer.from(bytes).toString('base64') } : { path: output.label }
      terminal.stdout(`${toJson({ cid: cid.toString(), sizeBytes: bytes.byteLength, ...where })}\n`)
    })
}
