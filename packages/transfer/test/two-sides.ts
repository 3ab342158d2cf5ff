/** A server and a client that call each other without a network, with what may go wrong between them. */
import { createFakeClock, type FakeClock } from '@dagstore-tooling/testkit'
import { openPayloadReceiver, type PayloadHandler, type PayloadIntake, type PayloadReceiver, payloadSource, receivePayloads, type ReceivePayloadsOptions, servePayloads, type ServePayloadsOptions, type TransferEvent } from '../src/index.ts'
import { memoryFile, type MemoryFile, type TestDag } from './dags.ts'

export const PREFIX = '/transfers/'
export const URL_OF_ONE = 'http://provider.test/transfers/one'
export const TOKEN = 'token-of-one'

/** As a network has it: the body of an answer ends where `cut` says. */
export const fetchOf = (handler: PayloadHandler, see: (request: Request) => void = () => {}): typeof fetch => async (input, init) => {
  const request = new Request(input as string | URL, { ...init, ...init?.body == null ? {} : { duplex: 'half' } } as RequestInit)
  see(request)
  const response = await handler(request, { client: 'here' })
  return response ?? new Response(null, { status: 404 })
}

/** The answer breaks off behind so many bytes, with an error or as if it were whole. */
export const cutAfter = (response: Response, bytes: number, how: 'error' | 'end'): Response => {
  const reader = response.body!.getReader()
  let rest = bytes
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await reader.read()
      if (done) return controller.close()
      const part = value.subarray(0, rest)
      rest -= part.byteLength
      if (part.byteLength > 0) controller.enqueue(part)
      if (rest > 0) return
      await reader.cancel()
      if (how === 'error') controller.error(new Error('connection reset'))
      else controller.close()
    },
  }, { highWaterMark: 0 })
  return new Response(body, { status: response.status, headers: response.headers })
}

export interface Intake {
  readonly file: MemoryFile
  readonly intake: PayloadIntake
  readonly events: TransferEvent[]
  readonly clock: FakeClock
  readonly counts: { opened: number, closed: number, completed: number, cancelled: number }
}

export const intakeOf = (dag: TestDag, more: Partial<ReceivePayloadsOptions> = {}, file: MemoryFile = memoryFile()): Intake => {
  const clock = createFakeClock()
  const events: TransferEvent[] = []
  const counts = { opened: 0, closed: 0, completed: 0, cancelled: 0 }
  const intake = receivePayloads({
    prefix: PREFIX,
    clock,
    onEvent: (event) => { events.push(event) },
    find: async (id, token) => {
      if (id !== 'one') return undefined
      if (token === 'old') return 'expired'
      if (token !== TOKEN) return 'unauthorized'
      return {
        open: async () => {
          const receiver = await openPayloadReceiver(await file.open(), { root: dag.root, totalBytes: dag.payload.byteLength })
          counts.opened++
          return counted(receiver, counts)
        },
        completed: async () => { counts.completed++ },
        cancelled: async () => { counts.cancelled++ },
      }
    },
    ...more,
  })
  return { file, intake, events, clock, counts }
}

const counted = (receiver: PayloadReceiver, counts: Intake['counts']): PayloadReceiver => new Proxy(receiver, {
  get: (target, key) => {
    const value = Reflect.get(target, key, target) as unknown
    if (key === 'close') return async () => { counts.closed++; await target.close() }
    return typeof value === 'function' ? (value as () => unknown).bind(target) : value
  },
})

export interface Served {
  readonly handler: PayloadHandler
  readonly events: TransferEvent[]
  readonly clock: FakeClock
  readonly counts: { found: number, closed: number }
}

export const serverOf = (dag: TestDag, more: Partial<ServePayloadsOptions> = {}): Served => {
  const clock = createFakeClock()
  const events: TransferEvent[] = []
  const counts = { found: 0, closed: 0 }
  const handler = servePayloads({
    prefix: PREFIX,
    clock,
    onEvent: (event) => { events.push(event) },
    find: async (id, token) => {
      if (id !== 'one') return undefined
      if (token === 'old') return 'expired'
      if (token !== TOKEN) return 'unauthorized'
      counts.found++
      return { payload: await payloadSource(dag.store, dag.root), close: () => { counts.closed++ } }
    },
    ...more,
  })
  return { handler, events, clock, counts }
}
