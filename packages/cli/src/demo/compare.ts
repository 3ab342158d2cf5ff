/** Two trees of files, byte by byte. */
import type { TreeDirectory, TreeEntry, TreeFile } from '@dagstore/io'
import { CommandError } from '../failure.ts'

export interface CompareOptions {
  readonly signal: AbortSignal
  readonly onBytes: (bytes: number) => void
}

/** @throws {CommandError} `COMMAND_REFUSED`, with the path and the byte where they differ first */
export const compareTrees = async (input: TreeEntry, output: TreeEntry, options: CompareOptions, path = ''): Promise<void> => {
  const here = path === '' ? 'the input' : path
  if (input.kind !== output.kind) throw differ(`${here} is a ${input.kind} in the input and a ${output.kind} in what was retrieved`)
  if (input.kind === 'file') return compareFiles(input, output as TreeFile, options, here)
  if (input.kind === 'directory') return compareDirectories(input, output as TreeDirectory, options, path)
  if (output.kind === 'link' && input.target !== output.target) throw differ(`${here} links to another target`)
}

const differ = (message: string): CommandError => new CommandError('COMMAND_REFUSED', `what was retrieved differs: ${message}`)

const compareDirectories = async (input: TreeDirectory, output: TreeDirectory, options: CompareOptions, path: string): Promise<void> => {
  const theirs = output.entries(options)[Symbol.asyncIterator]()
  try {
    for await (const entry of input.entries(options)) {
      const other = await theirs.next()
      const name = path === '' ? entry.name : `${path}/${entry.name}`
      if (other.done === true || other.value.name !== entry.name) throw differ(`${name} is missing or out of order`)
      await compareTrees(entry, other.value, options, name)
    }
    const rest = await theirs.next()
    if (rest.done !== true) throw differ(`${path === '' ? '' : `${path}/`}${rest.value.name} was not in the input`)
  } finally {
    await theirs.return?.()
  }
}

const compareFiles = async (input: TreeFile, output: TreeFile, options: CompareOptions, path: string): Promise<void> => {
  const theirs = output.read(options)[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)
  let at = 0
  try {
    for await (const chunk of input.read(options)) {
      options.signal.throwIfAborted()
      for (let done = 0; done < chunk.byteLength;) {
        if (rest.byteLength === 0) {
          const next = await theirs.next()
          if (next.done === true) throw differ(`${path} ends at byte ${at + done}`)
          rest = next.value
          continue
        }
        const size = Math.min(rest.byteLength, chunk.byteLength - done)
        if (Buffer.compare(rest.subarray(0, size), chunk.subarray(done, done + size)) !== 0) {
          let first = 0
          while (rest[first] === chunk[done + first]) first++
          throw differ(`${path} differs at byte ${at + done + first}`)
        }
        rest = rest.subarray(size)
        done += size
      }
      at += chunk.byteLength
      options.onBytes(chunk.byteLength)
    }
    while (rest.byteLength === 0) {
      const next = await theirs.next()
      if (next.done === true) return
      rest = next.value
    }
    throw differ(`${path} goes on after byte ${at}`)
  } finally {
    await theirs.return?.()
  }
}
