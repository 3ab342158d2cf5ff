/** `why`: from a CID to its bytes, step by step, to the one that fails. */
import type { WhyReport } from '@dagstore/dagstore'
import type { Command } from 'commander'
import { parseCid } from '../car/cid-argument.ts'
import { CommandError } from '../failure.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { paint, printable, toJson } from '../text.ts'
import { quoted } from './keys.ts'
import { addBackendOptions, withExistingStore } from './store.ts'

/** Of what a step says, so that what is ok stands in one column. */
const DETAIL_CHARACTERS = 49
const NAME_CHARACTERS = 8

export const addWhyCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addBackendOptions(common(program.command('why')))
    .description('say whether a block can be read, and if not which step fails and what to do; exits with 0 or 1')
    .argument('<cid>', 'of a block, whatever its codec')
    .action(async (text: string, options: CommonOptions) => {
      const cid = parseCid(text)
      const told = await withExistingStore(options, terminal, ({ dagstore }) => dagstore.why(cid, { signal: terminal.signal }))
      if (options.json === true) terminal.stdout(`${toJson((await import('@dagstore/rpc/wire')).whyReportOf(told))}\n`)
      else terminal.stdout(whyText({ ...told, fix: told.fix === undefined ? undefined : atRoot(told.fix, options.root) }, options.color ?? terminal.colors))
      // the report has said all
      if (!told.retrievable) throw new CommandError('COMMAND_FAILED_ITEMS', `${told.cid} can not be read`)
    })
}

/** Commands in a fix are for the same store. */
const atRoot = (fix: string, root: string | undefined): string =>
  root === undefined ? fix : fix.replaceAll(/\bdagstore [a-z]+(?:-[a-z]+)*\b/g, (command) => `${command} --root ${quoted(root)}`)

export const whyText = ({ cid, retrievable, steps, fix }: WhyReport, color: boolean): string => {
  const width = steps.reduce((longest, { ok, detail }) => ok ? Math.max(longest, detail.length) : longest, DETAIL_CHARACTERS)
  const lines = steps.map(({ name, ok, detail }, at) => {
    const lead = `${at + 1} ${name.padEnd(NAME_CHARACTERS)} ${printable(detail)}`
    return ok ? `${lead.padEnd(2 + NAME_CHARACTERS + 1 + width)}  ${paint('ok', 'green', color)}` : paint(lead, 'red', color)
  })
  const head = `${cid}  ${retrievable ? paint('retrievable', 'green', color) : paint('NOT retrievable', 'red', color)}`
  return [head, ...lines, ...(fix === undefined ? [] : [`fix: ${printable(fix)}`])].map((line) => `${line}\n`).join('')
}
