import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { openDirectory } from '../src/node.ts'
import { directoryCases } from './directory-cases.ts'

const made: string[] = []
afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true }))))

describe('openDirectory', () => directoryCases(async () => {
  const path = await mkdtemp(join(tmpdir(), 'dagstore-io-'))
  made.push(path)
  return openDirectory(join(path, 'not', 'yet'))
}))
