/** The directory in memory and the one on disk give equal answers to any calls in any order. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemoryDirectory, type Directory, IoError } from '../src/index.ts'
import { openDirectory } from '../src/node.ts'
import { temporaryFolders } from './temporary-folder.ts'

const folder = temporaryFolders()

type Call =
  | { readonly do: 'write', readonly name: string, readonly text: string }
  | { readonly do: 'edit', readonly name: string, readonly mode: 'new' | 'open' | 'any', readonly at: number, readonly text: string, readonly cut: number }
  | { readonly do: 'rename', readonly name: string, readonly to: string }
  | { readonly do: 'read' | 'remove' | 'stat' | 'list', readonly name: string }

const name = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const text = fc.string({ maxLength: 20 })
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('write' as const), name, text }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), name, mode: fc.constantFrom('new' as const, 'open' as const, 'any' as const), at: fc.nat(30), text, cut: fc.nat(40) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rename' as const), name, to: name }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'remove' as const, 'stat' as const, 'list' as const), name }) },
)

const run = async (directory: Directory, step: Call): Promise<unknown> => {
  switch (step.do) {
    case 'write': return directory.writeAtomic(step.name, [Buffer.from(step.text)])
    case 'edit': {
      const file = await directory.openWritable(step.name, step.mode)
      try {
        const before = file.sizeBytes
        await file.write(step.at, Buffer.from(step.text))
        await file.truncate(step.cut)
        return [before, file.sizeBytes]
      } finally {
        await file.close()
      }
    }
    case 'rename': return directory.rename(step.name, step.to)
    case 'read': {
      const source = await directory.openSource(step.name)
      try {
        return Buffer.from(await source.read(0, source.sizeBytes)).toString('hex')
      } finally {
        await source.close()
      }
    }
    case 'remove': return directory.remove(step.name)
    case 'stat': {
      const stat = await directory.stat(step.name)
      return stat === undefined ? undefined : [stat.kind, stat.sizeBytes]
    }
    case 'list': return directory.list(step.name)
  }
}
const outcomeOf = (directory: Directory, step: Call): Promise<unknown> => run(directory, step).catch((error: unknown) => {
  if (error instanceof IoError) return error.code
  throw error
})

/** All that stands there, as text. */
const everything = async (directory: Directory, at = ''): Promise<string[]> => {
  const lines: string[] = []
  for (const child of await directory.list(at)) {
    const path = at === '' ? child.name : `${at}/${child.name}`
    lines.push(child.kind === 'file' ? `${path} ${String(await run(directory, { do: 'read', name: path }))}` : `${path}/`)
    if (child.kind === 'directory') lines.push(...await everything(directory, path))
  }
  return lines
}

describe('a directory in memory', () => {
  it('is as one on disk', async () => {
    const numRuns = process.env['DAGSTORE_LONG'] === undefined ? 40 : 1000
    await fc.assert(fc.asyncProperty(fc.array(call, { maxLength: 25 }), async (steps) => {
      const memory = createMemoryDirectory()
      const disk = openDirectory(folder())
      for (const step of steps) expect([step, await outcomeOf(disk, step)]).toEqual([step, await outcomeOf(memory, step)])
      expect(await everything(disk)).toEqual(await everything(memory))
    }), { seed: Number(process.env['DAGSTORE_SEED'] ?? 1), numRuns })
  })
})
