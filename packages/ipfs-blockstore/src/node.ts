export { apiOf, type ApiOptions } from './node/api-of.ts'
