/** What a gateway says at its beginning and at its end. */
import type { Clock } from '@dagstore/io'
import { isLoopback } from '@dagstore/io/node'
import type { ServedRequest, ServerAddress } from '@dagstore/trustless-gateway/node'
import type { ShardStore } from '../compose.ts'
import { localUrl } from '../config/listen.ts'
import type { Terminal } from '../terminal.ts'
import { count, printable, showBytes, showMs } from '../text.ts'
import { exampleRoot } from './examples.ts'

/** CARs are counted up to here. */
const MOST_COUNTED = 10_000

/** Where it answers, and what can be asked there now. */
export const welcome = async (store: Pick<ShardStore, 'root' | 'dagstore'>, { host, port, url }: ServerAddress, { signal }: Terminal): Promise<string> => {
  const near = url.replace(/^http:.*$/, localUrl(host, port))
  let cars = 0
  for await (const _ of store.dagstore.shards({ signal })) if (++cars >= MOST_COUNTED) break
  const what = `${cars < MOST_COUNTED ? count(cars, 'CAR') : `${MOST_COUNTED.toLocaleString('en-US')} CARs or more`} of ${printable(store.root.label)}`
  const root = await exampleRoot(store, { signal })
  const named = root ?? '{cid}'
  return `serving ${what} at ${near}\n
  a block: curl -o block.bin '${near}/ipfs/${named}?format=raw'
  a DAG:   curl -o dag.car   '${near}/ipfs/${named}?format=car'\n
${isLoopback(host) ? `Only this machine can ask; --listen :${port} lets everybody. ` : ''}Ctrl-C stops it.\n`
}

export interface Sum {
  note (request: ServedRequest): void
  text (): string
}

export const createSum = (clock: Pick<Clock, 'monotonic'>): Sum => {
  const began = clock.monotonic()
  let [requests, bytes, failed] = [0, 0, 0]
  return {
    note: ({ status, code, bytes: sent }) => {
      requests++
      bytes += sent
      // begun well, and ended otherwise
      if (status >= 500 || (status < 300 && code !== undefined && code !== 'CLIENT_LEFT')) failed++
    },
    text: () => `served ${count(requests, 'request')}, ${showBytes(bytes)}, in ${showMs(clock.monotonic() - began)}${failed === 0 ? '' : `; ${failed} failed`}\n`,
  }
}
