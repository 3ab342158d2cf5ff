-- A database as Boost leaves it while it runs: half of the deals are in the write-ahead log only.
--   cd tooling/interop/vectors-markets && rm -f boost.db* made.db* && sqlite3 -batch made.db < ../markets/boost.sql && rm -f made.db*
-- Columns: boost db/create_main_db.sql, db/migrations. SQLite 3.40.
pragma page_size = 1024;
pragma journal_mode = wal;
pragma wal_autocheckpoint = 0;
create table Deals (ID TEXT, CreatedAt DateTime, DealProposalSignature BLOB, PieceCID TEXT, PieceSize INT, VerifiedDeal BOOL, ClientAddress TEXT, ProviderAddress TEXT, Label TEXT,
  StartEpoch INT, EndEpoch INT, StoragePricePerEpoch TEXT, ProviderCollateral TEXT, ClientCollateral TEXT, ClientPeerID TEXT, DealDataRoot TEXT, InboundFilePath TEXT, TransferType TEXT,
  TransferParams BLOB, TransferSize INT, ChainDealID INT, PublishCID TEXT, SectorID INT, Offset INT, Length INT, Checkpoint TEXT, Error TEXT, CheckpointAt DateTime, Retry TEXT,
  FastRetrieval BOOL, AnnounceToIPNI BOOL, primary key (ID)) without rowid;
create table DirectDeals (ID TEXT, CreatedAt DateTime, PieceCID TEXT, PieceSize INT, CleanupData BOOL, ClientAddress TEXT, ProviderAddress TEXT, AllocationID INT, StartEpoch INT, EndEpoch INT,
  InboundFilePath TEXT, InboundFileSize INT, SectorID INT, Offset INT, Length INT, Checkpoint TEXT, CheckpointAt DateTime, Error TEXT, Retry TEXT, KeepUnsealedCopy BOOL, AnnounceToIPNI BOOL,
  primary key (ID));
create table FundsLogs (DealUUID TEXT, CreatedAt DateTime, Amount TEXT, LogText TEXT);
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000000', 'baga6ea4seaqd4icnnhsqwixxko2zvuytqva7hpmkczmohf7sj75uezeu2atmega', 2048, 't1abc', 't01000', 0, 101, 7, 0, 2048, 'Complete', '');
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000001', 'baga6ea4seaqdugby3cxubowu75diddffpldnjnhownyytajpkmi2arjo3f6gwoa', 1024, 't1abc', 't01000', 512, 102, 7, 2048, 1024, 'AddedPiece', '');
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000002', 'baga6ea4seaqd4icnnhsqwixxko2zvuytqva7hpmkczmohf7sj75uezeu2atmega', 2048, 't1abc', 't01000', 0, 103, 9, 4096, 2048, 'IndexedAndAnnounced', '');
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000003', 'baga6ea4seaqch6xzt5vkmn6hzgegfwtv4woinp2xqhpra23fpyjtsjqpztpcslq', 17179869184, 't1abc', 't01000', 8589934592, 104, 1099511627776, 34359738368, 17179869184, 'Complete', '');
pragma wal_checkpoint(truncate);
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000004', 'baga6ea4seaqagj7yi4j3zigg4a3ltpjakj7recqqt3llec2fafwobzo6a2pwoly', 68719476736, 't1abc', 't01000', 0, 9223372036854775807, 4611686018427387905, 0, 68719476736, 'AddedPiece', '');
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000005', 'baga6ea4seaqlkfm5idtpu7ygxvrttxafpe44ngaf6fqr6c2gm4wgatg33uqgyaq', 512, 't1abc', 't01000', 256, 106, 0, 0, 0, 'PublishConfirmed', '');
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000006', 'baga6ea4seaqldr36vgma76j6huvrlqgaauxbvxxbbiu4h5ri5dvayl75yxc4cha', 256, 't1abc', 't01000', 0, 0, 0, 0, 0, 'Transferred', '');
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000007', 'baga6ea4seaqldr36vgma76j6huvrlqgaauxbvxxbbiu4h5ri5dvayl75yxc4cha', 256, 't1abc', 't01000', 128, 0, 0, 0, 0, 'Complete', 'transfer failed');
insert into Deals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, TransferSize, ChainDealID, SectorID, Offset, Length, Checkpoint, Error) values
  ('6a7b8c9d-0000-4000-8000-000000000008', 'baga6ea4seaqdugby3cxubowu75diddffpldnjnhownyytajpkmi2arjo3f6gwoa', 1024, 't1abc', 't01000', 0, 109, 0, 0, 0, 'Published', '');
insert into DirectDeals (ID, PieceCID, PieceSize, ClientAddress, ProviderAddress, InboundFileSize, SectorID, Offset, Length, Checkpoint, Error) values
  ('7a7b8c9d-0000-4000-8000-000000000009', 'baga6ea4seaqbesm7cjwqxzxkqjaxplewljqgjniuwt4kepoun4cgforgp75zeby', 128, 't1abc', 't01000', 100, 11, 128, 128, 'Complete', '');
.shell cp made.db boost.db
.shell cp made.db-wal boost.db-wal
