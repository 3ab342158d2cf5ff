/** What a node says of itself. Source: lotus node/impl/common/common.go. */
import { type LotusApi, MINER_API_VERSION, openRpcDocument, PERMISSIONS } from '@dagstore/lotus-api'
import { badParams, refusal } from './failures.ts'
import type { NodeParts } from './parts.ts'

type NodeMethods = Pick<LotusApi, 'Version' | 'Discover' | 'AuthNew' | 'AuthVerify' | 'Session' | 'Shutdown' | 'LogList' | 'LogSetLevel'>

/** Of mainnet; nothing here waits for a block. */
const BLOCK_DELAY_SECONDS = 30
const MAX_TOKEN_LENGTH = 8192
const MAX_NAME_LENGTH = 100

export const nodeHandlers = ({ version, session, tokens, logs, shutdown }: NodeParts): NodeMethods => ({
  Version: async () => ({ Version: version, APIVersion: MINER_API_VERSION, BlockDelay: BLOCK_DELAY_SECONDS }),
  Discover: async () => openRpcDocument(),
  AuthNew: async (permissions) => {
    // Stricter: Lotus signs tokens that allow nothing
    if (permissions.length === 0) throw badParams('permissions; want=at least one')
    return new TextEncoder().encode(await tokens.sign(PERMISSIONS.filter((one) => permissions.includes(one))))
  },
  AuthVerify: async (token) => {
    if (token.length > MAX_TOKEN_LENGTH) throw badParams(`token; most=${MAX_TOKEN_LENGTH}`)
    const allowed = await Promise.resolve(token).then((text) => tokens.verify(text)).catch(() => undefined)
    if (allowed === undefined) throw refusal('JWT Verification failed', undefined, 'RPC_FORBIDDEN')
    return allowed
  },
  Session: async () => session,
  Shutdown: async () => {
    void Promise.resolve().then(shutdown).catch(() => {}) // whoever shuts down says what goes wrong there
  },
  LogList: async () => logs.list(),
  LogSetLevel: async (subsystem, level) => {
    if (subsystem.length > MAX_NAME_LENGTH || level.length > MAX_NAME_LENGTH) throw badParams(`subsystem or level; most=${MAX_NAME_LENGTH}`)
    try {
      logs.setLevel(subsystem, level)
    } catch (error) {
      throw error instanceof RangeError ? badParams(error.message) : error
    }
  },
})
