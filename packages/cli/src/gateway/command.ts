/** `dagstore gateway`: a store, or a folder of CARs, by HTTP. */
import type { Command } from 'commander'
import { effectiveConfig } from '../config/effective.ts'
import { addGatewayOptions, type GatewayCommandOptions, gatewayOptions } from '../config/options.ts'
import type { AddOptions } from '../options.ts'
import type { Terminal } from '../terminal.ts'

const EXAMPLES = `
Examples:
  $ dagstore gateway ./cars                           the CARs in ./cars, at http://127.0.0.1:2351
  $ dagstore gateway ./cars --listen :8080            for everybody who reaches this machine
  $ dagstore gateway --root /data/dagstore            a store that there is
  $ dagstore gateway --listen :443 --tls-cert fullchain.pem --tls-key privkey.pem --denylist badbits.deny

Blocks: /ipfs/{cid}?format=raw, DAGs: /ipfs/{cid}[/path]?format=car, pieces: /piece/{cid}, who has a block: /routing/v1/providers/{cid}
A store that a daemon has is served by the daemon, at its own port. Ctrl-C or SIGTERM stops it, once what is under way has ended; a
second one at once. SIGHUP has certificates and denylists read again, and the access log opened again.
`

export const addGatewayCommand = (program: Command, common: AddOptions, terminal: Terminal): void => {
  addGatewayOptions(common(program.command('gateway')))
    .description('serve blocks and DAGs of a store by HTTP, as a trustless gateway; folders and CARs that are named are added first')
    .argument('[path...]', 'CAR files, or folders of them, as of add')
    .addHelpText('after', EXAMPLES)
    .action(async (paths: string[], options: GatewayCommandOptions) => {
      const effective = effectiveConfig(gatewayOptions(options), terminal)
      const { runGateway } = await import('./run.ts') // loaded when the configuration is right
      const colors = options.color ?? (terminal.interactive && !terminal.env['NO_COLOR'])
      await runGateway(paths, effective, terminal, { json: options.json === true, colors })
    })
}
