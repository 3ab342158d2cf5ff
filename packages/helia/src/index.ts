export { type BlockSource, type DagstoreBlockBroker, dagstoreBlockBroker, type DagstoreSessionBroker, type RetrieveOptions } from './block-broker.ts'
export { createReadThroughBlockstore, type ReadThroughBlockstore, type ReadThroughOptions } from './read-through.ts'
