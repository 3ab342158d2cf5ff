/** `dagstore config default|effective`: what a daemon can be told, and what it is told. */
import type { Command } from 'commander'
import { addConfigOptions, type ConfigCommandOptions, configOptions } from './options.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'
import { printable, toJson } from '../text.ts'
import { effectiveConfig } from './effective.ts'
import { FIELDS, KEYS } from './keys.ts'
import { defaultText, effectiveRows, effectiveText } from './show.ts'

export const addConfigDefaultCommand = (group: Command, common: AddOptions, terminal: Terminal): void => {
  common(group.command('default'))
    .description('print a configuration file with every key, its meaning and its default')
    .action(({ json }: CommonOptions) => {
      const rows = FIELDS.map((field) => ({ section: KEYS[field].section, key: KEYS[field].name, default: KEYS[field].default, help: KEYS[field].help }))
      terminal.stdout(json === true ? `${toJson(rows)}\n` : defaultText())
    })
}

export const addConfigEffectiveCommand = (group: Command, common: AddOptions, terminal: Terminal): void => {
  addConfigOptions(common(group.command('effective')))
    .description('print the value of every key for a daemon started with these options, and where it comes from')
    .action((options: ConfigCommandOptions) => {
      const effective = effectiveConfig(configOptions(options), terminal)
      const { file } = effective
      if (options.json === true) {
        terminal.stdout(`${toJson({ root: effective.root.path, file: file?.label ?? null, ignored: file?.ignored ?? [], keys: effectiveRows(effective) })}\n`)
        return
      }
      terminal.stdout(effectiveText(effective))
      if (file !== undefined && file.ignored.length > 0) terminal.stderr(`${printable(file.label)}: passed over ${file.ignored.map((name) => `[${printable(name)}]`).join(', ')}, of other programs\n`)
    })
}
