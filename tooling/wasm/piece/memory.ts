/** Where things are in the memory of the module, whose size never changes; the rest stands with what uses it. */

/** 512 chunks of 127 bytes, and what a vector reads or writes behind them. */
export const PAYLOAD: usize = memory.data(512 * 127 + 64, 64)
/** 512 chunks of 128 bytes, which become nodes in place, and what four nodes at once read or write behind them. */
export const PADDED: usize = memory.data(512 * 128 + 256, 64)
