/** `client find`: where a payload can be had. */
import type { Command } from 'commander'
import { parseCid, parsePieceCid } from '../car/cid-argument.ts'
import { showFil } from '../fil.ts'
import type { AddOptions, CommonOptions } from '../options.ts'
import { addClientOptions } from '../shards/store.ts'
import type { Terminal } from '../terminal.ts'
import { printable, showBytes } from '../text.ts'
import { isHere } from './data-here.ts'
import { askOffers, offerName, usable } from './offers.ts'
import { withClient } from './with-client.ts'

interface FindOptions extends CommonOptions { readonly pieceCid?: string, readonly provider?: readonly string[] }

export const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text]

export const addFindCommand = (client: Command, common: AddOptions, terminal: Terminal): void => {
  addClientOptions(common(client.command('find')))
    .description('say where data can be had: here, or from which providers')
    .argument('<root>', 'CID of the data')
    .option('--piece-cid <cid>', 'only in this piece')
    .option('--provider <url>', 'ask this one; several times (default: those of the deals and of the configuration)', several)
    .action(async (text: string, options: FindOptions) => {
      const root = parseCid(text)
      const piece = options.pieceCid === undefined ? null : await parsePieceCid(options.pieceCid)
      const { signal } = terminal
      const [isLocal, offers] = await withClient(options, terminal, (client) => Promise.all([isHere(root, client, terminal), askOffers(client, root, piece, options.provider ?? [], { signal })]))
      if (options.json === true) {
        const [{ toJson }, { METHODS }] = await Promise.all([import('@dagstore/json-rpc'), import('@dagstore/lotus-api')])
        return terminal.stdout(`${toJson({ local: isLocal, offers: METHODS.ClientFindData.result.encode(offers) })}\n`)
      }
      // source: lotus cli/client.go `clientFindCmd`
      if (isLocal) terminal.stdout('LOCAL\n')
      for (const offer of offers) {
        terminal.stdout(printable(offer.Err === '' ? `RETRIEVAL ${offerName(offer)}-${showFil(BigInt(offer.MinPrice))}${offer.Size > 0 ? `-${showBytes(offer.Size)}` : ''}` : `ERR ${offerName(offer)}: ${offer.Err}`) + '\n')
      }
      if (!isLocal && usable(offers).length === 0) terminal.stderr(offers.length === 0 ? 'not here, and no provider is known: --provider URL\n' : 'nobody who was asked has it\n')
    })
}
