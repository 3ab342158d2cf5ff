/** The rows of the client's side. Source of Lotus's: lotus v1.11.2 `api/api_full.go`; of `ClientExport` and `ClientRetrieveWait`: v1.13.2. */
import type { LotusClientMethodName } from './client-api.ts'
import { clientDealPoint, commPRet, dataCIDSize, dataSize, dealInfo, startDealParams, storageAsk } from './client-deals.ts'
import {
  clientAdoptedImport, clientImportCheckProgress, clientImportHow, clientImportProgress, clientImportsCheck, clientVerifyHow, fileRef, importInfo, importRes,
} from './client-imports.ts'
import { clientDagEntry, clientDagRef, clientExportHow, clientExportProgress, exportRef } from './client-exports.ts'
import { clientPruneHow, clientPruneReport, queryOffer, restrievalRes, retrievalEvent, retrievalInfo, retrievalOrder } from './client-retrievals.ts'
import { its, itsStream, our, ourStream, type Rows } from './rows.ts'
import { bytes, cid, decimal, flag, id, list, nothing, nullable, optional, text, whole } from './schema.ts'
import { dataTransferChannel } from './transfers.ts'

export const CLIENT_ROWS: Rows<LotusClientMethodName> = {
  ClientImport: its('admin', [['ref', fileRef]], importRes, 'Import a file, a directory or a CAR of this machine; of all but CARs the content stays where it is and is referenced.'),
  ClientListImports: its('write', [], list(importInfo), 'All imports, by age, broken ones too.'),
  ClientRemoveImport: its('admin', [['importId', id]], nothing, 'Forget an import, and delete its CAR if that was made for it.'),
  ClientHasLocal: its('write', [['root', cid]], flag, 'Whether the DAG under a root can be read here: from an import or from IPFS.'),
  ClientDealSize: its('read', [['root', cid]], dataSize, 'How long the payload form is, and the piece of it.'),
  ClientDealPieceCID: its('read', [['root', cid]], dataCIDSize, 'The same, and the piece CID; kept with the import.'),
  ClientCalcCommP: its('write', [['inpath', text]], commPRet, 'The piece CID of a CAR file of this machine, as it is.'),
  ClientGenCar: its('write', [['ref', fileRef], ['outpath', text]], nothing, 'Write the payload form of a file or directory as CARv1; nothing is imported.'),

  ClientQueryAsk: its('read', [['peer', text], ['miner', text]], storageAsk, 'What a provider asks for. It is known by its URL, or by its address if the configuration has that.'),
  ClientStartDeal: its('admin', [['params', startDealParams]], cid, 'Propose a storage deal; the proposal CID. It goes on by itself, also after a restart.'),
  ClientStatelessDeal: its('write', [['params', startDealParams]], cid, 'Propose a deal without keeping anything of it: with transfer `manual` and price 0 only.'),
  ClientGetDealInfo: its('read', [['proposalCid', cid]], dealInfo, 'A storage deal.'),
  ClientListDeals: its('write', [], list(dealInfo), 'All storage deals.'),
  ClientGetDealUpdates: itsStream('write', [], dealInfo, 'Each storage deal as it changes.'),
  ClientGetDealStatus: its('read', [['status', id]], text, 'The name of a state of storage deals.'),
  ClientListDataTransfers: its('write', [], list(dataTransferChannel), 'The transfers of all deals whose data go over the network.'),
  ClientDataTransferUpdates: itsStream('write', [], dataTransferChannel, 'Each transfer as it changes.'),
  ClientRestartDataTransfer: its('write', [['transferId', id], ['otherPeer', text], ['isInitiator', flag]], nothing, 'Go on with a transfer now. The peer may be left empty.'),
  ClientCancelDataTransfer: its('write', [['transferId', id], ['otherPeer', text], ['isInitiator', flag]], nothing, 'Give a transfer up, and its deal with it.'),

  ClientFindData: its('read', [['root', cid], ['piece', nullable(cid)]], list(queryOffer), 'What providers say of a payload: those of its deals, and those of the configuration.'),
  ClientMinerQueryOffer: its('read', [['miner', text], ['root', cid], ['piece', nullable(cid)]], queryOffer, 'What one provider says of a payload; it is known by its URL or by an address of the configuration.'),
  ClientRetrieve: its('admin', [['order', retrievalOrder], ['ref', optional(fileRef)]], restrievalRes, 'Retrieve a DAG, and export it where `ref` is there; waits until it is done.'),
  ClientRetrieveWithEvents: itsStream('admin', [['order', retrievalOrder], ['ref', nullable(fileRef)]], retrievalEvent, 'The same, telling how far it is. A failure is an event with `Err`.'),
  ClientRetrieveWait: its('admin', [['dealId', id]], nothing, 'Wait until a retrieval is done.'),
  ClientListRetrievals: its('write', [], list(retrievalInfo), 'All retrievals.'),
  ClientGetRetrievalUpdates: itsStream('write', [], retrievalInfo, 'Each retrieval as it changes.'),
  ClientCancelRetrievalDeal: its('write', [['dealId', id]], nothing, 'Give a retrieval up; what it has fetched stays until it is removed, for the same order.'),
  ClientExport: its('admin', [['exportRef', exportRef], ['fileRef', fileRef]], nothing,
    'Write what was retrieved or imported to a path of this machine: as a file or directory, or as CARv1, which never has references.'),

  ClientImportWithEvents: ourStream('admin', [['ref', fileRef], ['how', optional(clientImportHow)]], clientImportProgress, '`ClientImport`, telling how far it is; the last value has the import.'),
  ClientReimport: ourStream('admin', [['importId', decimal]], clientImportProgress, 'Import again from where it came from, under the same id; the old CAR stays until the new one is whole.'),
  ClientVerifyImport: ourStream('write', [['importId', decimal], ['how', optional(clientVerifyHow)]], clientImportCheckProgress, 'Read and hash all of an import, the referenced files too, or look at them only; the last value has the report.'),
  ClientCheckImports: our('write', [], clientImportsCheck, 'Which imports are broken: have no CAR, or not the one that was written. Nothing is read.'),
  ClientAdopt: ourStream('admin', [['lotusPath', text]], clientAdoptedImport, 'Take over the imports of a Lotus repository of this machine in place; nothing of it is changed.'),

  ClientWaitDeal: our('write', [['proposalCid', cid], ['until', clientDealPoint]], dealInfo,
    'Wait until the provider has the data of a deal, until it is active, or until nothing more will happen; or until it has failed.'),

  ClientStartRetrieval: our('admin', [['order', retrievalOrder]], restrievalRes, 'Begin a retrieval; it goes on by itself, also after a restart.'),
  ClientGetRetrieval: our('write', [['dealId', decimal]], nullable(retrievalInfo), 'A retrieval; `null`: there is none.'),
  ClientRemoveRetrieval: our('admin', [['dealId', decimal]], nothing, 'Forget a retrieval that is over, and delete its file.'),
  ClientPruneRetrievals: our('admin', [['how', optional(clientPruneHow)]], clientPruneReport, 'Delete files of retrievals that are over: old ones, or more than there is room for.'),
  ClientExportWithEvents: ourStream('admin', [['exportRef', exportRef], ['fileRef', fileRef], ['how', optional(clientExportHow)]], clientExportProgress,
    '`ClientExport`, telling how far it is; CARv2 too.'),
  ClientListDag: ourStream('write', [['dag', clientDagRef]], clientDagEntry, 'What lies under a root or path: itself, then its entries if it is a directory.'),
  ClientReadDag: ourStream('write', [['dag', clientDagRef], ['from', optional(whole)], ['to', optional(whole)]], bytes,
    'The bytes of a file, or of a part of it: from a byte up to but without another one.'),
}
