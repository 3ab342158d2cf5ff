/**
 * Our gateway over a store, wired as the command `dagstore gateway` does, but for the access log, which the others do not
 * write either. Limits of one client are raised, since all connections of a measurement are of one. `unverified`: with hashes
 * that take anything.
 */
import { openHashes } from '@dagstore/hashes/node'
import { openDagstore } from '@dagstore/node'
import { createGateway } from '@dagstore/trustless-gateway'
import { serveGateway } from '@dagstore/trustless-gateway/node'

const { store: folder, unverified } = JSON.parse(process.argv[2])

const verifying = await openHashes()
const hashes = unverified ? { ...verifying, has: () => true, matches: () => true } : verifying
const store = await openDagstore(folder, { hashes })
const requests = 4096
const gateway = createGateway({
  blockstore: store.blockstore, hashes, verify: 'never', limits: { client: { requests, waiting: requests }, total: { requests, waiting: requests } },
})
const server = await serveGateway(gateway, { listen: { port: 0 } })
process.send({ port: server.address.port })
process.once('disconnect', () => {
  void server.close({ deadlineMs: 0 }).then(() => store.close()).then(() => { process.exit() })
})
