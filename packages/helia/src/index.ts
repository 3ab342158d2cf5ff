export { type BlockSource, type DagstoreBlockBroker, dagstoreBlockBroker, type DagstoreSessionBroker, type RetrieveOptions } from './block-broker.ts'
export { createReadThroughBlockstore, type ReadThroughBlockstore } from './read-through.ts'
