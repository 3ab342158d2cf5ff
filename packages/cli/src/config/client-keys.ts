/** Keys of `[Client]`. Source of the first five: lotus node/config/types.go `Client`. */
import type { Config } from './config.ts'
import type { ConfigKey } from './config-key.ts'
import { booleanKind, bytesFrom, durationKind, listOf, pathsKind, textOf, wholeNumber } from './values.ts'

type ClientField =
  | 'useIpfs' | 'ipfsUseForRetrieval' | 'ipfsMAddr' | 'ipfsOnlineMode' | 'simultaneousTransfers' | 'clientTransferBytesPerSecond' | 'clientWallet' | 'clientProviders' | 'clientGateways' | 'payloadUrl' | 'referencedFolders'
  | 'retrievalRetentionMs' | 'retrievalMaxBytes'

/** `f01000=http://127.0.0.1:2350`. */
export const readProvider = (text: string): { readonly address: string, readonly url: string } | undefined => {
  const [, address, url] = /^([ft]0\d{1,20})=(https?:\/\/.+)$/iu.exec(text) ?? []
  return address === undefined || url === undefined || !URL.canParse(url) ? undefined : { address, url }
}

const isApiAddress = (text: string): boolean => text === '' || /^\/(?:ip4|ip6|dns[46]?)\//.test(text) || (/^https?:\/\//.test(text) && URL.canParse(text))
const isHttpUrl = (text: string): boolean => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)

export const CLIENT_KEYS: { readonly [field in ClientField]: ConfigKey<Config[field]> } = {
  useIpfs: {
    section: 'Client', name: 'UseIpfs', kind: booleanKind, default: false,
    help: 'Whether data that no import has are read from an IPFS node: for deals, `generate-car`, `export`, `cat` and `ls`. Imports come first all the same, in which Lotus differs.',
  },
  ipfsUseForRetrieval: {
    section: 'Client', name: 'IpfsUseForRetrieval', kind: booleanKind, default: false,
    help: 'Whether retrievals go into the IPFS node, where nothing else is said of one; only with `UseIpfs`, as in Lotus.',
  },
  ipfsMAddr: {
    section: 'Client', name: 'IpfsMAddr', kind: textOf('an address such as "/ip4/127.0.0.1/tcp/5001" or a URL', isApiAddress), default: '', secret: true,
    help: 'RPC of the IPFS node. Empty: of the node that runs on `IPFS_PATH`, else on `~/.ipfs`. Where it is given, retrievals can be ordered into the node (`--into ipfs`) without `UseIpfs` too.',
  },
  ipfsOnlineMode: {
    section: 'Client', name: 'IpfsOnlineMode', kind: booleanKind, default: false,
    help: 'Whether the IPFS node looks in the network for blocks that it lacks: of deals, `generate-car`, `export`, `cat` and `ls`, and of what is retrieved from it. Whether data are here it is asked of itself alone.',
  },
  simultaneousTransfers: {
    section: 'Client', name: 'SimultaneousTransfers', kind: wholeNumber(1), default: 20,
    help: 'Payloads of deals that are sent at a time; more wait.',
  },
  clientTransferBytesPerSecond: {
    section: 'Client', name: 'TransferBytesPerSecond', variable: 'Client_TransferBytesPerSecond', kind: bytesFrom(0), default: 0,
    help: 'Bytes of deals and retrievals that are sent and fetched in a second at most, all together and shared evenly; and as many that providers fetch. 0: no limit.',
  },
  clientWallet: {
    section: 'Client', name: 'Wallet', kind: textOf('an address such as "f1…"', (text) => text === '' || /^[ft][0-4][0-9a-z]{1,120}$/.test(text)), default: '',
    help: 'Who makes deals where a deal does not say so. There is no chain here: addresses are passed on, nothing is signed or paid. Empty: an address that is nobody\'s.',
  },
  clientProviders: {
    section: 'Client', name: 'Providers', kind: listOf('a list such as "f01000=http://127.0.0.1:2350"', (text) => readProvider(text) !== undefined), default: [],
    help: 'Where providers are that callers name by their address, as clients of Lotus do. Those of deals are known besides. `client find` asks all of them.',
  },
  clientGateways: {
    section: 'Client', name: 'Gateways', kind: listOf('a list of URLs such as "https://gateway.example"', isHttpUrl), default: [],
    help: 'Trustless gateways that are asked for data when nobody else is named and no provider has them.',
  },
  payloadUrl: {
    section: 'Client', name: 'PayloadURL', kind: textOf('a URL such as "http://client.example:2350"', (text) => text === '' || isHttpUrl(text)), default: '',
    help: 'Where providers reach this daemon to fetch payloads (`http-pull`). Empty: where it listens, if that is an address of this machine that others can reach.',
  },
  referencedFolders: {
    section: 'Client', name: 'ReferencedFolders', paths: true, kind: pathsKind, default: [],
    help: 'Files and folders that may be imported, referenced and used in place; others are refused, and references into them are not followed. Empty: whatever the daemon may read.',
  },
  retrievalRetentionMs: {
    section: 'Client', name: 'RetrievalRetention', kind: durationKind, default: 0,
    help: 'How long files of retrievals that are over are kept. 0: until they are removed.',
  },
  retrievalMaxBytes: {
    section: 'Client', name: 'RetrievalMaxSize', kind: bytesFrom(0), default: 0,
    help: 'Room for files of retrievals that are over; the oldest go. 0: no limit.',
  },
}
