/** Where things are in the memory of the module, whose size never changes; the rest stands with what uses it. */

/** Messages, or parts of them: one of 64 KiB or four of 16 KiB. */
export const INPUT: usize = memory.data(65536, 64)
/** Digests of 32 bytes: of one message or four. */
export const OUTPUT: usize = memory.data(128, 64)
