/// <reference lib="esnext.disposable" preserve="true" />
/** One file in memory, as a source and as a writable file. */
import type { ByteSource } from './byte-source.ts'
import { IoError } from './errors.ts'
import { checkRange, createBytesSource, memoryInode } from './memory.ts'
import type { WritableFile } from './writable-file.ts'

/** Bytes with room to grow; open sources keep those they were opened on. */
export class MemoryFile {
  readonly kind = 'file'
  readonly #inode: bigint = memoryInode()
  #bytes: Uint8Array
  #sizeBytes: number
  #version = 0n
  /** A source looks at `#bytes`: the next change is made on a copy. */
  #shared = false

  /** Keeps `bytes`. */
  constructor (bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = bytes
    this.#sizeBytes = bytes.byteLength
  }

  get sizeBytes (): number {
    return this.#sizeBytes
  }

  openSource (): ByteSource {
    this.#shared = true
    return createBytesSource(this.#bytes.subarray(0, this.#sizeBytes), {
      identity: { kind: 'file', sizeBytes: this.#sizeBytes, mtimeNs: this.#version, inode: this.#inode },
    })
  }

  read (at: number, length: number): Uint8Array {
    checkRange(at, length, this.#sizeBytes)
    return this.#bytes.slice(at, at + length)
  }

  write (at: number, bytes: Uint8Array): void {
    const end = at + bytes.byteLength
    this.#change(end > this.#sizeBytes ? end : this.#sizeBytes)
    this.#bytes.set(bytes, at)
  }

  truncate (sizeBytes: number): void {
    this.#change(sizeBytes)
  }

  #change (sizeBytes: number): void {
    if (this.#shared || sizeBytes > this.#bytes.byteLength) {
      const grown = sizeBytes > this.#bytes.byteLength ? Math.max(sizeBytes, 2 * this.#bytes.byteLength, 1024) : this.#bytes.byteLength
      const copy = allocate(grown)
      copy.set(this.#bytes.subarray(0, Math.min(this.#sizeBytes, sizeBytes)))
      this.#bytes = copy
      this.#shared = false
    } else if (sizeBytes < this.#sizeBytes) {
      this.#bytes.fill(0, sizeBytes, this.#sizeBytes) // what is cut off must not come back when the file grows
    }
    this.#sizeBytes = sizeBytes
    this.#version++
  }
}

const allocate = (length: number): Uint8Array => {
  try {
    return new Uint8Array(length)
  } catch (cause) {
    throw new IoError('IO_FULL', `no memory for the file; bytes=${length}`, { cause })
  }
}

/** A handle of `file`; others may be open at the same time. */
export const openMemoryFile = (file: MemoryFile): WritableFile => {
  let closed = false
  const check = (at: number, length: number): void => {
    if (closed) throw new IoError('IO_CLOSED', 'file is closed')
    checkRange(at, length, Number.MAX_SAFE_INTEGER)
  }
  const close = async (): Promise<void> => { closed = true }
  return {
    get sizeBytes () {
      return file.sizeBytes
    },
    read: async (at, length) => {
      check(at, length)
      return file.read(at, length)
    },
    write: async (at, bytes) => {
      check(at, bytes.byteLength)
      if (bytes.byteLength > 0) file.write(at, bytes)
    },
    truncate: async (sizeBytes) => {
      check(sizeBytes, 0)
      file.truncate(sizeBytes)
    },
    sync: async () => check(0, 0),
    close,
    [Symbol.asyncDispose]: close,
  }
}
