/**
 * A process that works on a store until it is killed: `node worker.mjs ROOT CARS LOG SEED`. Each call is a line in the log before it is made
 * and another one when it was answered; a line that was written outlives the process.
 */
import { openSync, writeSync } from 'node:fs'
import { seededRandom, type SeededRandom } from '@dagstore-tooling/testkit'
import { createHashes } from '@dagstore/hashes'
import { type NodeDagstore, openDagstore } from '@dagstore/node'
import { CARS, KEYS, orderedFiles, urlOf } from './shards.ts'

const [root = '', cars = '', logPath = '', seed = ''] = process.argv.slice(2)
const log = openSync(logPath, 'a')
const say = (line: readonly unknown[]): void => { writeSync(log, `${JSON.stringify(line)}\n`) }

type Step = 'register' | 'eager' | 'acquire' | 'initialize' | 'refresh' | 'recover' | 'destroy' | 'gc'
const STEPS: readonly Step[] = ['register', 'eager', 'eager', 'acquire', 'acquire', 'initialize', 'refresh', 'refresh', 'recover', 'destroy', 'gc']

const perform = async (store: NodeDagstore, step: Step, key: string, url: string): Promise<unknown> => {
  switch (step) {
    case 'register': return store.register(key, url)
    case 'eager': return store.register(key, url, { indexing: 'eager' })
    case 'acquire': {
      await using lease = await store.acquire(key)
      return lease.blockstore.bytes(lease.roots[0]!)
    }
    case 'initialize': return store.initialize(key)
    case 'refresh': return store.refresh(key, { mount: url })
    case 'recover': return store.recover(key)
    case 'destroy': return store.destroy(key, { mode: 'drain' })
    case 'gc': {
      const { items } = await store.gc()
      const failed = items.find(({ error }) => error !== undefined)
      if (failed !== undefined) throw new Error(`not reclaimed: ${failed.name}`, { cause: failed.error })
      return undefined
    }
  }
}

/** One call after another on its keys, so that the log says in which order they were answered. */
const work = async (store: NodeDagstore, keys: readonly string[], random: SeededRandom): Promise<never> => {
  for (;;) {
    const [step, key] = [random.pick(STEPS), random.pick(keys)]
    const url = urlOf(cars, key, random.int(CARS))
    say(['call', step, key, url])
    try {
      await perform(store, step, key, url)
      say(['done', step, key, url])
    } catch (error) {
      say(['refused', step, key, url, (error as { code?: unknown }).code ?? String(error)])
    }
  }
}

// the fast hashes would be looked for beside this file
const store = await openDagstore(root, { mounts: [orderedFiles()], hashes: createHashes() })
say(['open'])
const random = seededRandom(seed)
await Promise.all([0, 1, 2].map((track) => work(store, KEYS.filter((_, at) => at % 3 === track), random.fork(String(track)))))
