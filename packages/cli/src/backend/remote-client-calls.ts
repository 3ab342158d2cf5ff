/** The client's side of a daemon: its calls, and the one thing that has no place in a message. */
import type { LotusApi } from '@dagstore/lotus-api'
import type { ApiAddress } from '../api-address.ts'
import type { ClientCalls } from './client-calls.ts'
import { uploadImport } from './remote-upload.ts'

export const remoteClientCalls = (api: LotusApi, address: ApiAddress): ClientCalls => ({
  ...api,
  importStream: (content, { signal } = {}) => uploadImport(address, content, signal),
})
