/** The ways by which a gateway is asked. */
import { Agent, request as http1 } from 'node:http'
import { connect, constants, type IncomingHttpHeaders } from 'node:http2'
import type { Gateway } from '../../src/index.ts'
import { serveGateway } from '../../src/node.ts'

export interface Asked {
  /** @default 'GET' */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** An answer whose body is on its way. */
export interface Begun {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Throws when the answer is not ended as a whole one. */
  readonly body: AsyncIterableIterator<Uint8Array>
  /** Takes no more of it: the asker goes. */
  readonly leave: () => Promise<void>
}

export interface Asking {
  begin (target: string, asked?: Asked): Promise<Begun>
  close (): Promise<void>
}

export const askWeb = (gateway: Gateway): Asking => ({
  begin: async (target, { method = 'GET', headers = {}, signal } = {}) => {
    const left = new AbortController()
    const request = new Request(`http://gateway.example${target}`, { method, headers, signal: signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]) })
    const response = await gateway(request)
    const reader = response.body?.getReader()
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: (async function * () {
        for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) yield next.value
      })(),
      leave: async () => {
        await reader?.cancel()
        left.abort()
      },
    }
  },
  close: async () => {},
})

/** Of `node:http`; connections are kept. */
export const askHttp1 = async (gateway: Gateway): Promise<Asking> => {
  const server = await serveGateway(gateway, { listen: { port: 0 } })
  const agent = new Agent({ keepAlive: true })
  return {
    begin: (target, { method = 'GET', headers = {}, signal } = {}) => new Promise((resolve, reject) => {
      const { host, port } = server.address
      const request = http1({ host, port, path: target, method, headers, agent, ...(signal === undefined ? {} : { signal }) })
      request.once('error', reject).once('response', (response) => {
        resolve({
          status: response.statusCode ?? 0, headers: plain(response.headers),
          // what has come before an error is given first
          body: chunksOf(response),
          leave: async () => { request.destroy() },
        })
      }).end()
    }),
    close: async () => {
      agent.destroy()
      await server.close({ deadlineMs: 0 })
    },
  }
}

/** Of `node:http2`, with prior knowledge: one connection for all requests. */
export const askHttp2 = async (gateway: Gateway): Promise<Asking> => {
  const server = await serveGateway(gateway, { listen: { port: 0 } })
  const session = connect(server.address.url)
  return {
    begin: (target, { method = 'GET', headers = {}, signal } = {}) => new Promise((resolve, reject) => {
      const stream = session.request({ ...headers, ':path': target, ':method': method }, signal === undefined ? {} : { signal })
      stream.once('error', reject).once('response', ({ ':status': status = 0, ...others }) => {
        resolve({ status, headers: plain(others), body: chunksOf(stream), leave: async () => { stream.close(constants.NGHTTP2_CANCEL) } })
      }).end()
    }),
    close: async () => {
      session.destroy()
      await server.close({ deadlineMs: 0 })
    },
  }
}

const plain = (headers: IncomingHttpHeaders): Record<string, string> => Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')).map(([name, value]) => [name, String(value)]))

/** Node drops what it has not handed out when a stream fails; a reader that looks at it as it comes has it. */
const chunksOf = async function * (stream: NodeJS.ReadableStream): AsyncGenerator<Uint8Array, void, undefined> {
  const waiting: Uint8Array[] = []
  let [ended, failure, wake]: [boolean, Error | undefined, () => void] = [false, undefined, () => {}]
  const settle = (error?: Error): void => {
    ended = true
    failure ??= error
    wake()
  }
  stream.on('data', (chunk: Uint8Array) => {
    waiting.push(chunk)
    stream.pause()
    wake()
  })
  stream.once('end', () => { settle() }).once('error', settle).once('aborted', () => { settle(new Error('aborted')) }).once('close', () => { settle() })
  for (;;) {
    const chunk = waiting.shift()
    if (chunk !== undefined) {
      yield chunk
      stream.resume()
    } else if (ended) {
      break
    } else {
      await new Promise<void>((resolve) => { wake = resolve })
    }
  }
  if (failure !== undefined) throw failure
}
