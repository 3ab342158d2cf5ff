/** A retrieval as a stream of what happens to it. As with Lotus a failure is an event, after which the stream ends. */
import { RETRIEVAL_DEAL_STATES } from '@dagstore/deal-protocol'
import type { CallOptions } from '@dagstore/io'
import type { FileRef, RetrievalEvent, RetrievalOrder } from '@dagstore/lotus-api'
import { RpcError } from '@dagstore/json-rpc'
import { codeOf, errorText } from '../failures.ts'
import { exportTo } from './export-handlers.ts'
import { newsFromNow } from '../news.ts'
import type { ClientRetrievalParts, ExportSource, NewRetrieval, RetrievalFacts } from './retrieval-parts.ts'
import { COMPLETED, eventOf, isOver, retrievalEventOf } from './retrieval-wire.ts'

/**
 * Success is told last, when what was to be exported has been. Whoever leaves the stream leaves the retrieval, which goes on by itself.
 *
 * @param orderOf - asked when the stream begins
 */
export async function * retrieveWithEvents (
  retrievals: ClientRetrievalParts, order: RetrievalOrder, target: FileRef | undefined, orderOf: () => Promise<NewRetrieval>, notice: (text: string) => void, { signal }: CallOptions,
): AsyncGenerator<RetrievalEvent, void, undefined> {
  let last: RetrievalFacts | undefined
  try {
    if (order.FromLocalCAR !== '') {
      if (target !== undefined) await exportTo(retrievals, order, { type: 'car', path: order.FromLocalCAR }, target, { signal })
      yield { Event: eventOf(COMPLETED), Status: RETRIEVAL_DEAL_STATES[COMPLETED], BytesReceived: 0, FundsSpent: '0', Err: '' }
      return
    }
    const left = new AbortController()
    const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal])
    // from before it begins, so that nothing is missed
    const news = newsFromNow(retrievals.updates({ signal: either }), either, (update) => (update.type === 'retrieval' ? update.retrieval : undefined))
    try {
      const waiting = news.next()
      waiting.catch(() => {}) // told below, where it is taken
      const { id } = last = await retrievals.start(await orderOf(), { signal })
      yield * progressOf(retrievals, news, waiting, id, (facts) => { last = facts }, signal)
    } finally {
      left.abort()
      await news.return(undefined).catch(() => {}) // left
    }
    if (last === undefined || last.state !== COMPLETED) return
    const source: ExportSource = { type: 'retrieval', id: last.id }
    if (target !== undefined) await exportTo(retrievals, order, source, target, { signal })
    yield retrievalEventOf(last)
  } catch (error) {
    signal?.throwIfAborted()
    yield { ...(last === undefined ? NOTHING : retrievalEventOf(last)), Event: eventOf('DealStatusErrored'), Status: RETRIEVAL_DEAL_STATES.DealStatusErrored, Err: said(error) }
    if (!(error instanceof RpcError) && codeOf(error) === undefined) notice(`a retrieval failed unexpectedly; error=${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  }
}

const NOTHING = { Event: 0, Status: 0, BytesReceived: 0, FundsSpent: '0', Err: '' } as const

const said = (error: unknown): string => (error instanceof RpcError ? error.message : errorText(error))

/** Until it is over; the event of a success is left to the caller. */
async function * progressOf (
  retrievals: ClientRetrievalParts, news: AsyncGenerator<RetrievalFacts, void, undefined>, first: Promise<IteratorResult<RetrievalFacts, void>>, id: bigint,
  note: (facts: RetrievalFacts) => void, signal: AbortSignal | undefined,
): AsyncGenerator<RetrievalEvent, void, undefined> {
  // it may be over already, and an update may have been missed by a listener who was slow: how it ended is asked, not heard
  const stop = new AbortController()
  const over = retrievals.settled(id, { signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]) })
  over.catch(() => {}) // told below
  try {
    for (let next = first; ; next = news.next()) {
      next.catch(() => {}) // told below, unless it is over
      const step = await Promise.race([next.then((result) => ({ result })), over.then((facts) => ({ facts }))])
      if ('facts' in step) {
        note(step.facts)
        if (step.facts.state !== COMPLETED) yield retrievalEventOf(step.facts)
        return
      }
      if (step.result.done === true) {
        const facts = await over
        note(facts)
        if (facts.state !== COMPLETED) yield retrievalEventOf(facts)
        return
      }
      const facts = step.result.value
      if (facts.id !== id || isOver(facts)) continue
      note(facts)
      yield retrievalEventOf(facts)
    }
  } finally {
    stop.abort()
  }
}
