export { commpOf, type CommpOfOptions, createCommP } from './node-commp.ts'
export { createNodePairHasher } from './node-pair-hasher.ts'
