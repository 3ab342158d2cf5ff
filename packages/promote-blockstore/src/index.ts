export { promote, type PromotedBlockstore } from './promote.ts'
