import { type ByteSource, createBytesSource, createMemoryDirectory, createWindow, type Directory, IoError, systemClock } from '@dagstore/io'
import { openDirectory, openFileSource } from '@dagstore/io/node'

const show = async (source: ByteSource): Promise<string> => new TextDecoder().decode(await source.read(0, Math.min(source.sizeBytes, 10)))

export const firstUse = async (path: string): Promise<readonly string[]> => {
  const inMemory: Directory = createMemoryDirectory()
  await inMemory.writeAtomic('a.txt', [new Uint8Array(3)])
  const onDisk: Directory = openDirectory(path)
  const window = createWindow(createBytesSource(new Uint8Array(100)), 10, 20)
  try {
    return [await show(window), await show(await openFileSource(path)), String(await onDisk.stat('b'))]
  } catch (error) {
    if (error instanceof IoError && error.retry === 'later') await systemClock.sleep(10, { signal: AbortSignal.abort() })
    throw error
  } finally {
    await window.close()
  }
}
