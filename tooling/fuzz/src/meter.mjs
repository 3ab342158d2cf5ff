/** What an input costs: sources that count what is read, and a count of what is allocated in typed arrays. */
import { IoError } from '@dagstore/io'

/** More than this for one input is a finding. Both grow with the input, as honest work does. */
export const limits = (inputBytes) => ({
  reads: 4096 + inputBytes,
  readBytes: (8 << 20) + 256 * inputBytes,
  allocatedBytes: (16 << 20) + 1024 * inputBytes,
})

export class Meter {
  reads = 0
  readBytes = 0
  allocatedBytes = 0

  /** The first bound that was passed, in words; `undefined`: none. */
  excess (inputBytes) {
    const bounds = limits(inputBytes)
    const over = Object.keys(bounds).find((key) => this[key] > bounds[key])
    return over === undefined ? undefined : `${over}; max=${bounds[over]} got=${this[over]}`
  }
}

/** Thrown where going on would only take longer; no package throws it. */
export class LimitError extends Error {
  name = 'LimitError'
}

export const SOURCE_FORMS = ['memory', 'local', 'remote', 'blocking']

/**
 * The bytes as a source of the form asked for. Reads outside of it are an error of the reader: parsers must look at
 * lengths before they read.
 */
export const countedSource = (bytes, form, meter, identity = { kind: 'content', cid: 'fuzzed', sizeBytes: bytes.byteLength }) => {
  const sizeBytes = bytes.byteLength
  const bounds = limits(sizeBytes)
  const count = (at, length) => {
    if (!Number.isSafeInteger(at) || !Number.isSafeInteger(length) || at < 0 || length < 0 || at + length > sizeBytes) {
      throw new IoError('IO_OUT_OF_RANGE', `read out of range; at=${at} length=${length} size=${sizeBytes}`, { offset: at })
    }
    meter.reads++
    meter.readBytes += length
    if (meter.reads > 4 * bounds.reads || meter.readBytes > 4 * bounds.readBytes) throw new LimitError('reads without end')
  }
  const close = async () => {}
  const seekBytes = { memory: 0, local: 4096, blocking: 4096, remote: 1 << 20 }[form]
  return {
    sizeBytes,
    identity,
    cost: { kind: form === 'blocking' ? 'local' : form, seekBytes },
    read: async (at, length) => { count(at, length); return bytes.slice(at, at + length) },
    peek: (at, length) => {
      if (form !== 'memory') return undefined
      count(at, length)
      return bytes.subarray(at, at + length)
    },
    ...(form !== 'blocking' ? {} : {
      readSync: (at, into) => {
        const length = Math.min(into.byteLength, Math.max(0, sizeBytes - at))
        count(at, length)
        into.set(bytes.subarray(at, at + length))
        return length
      },
    }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

const COUNTED = ['ArrayBuffer', 'Uint8Array', 'Uint16Array', 'Uint32Array', 'Int32Array', 'Float64Array', 'BigUint64Array', 'BigInt64Array', 'Array']

const bytesOf = (name, argument) => {
  if (typeof argument !== 'number') return 0
  return argument * (name === 'Array' ? 8 : globalThis[name].BYTES_PER_ELEMENT ?? 1)
}

/**
 * Count what `new Uint8Array(n)` and the like ask for from now on; an allocation above `refuseBytes` is refused like one
 * for which there is no memory. Returns how to stop.
 */
export const countAllocations = (count, refuseBytes = 1 << 30) => {
  const originals = new Map(COUNTED.map((name) => [name, globalThis[name]]))
  for (const [name, original] of originals) {
    globalThis[name] = new Proxy(original, {
      construct: (target, args, newTarget) => {
        const bytes = bytesOf(name, args[0])
        if (bytes > 0) {
          count(bytes)
          if (bytes > refuseBytes) throw new LimitError(`allocation of ${bytes} bytes`)
        }
        return Reflect.construct(target, args, newTarget === globalThis[name] ? target : newTarget)
      },
    })
  }
  return () => { for (const [name, original] of originals) globalThis[name] = original }
}
