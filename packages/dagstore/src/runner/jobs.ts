/** Running a job to its one end, whatever happens in it. */
import type { JobEnd, JobKind, ShardRecord } from '../machine/index.ts'
import { failureOf } from '../failure.ts'
import type { Urgency } from '../limiter.ts'
import { buildJob } from './build-job.ts'
import { cleanJob } from './collect.ts'
import type { Unusable } from './join-parts.ts'
import { openJob } from './open-job.ts'
import type { StoreParts } from './parts.ts'
import { refreshJob } from './refresh-job.ts'
import type { ShardSession } from './session.ts'

export interface JobOrder {
  readonly job: number
  readonly kind: JobKind
  /** As it is when the job starts. */
  readonly record: ShardRecord
  readonly urgency: Urgency
}

export interface EndedJob {
  readonly event: JobEnd
  /** What the job has opened; the runner closes it. */
  readonly session: ShardSession | undefined
}

/** Never rejects. */
export const runJob = async (parts: StoreParts, key: string, order: JobOrder, signal: AbortSignal): Promise<EndedJob> => {
  const { job } = order
  try {
    return await work(parts, key, order, signal)
  } catch (error) {
    const event: JobEnd = signal.aborted ? { type: 'aborted', job } : { type: 'failed', job, failure: failureOf(error, parts.clock), plan: parts.retryPlan() }
    return { event, session: undefined }
  }
}

const work = async (parts: StoreParts, key: string, { job, kind, record, urgency }: JobOrder, signal: AbortSignal): Promise<EndedJob> => {
  switch (kind) {
    case 'build': {
      const inHaste = urgency.raised && record.health === 'initializing' && record.index === undefined
      return endOf(job, 'built', await buildJob(parts, key, record, { signal, urgency, inHaste }))
    }
    case 'refresh': {
      const built = await refreshJob(parts, key, record, { signal, urgency })
      return built === 'unchanged' ? { event: { type: built, job }, session: undefined } : endOf(job, 'built', built)
    }
    case 'clean':
      await cleanJob(parts, key, record, signal)
      return { event: { type: 'cleaned', job }, session: undefined }
    case 'open': {
      const opened = await openJob(parts, key, record, { signal, urgency })
      if ('unusable' in opened) parts.emit({ type: 'index-unusable', key, reason: opened.reason })
      return endOf(job, 'opened', opened)
    }
  }
}

const endOf = (job: number, type: 'built' | 'opened', made: ShardSession | Unusable): EndedJob => {
  if ('unusable' in made) return { event: { type: 'unusable', job, part: made.unusable }, session: undefined }
  return { event: type === 'built' && made.foreign ? { type, job, foreign: true } : { type, job }, session: made }
}
