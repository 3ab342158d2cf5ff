/** A verification that tells how far it is, to a caller who may be slower than it. */
import type { VerifyOptions, VerifyReport } from '@dagstore/dagstore'
import { type ByteProgress, onAbort } from '@dagstore/io'
import type { DagstoreVerifyProgress } from '@dagstore/lotus-api'
import { verifyReportOf } from './report-wire.ts'

/** Of the whole, in between; nobody sees less on a bar. */
const STEP = 1 / 200

/** Begins with the iteration, and ends with it. Of what the caller has not taken only the newest is kept. */
export async function * verifyInSteps (verify: (options: Pick<VerifyOptions, 'signal' | 'onProgress'>) => Promise<VerifyReport>, signal: AbortSignal | undefined): AsyncGenerator<DagstoreVerifyProgress, void, undefined> {
  signal?.throwIfAborted()
  const leaving = new AbortController()
  const unwatch = signal === undefined ? undefined : onAbort(signal, () => { leaving.abort(signal.reason) })
  let newest: ByteProgress | undefined
  let told = -1
  let isOver = false
  let wake: () => void = () => {}
  const report = verify({
    signal: leaving.signal,
    onProgress: (progress) => {
      if (told >= 0 && progress.doneBytes - told < (progress.totalBytes ?? 0) * STEP) return
      told = progress.doneBytes
      newest = progress
      wake()
    },
  })
  const over = report.catch(() => {}).then(() => { // told where it is awaited
    isOver = true
    wake()
  })
  try {
    for (;;) {
      if (newest !== undefined) {
        const { doneBytes, totalBytes } = newest
        newest = undefined
        yield { DoneBytes: doneBytes, TotalBytes: totalBytes ?? null, Report: null }
      } else if (isOver) {
        const whole = verifyReportOf(await report)
        yield { DoneBytes: whole.Bytes, TotalBytes: whole.Bytes, Report: whole }
        return
      } else {
        await new Promise<void>((resolve) => { wake = resolve })
      }
    }
  } finally {
    unwatch?.()
    leaving.abort(new Error('the caller has left'))
    await over
  }
}
