export { type NodeDagstore, type NodeDagstoreOptions, openDagstore } from './open-dagstore.ts'
