/** Data transfers as Lotus lists them: those that send, then those that receive. */
import type { DataTransferChannel } from '@dagstore/lotus-api'
import { STATUS, showStatus } from './status.ts'
import { shownPeer } from '../client/shown-peer.ts'
import { shortCid } from '../short-cid.ts'
import { type Cell, type Color, printable, showBytes, table } from '../text.ts'

export interface ListedTransfers {
  /** Complete ones too. */
  readonly completed?: boolean
  /** Failed and cancelled ones too. */
  readonly showFailed?: boolean
  /** Whole CIDs, peers and vouchers. */
  readonly verbose?: boolean
}

/** By id; without those that are over unless asked for. */
export const listedTransfers = (channels: readonly DataTransferChannel[], { completed, showFailed }: ListedTransfers): readonly DataTransferChannel[] => channels
  .filter(({ Status }) => completed === true || Status !== STATUS.Completed)
  .filter(({ Status }) => showFailed === true || (Status !== STATUS.Failed && Status !== STATUS.Cancelled))
  .sort((a, b) => a.TransferID < b.TransferID ? -1 : 1)

/** Source: lotus cli/client.go `OutputDataTransferChannels`. */
export const transferTables = (channels: readonly DataTransferChannel[], how: ListedTransfers, colors: boolean): string => {
  const part = (title: string, peer: string, own: readonly DataTransferChannel[]): string => {
    const header = ['ID', 'Status', peer, 'Root Cid', 'Initiated?', 'Transferred', 'Voucher', 'Message']
    return `${title}\n\n${own.length === 0 ? '' : table(header, own.map((channel) => cells(channel, how.verbose === true)), colors)}`
  }
  const listed = listedTransfers(channels, how)
  const sending = part('Sending Channels', 'Sending To', listed.filter(({ IsSender }) => IsSender))
  return `${sending}\n${part('Receiving Channels', 'Receiving From', listed.filter(({ IsSender }) => !IsSender))}`
}

/** Of a voucher; the whole one with `-v`. */
const VOUCHER_CHARACTERS = 19

const COLORS: ReadonlyMap<number, Color> = new Map([[STATUS.Completed, 'green'], [STATUS.Failed, 'red'], [STATUS.Cancelled, 'red'], [STATUS.Failing, 'yellow'], [STATUS.Cancelling, 'yellow']])

const cells = ({ TransferID, Status, OtherPeer, OtherURL = OtherPeer, BaseCID, IsInitiator, Transferred, Voucher, Message }: DataTransferChannel, verbose: boolean): readonly Cell[] => {
  const color = COLORS.get(Status)
  const short = (text: string, characters: number): string => verbose || text.length <= characters + 3 ? text : `...${text.slice(-characters)}`
  const plain = (text: string): Cell => ({ text: printable(text) })
  return [
    plain(String(TransferID)),
    { text: showStatus(Status), ...(color === undefined ? {} : { color }) },
    plain(verbose ? OtherURL : shownPeer(OtherURL).replace(/^https?:\/\//, '')),
    plain(verbose ? BaseCID.toString() : shortCid(BaseCID)),
    plain(IsInitiator ? 'Y' : 'N'),
    plain(showBytes(Transferred)),
    plain(short(Voucher, VOUCHER_CHARACTERS)),
    plain(Message),
  ]
}
