/**
 * The program of a commP worker, as text: it needs nothing but what it is given, so it survives bundlers and has no file to
 * be found at run time.
 *
 * `workerData` is `{ module, native }`: the compiled piece.wasm, and the URL of a native hasher or undefined.
 * A message `{ id, payload }` brings whole blocks of 65,024 bytes, a power of two of them; the answer
 * `{ id, root, payload }` gives the 32 bytes at the root of their tree, and the buffer back.
 */
export const WORKER_SOURCE = `'use strict'
const { parentPort, workerData } = require('node:worker_threads')

const BLOCK_UNPADDED = 65024
const BLOCK_PADDED = 65536
const wasm = new WebAssembly.Instance(workerData.module).exports
const payloadArea = new Uint8Array(wasm.memory.buffer, wasm.payload.value, BLOCK_UNPADDED)
const paddedArea = new Uint8Array(wasm.memory.buffer, wasm.padded.value, BLOCK_PADDED)

/** Reduces count nodes, a power of two, to one in place. */
const reduceByWasm = (nodes, count) => {
  paddedArea.set(nodes.subarray(0, 32 * count))
  for (let pairs = count >> 1; pairs > 0; pairs >>= 1) wasm.hashPairs(pairs)
  nodes.set(paddedArea.subarray(0, 32))
}

const reduceBy = (hashtree) => {
  const parents = new Uint8Array(BLOCK_PADDED / 2)
  return (nodes, count) => {
    for (let pairs = count >> 1; pairs > 0; pairs >>= 1) {
      const part = parents.subarray(0, 32 * pairs)
      hashtree.hashInto(nodes.subarray(0, 64 * pairs), part)
      for (let at = 31; at < part.length; at += 32) part[at] &= 0x3f
      nodes.set(part)
    }
  }
}

const start = async () => {
  if (workerData.native === undefined) return reduceByWasm
  const loaded = await import(workerData.native)
  return reduceBy(loaded.hashInto === undefined ? loaded.default : loaded)
}

const commit = (payload, reduce) => {
  const blocks = payload.byteLength / BLOCK_UNPADDED
  const roots = new Uint8Array(32 * blocks)
  const nodes = new Uint8Array(BLOCK_PADDED)
  for (let i = 0; i < blocks; i++) {
    payloadArea.set(payload.subarray(i * BLOCK_UNPADDED, (i + 1) * BLOCK_UNPADDED))
    if (reduce === reduceByWasm) {
      wasm.commit(BLOCK_UNPADDED / 127)
      roots.set(paddedArea.subarray(0, 32), 32 * i)
    } else {
      wasm.pad(BLOCK_UNPADDED / 127)
      nodes.set(paddedArea)
      reduce(nodes, BLOCK_PADDED / 32)
      roots.set(nodes.subarray(0, 32), 32 * i)
    }
  }
  reduce(roots, blocks)
  return roots.slice(0, 32)
}

start().then((reduce) => {
  parentPort.on('message', ({ id, payload }) => {
    const root = commit(payload, reduce)
    parentPort.postMessage({ id, root, payload }, [root.buffer, payload.buffer])
  })
})
`
