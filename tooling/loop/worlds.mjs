/** Two daemons, the networks between them, and what a user does with them: a world of its own for each scenario. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openDaemon } from './daemons.mjs'
import { openNetwork } from './network.mjs'

/** States of Lotus, of deals. */
const [ACTIVE, FAILED] = [7, 26]
export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

/** @param loop - what `run.mjs` gives */
export const createWorlds = ({ must, dagstore, folder, bin }) => {
  mkdirSync(join(folder, 'sides'))
  let worlds = 0

  return async ({ client: ofClient = {}, provider: ofProvider = {}, roots = {} } = {}) => {
    const name = `sides/${worlds++}`
    mkdirSync(join(folder, name), { recursive: true })
    let provider
    let client
    const [toProvider, toClient] = await Promise.all([openNetwork(() => provider?.port), openNetwork(() => client?.port)])
    provider = await openDaemon({ bin, folder, root: roots.provider ?? `${name}/p`, env: { DAGSTORE_MOUNTHOSTS: '127.0.0.1', ...ofProvider } })
    client = await openDaemon({ bin, folder, root: roots.client ?? `${name}/c`, env: { DAGSTORE_PAYLOADURL: toClient.url, ...ofClient } })
    const run = async (args, options) => dagstore(['client', ...args, '--root', client.root], options)
    const done = async (...args) => {
      const ended = await run(args)
      must(ended.code === 0, `client ${args.join(' ')}: exit ${ended.code}; ${ended.stderr.slice(-500)}`)
      return ended.stdout.trim()
    }
    const path = (file) => join(folder, name, file)
    return {
      provider, client, toProvider, toClient, run, done, path,
      write: (file, bytes) => {
        writeFileSync(path(file), bytes)
        return path(file)
      },
      /** Gives each the time to come back, and the deal the time to get on. */
      active: async (proposal) => {
        for (let turn = 0; turn < 1200; turn++) {
          await Promise.all([provider.start(), client.start()])
          const deal = await client.call('ClientGetDealInfo', { '/': proposal }).catch(() => undefined) // killed just now
          if (deal?.State === ACTIVE) return deal
          if (deal?.State === FAILED) throw new Error(deal.Message)
          await pause(100)
        }
        throw new Error(`the deal does not get on: ${(await run(['get-deal', proposal])).stdout}`)
      },
      same: (file, bytes) => { must(readFileSync(path(file)).equals(Buffer.from(bytes)), `other bytes: ${file}`) },
      noneStaged: () => { must(readdirSync(join(folder, provider.root, 'deal-staging'), { withFileTypes: true }).filter((entry) => entry.isFile()).length === 0, 'something stays in deal-staging') },
      /** @throws a secret was told, or one of them does not end */
      close: async () => {
        await Promise.all([provider.stop(), client.stop()])
        toProvider.close()
        toClient.close()
      },
      leave: async () => {
        await Promise.all([provider.leave(), client.leave()])
        toProvider.close()
        toClient.close()
      },
    }
  }
}
