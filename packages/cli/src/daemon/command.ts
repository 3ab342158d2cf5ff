/** `dagstore daemon`: the store, answering over HTTP and WebSocket until it is told to stop. */
import type { Command } from 'commander'
import { effectiveConfig } from '../config/effective.ts'
import { addConfigOptions, type ConfigCommandOptions, configOptions } from '../config/options.ts'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'

const EXAMPLES = `
Examples:
  $ dagstore daemon                                   the store in ./.dagstore, at http://127.0.0.1:2350
  $ dagstore daemon --storage ~/.lotusminer           with the sectors of a Lotus miner
  $ dagstore daemon --config ~/.lotusminer/config.toml --root /data/dagstore
  $ dagstore daemon --concurrency 1 --bytes-per-second 50MiB    leaves the disks to proving

Other commands find it by the files api and token in the folder of the store. Ctrl-C or SIGTERM stops it, once what is under way has
ended; a second one at once. All settings: dagstore config default
`

export const addDaemonCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addConfigOptions(common(program.command('daemon')))
    .description('answer for a store over JSON-RPC as a Lotus miner does, with /healthz, /readyz and /metrics')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ConfigCommandOptions) => {
      const effective = effectiveConfig(configOptions(options), terminal)
      const { runDaemon } = await import('./run.ts') // loaded when the configuration is right
      const colors = options.color ?? (terminal.interactive && !terminal.env['NO_COLOR'])
      await runDaemon(effective, terminal, { json: options.json === true, colors })
    })
}
