/** Stories as text: what the store does to its storage, what it tells its listener and its callers, in the order in which it happens. */
import { createCrashWorld } from '@dagstore-tooling/testkit'
import { indexName } from '@dagstore/index-repo'
import { MountError } from '@dagstore/mounts'
import { describe, expect, it } from 'vitest'
import type { DagstoreEvent } from '../src/index.ts'
import { codeOf, type Harness, makeCar, openHarness, Sources, until } from './harness.ts'

const showEvent = (event: DagstoreEvent): string | undefined => {
  switch (event.type) {
    case 'health': return `event health ${event.from ?? 'none'} -> ${event.to ?? 'none'}${event.failure === undefined ? '' : ` (${event.failure.code}, ${event.failure.retry})`}`
    case 'index-unusable': return `event index-unusable (${String(codeOf(event.reason)).replace(/^Error: /, '')})`
    case 'ignored': return `event ignored ${event.event}`
    case 'unsaved': return `event unsaved (${String(codeOf(event.error))})`
    case 'postponed': return `event postponed (${String(codeOf(event.error))})`
    case 'progress':
    case 'finding':
    case 'dropped': return undefined
  }
}

/** Runs a story; reads are left out, writes of one batch are one line. */
const trace = async (story: string, tell: (h: Harness, say: (line: string) => void) => Promise<void>): Promise<string> => {
  const world = await createCrashWorld(story)
  const lines: string[] = [`# ${story}`]
  let seen = 0
  const drain = (): void => {
    for (const line of world.faults.log.slice(seen)) if (!line.startsWith('read ')) lines.push(`  ${line}`)
    seen = world.faults.log.length
  }
  const say = (line: string): void => {
    drain()
    lines.push(line)
  }
  const h = await openHarness({ onEvent: (event) => { const line = showEvent(event); if (line !== undefined) say(`  ${line}`) } }, { db: world.db, files: world.fs.directory, sources: new Sources() })
  say('open')
  await tell(h, say)
  say('close')
  await h.store.close()
  drain()
  return `${lines.join('\n')}\n`
}

const told = (say: (line: string) => void, what: string, call: Promise<unknown>): Promise<unknown> => {
  say(`> ${what}`)
  return call.then(
    (value) => { say(`< ${what}: done`); return value },
    (error: unknown) => { say(`< ${what}: ${String(codeOf(error))}`) }
  )
}

describe('stories', () => {
  it('an eager registration writes the index, publishes it, commits, and only then answers', async () => {
    await expect(await trace('eager registration', async (h, say) => {
      await told(say, 'register eagerly', h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' }))
      await told(say, 'register again', h.store.register('a', 'test:a'))
    })).toMatchFileSnapshot('traces/eager-registration.txt')
  })

  it('acquirers park while a shard is fetched and indexed, and share what comes of it', async () => {
    await expect(await trace('acquirers of a lazy shard', async (h, say) => {
      await told(say, 'register', h.store.register('a', h.sources.put('a', makeCar(1), { access: 'sequential' })))
      const leases = await Promise.all([1, 2].map((n) => told(say, `acquire ${n}`, h.store.acquire('a')))) as { close(): Promise<void> }[]
      for (const lease of leases) await told(say, 'close lease', lease.close())
    })).toMatchFileSnapshot('traces/lazy-acquire.txt')
  })

  it('a destruction is recorded first, waits for the lease, and removes the record last', async () => {
    await expect(await trace('destruction beside a lease', async (h, say) => {
      await h.store.register('a', h.sources.put('a', makeCar(1), { access: 'sequential' }), { indexing: 'eager' })
      const lease = await h.store.acquire('a')
      const destroying = told(say, 'destroy', h.store.destroy('a'))
      await until(async () => (await h.store.shard('a'))?.destroying === true)
      await told(say, 'acquire', h.store.acquire('a'))
      await told(say, 'close lease', lease.close())
      await destroying
    })).toMatchFileSnapshot('traces/destruction.txt')
  })

  it('a failure is recorded before it is told, retried by the next acquire, and healed without a new index', async () => {
    await expect(await trace('a mount that is away for a while', async (h, say) => {
      await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
      h.sources.place('a').before = async () => { throw new MountError('MOUNT_UNREACHABLE', 'away', { retry: 'later' }) }
      await told(say, 'acquire', h.store.acquire('a'))
      h.sources.place('a').before = async () => {}
      await (await told(say, 'acquire', h.store.acquire('a')) as { close(): Promise<void> }).close()
    })).toMatchFileSnapshot('traces/failure-and-retry.txt')
  })

  it('a lost index is rebuilt under a new generation, and the old one is cleared away after the commit', async () => {
    await expect(await trace('a lost index', async (h, say) => {
      await h.store.register('a', h.sources.put('a', makeCar(1)), { indexing: 'eager' })
      say('> the index file vanishes')
      await h.files.remove(`index/${indexName('a', 1)}`)
      await (await told(say, 'acquire', h.store.acquire('a')) as { close(): Promise<void> }).close()
    })).toMatchFileSnapshot('traces/lost-index.txt')
  })
})
