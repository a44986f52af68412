package metadatatest

import (
	"context"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/metadata"
)

// Faulty wraps a store so that blow is asked before every View, Update, call of a transaction and commit, and its error
// is what that answers. Now and Close do not fail. An update with a failed call is never committed, even when its
// function looks away, as with a real database.
func Faulty(store metadata.Store, blow func() error) metadata.Store {
	return &faultyStore{store, blow}
}

type faultyStore struct {
	store metadata.Store
	blow  func() error
}

func (s *faultyStore) View(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if err := s.blow(); err != nil {
		return err
	}
	return s.store.View(ctx, func(tx metadata.Tx) error { return fn(&faultyTx{tx: tx, blow: s.blow}) })
}

func (s *faultyStore) Update(ctx context.Context, fn func(tx metadata.Tx) error) error {
	if err := s.blow(); err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx metadata.Tx) error {
		f := &faultyTx{tx: tx, blow: s.blow}
		if err := fn(f); err != nil {
			return err
		}
		return f.call() // the commit
	})
}

func (s *faultyStore) Ready(ctx context.Context) error {
	if err := s.blow(); err != nil {
		return err
	}
	return s.store.Ready(ctx)
}

func (s *faultyStore) Close() error { return s.store.Close() }

// faultyTx names every method, so that a new one does not slip past blow.
type faultyTx struct {
	tx   metadata.Tx
	blow func() error
	err  error // of the first call that failed: a database answers it from then on
}

var _ metadata.Tx = (*faultyTx)(nil)

func (t *faultyTx) call() error {
	if t.err == nil {
		t.err = t.blow()
	}
	return t.err
}

func get[A, R any](t *faultyTx, f func(A) (R, error), a A) (R, error) {
	if err := t.call(); err != nil {
		var none R
		return none, err
	}
	return f(a)
}

func get2[A, B, R any](t *faultyTx, f func(A, B) (R, error), a A, b B) (R, error) {
	return get(t, func(a A) (R, error) { return f(a, b) }, a)
}

func get3[A, B, C, R any](t *faultyTx, f func(A, B, C) (R, error), a A, b B, c C) (R, error) {
	return get(t, func(a A) (R, error) { return f(a, b, c) }, a)
}

func get0[R any](t *faultyTx, f func() (R, error)) (R, error) {
	return get(t, func(struct{}) (R, error) { return f() }, struct{}{})
}

func do[A any](t *faultyTx, f func(A) error, a A) error {
	if err := t.call(); err != nil {
		return err
	}
	return f(a)
}

func do2[A, B any](t *faultyTx, f func(A, B) error, a A, b B) error {
	return do(t, func(a A) error { return f(a, b) }, a)
}

func (t *faultyTx) Now() time.Time { return t.tx.Now() }

func (t *faultyTx) CreateRepository(r metadata.Repository) (metadata.Repository, error) {
	return get(t, t.tx.CreateRepository, r)
}

func (t *faultyTx) Repository(name string) (metadata.Repository, error) {
	return get(t, t.tx.Repository, name)
}

func (t *faultyTx) Repositories(p metadata.Page) ([]metadata.Repository, error) {
	return get(t, t.tx.Repositories, p)
}

func (t *faultyTx) UpdateRepository(r metadata.Repository) error {
	return do(t, t.tx.UpdateRepository, r)
}

func (t *faultyTx) DeleteRepository(id int64) error { return do(t, t.tx.DeleteRepository, id) }

func (t *faultyTx) Package(repository, format, key string) (metadata.Package, error) {
	return get3(t, t.tx.Package, repository, format, key)
}

func (t *faultyTx) PackageByID(id int64) (metadata.Package, error) {
	return get(t, t.tx.PackageByID, id)
}

func (t *faultyTx) Packages(q metadata.PackageQuery) ([]metadata.Package, error) {
	return get(t, t.tx.Packages, q)
}

func (t *faultyTx) PackageAt(q metadata.PackageQuery, n int) (format, key string, err error) {
	at, err := get(t, func(q metadata.PackageQuery) (at [2]string, err error) {
		at[0], at[1], err = t.tx.PackageAt(q, n)
		return at, err
	}, q)
	return at[0], at[1], err
}

func (t *faultyTx) CreatePackage(p metadata.Package) (metadata.Package, error) {
	return get(t, t.tx.CreatePackage, p)
}

func (t *faultyTx) UpdatePackage(p metadata.Package) error { return do(t, t.tx.UpdatePackage, p) }

func (t *faultyTx) Version(packageID int64, name string) (metadata.Version, error) {
	return get2(t, t.tx.Version, packageID, name)
}

func (t *faultyTx) VersionByID(id int64) (metadata.Version, error) {
	return get(t, t.tx.VersionByID, id)
}

func (t *faultyTx) VersionAt(repository, format, key, name string) (metadata.Version, error) {
	return get(t, func(name string) (metadata.Version, error) { return t.tx.VersionAt(repository, format, key, name) }, name)
}

func (t *faultyTx) VersionByTag(repository, format, key, tag string) (metadata.Version, error) {
	return get(t, func(tag string) (metadata.Version, error) { return t.tx.VersionByTag(repository, format, key, tag) }, tag)
}

func (t *faultyTx) VersionByDigest(packageID int64, d digest.Digest) (metadata.Version, error) {
	return get2(t, t.tx.VersionByDigest, packageID, d)
}

func (t *faultyTx) Versions(p metadata.VersionPage) ([]metadata.Version, error) {
	return get(t, t.tx.Versions, p)
}

func (t *faultyTx) Highest(packageID int64) (string, error) { return get(t, t.tx.Highest, packageID) }

func (t *faultyTx) CreateVersion(v metadata.Version) (metadata.Version, error) {
	return get(t, t.tx.CreateVersion, v)
}

func (t *faultyTx) UpdateVersion(v metadata.Version) error { return do(t, t.tx.UpdateVersion, v) }

func (t *faultyTx) SetDigest(versionID int64, d digest.Digest) error {
	return do2(t, t.tx.SetDigest, versionID, d)
}

func (t *faultyTx) Files(versionID int64) ([]metadata.File, error) {
	return get(t, t.tx.Files, versionID)
}

func (t *faultyTx) FilesBelow(p metadata.FilePage) ([]metadata.File, error) {
	return get(t, t.tx.FilesBelow, p)
}

func (t *faultyTx) Folder(p metadata.FolderPage) ([]metadata.FolderEntry, error) {
	return get(t, t.tx.Folder, p)
}

func (t *faultyTx) FileBeside(versionID int64, path string) (string, error) {
	return get2(t, t.tx.FileBeside, versionID, path)
}

func (t *faultyTx) FilesOfPackage(packageID int64) ([]metadata.File, error) {
	return get(t, t.tx.FilesOfPackage, packageID)
}

func (t *faultyTx) File(versionID int64, path string) (metadata.File, error) {
	return get2(t, t.tx.File, versionID, path)
}

func (t *faultyTx) FileAt(packageID int64, path string) (metadata.File, error) {
	return get2(t, t.tx.FileAt, packageID, path)
}

func (t *faultyTx) AddFile(f metadata.File) error { return do(t, t.tx.AddFile, f) }

func (t *faultyTx) ReplaceFile(f metadata.File) error { return do(t, t.tx.ReplaceFile, f) }

func (t *faultyTx) RemoveFiles(versionID int64) error { return do(t, t.tx.RemoveFiles, versionID) }

func (t *faultyTx) RemoveFile(versionID int64, path string) error {
	return do2(t, t.tx.RemoveFile, versionID, path)
}

func (t *faultyTx) Reserved(versionID int64, path string) (digest.Digest, error) {
	return get2(t, t.tx.Reserved, versionID, path)
}

func (t *faultyTx) FilesOfBlob(blobID int64, limit int) ([]metadata.File, error) {
	return get2(t, t.tx.FilesOfBlob, blobID, limit)
}

func (t *faultyTx) HasBlob(packageID, blobID int64) (bool, error) {
	return get2(t, t.tx.HasBlob, packageID, blobID)
}

func (t *faultyTx) Blob(d digest.Digest) (metadata.Blob, error) { return get(t, t.tx.Blob, d) }

func (t *faultyTx) PutBlob(b metadata.Blob) (metadata.Blob, error) { return get(t, t.tx.PutBlob, b) }

func (t *faultyTx) PutStored(b metadata.Blob, stored time.Time) (metadata.Blob, error) {
	return get2(t, t.tx.PutStored, b, stored)
}

func (t *faultyTx) BlobList(after digest.Digest, limit int) ([]metadata.Blob, error) {
	return get2(t, t.tx.BlobList, after, limit)
}

func (t *faultyTx) Unreferenced(before time.Time, afterID int64, limit int) ([]metadata.Blob, error) {
	return get3(t, t.tx.Unreferenced, before, afterID, limit)
}

func (t *faultyTx) Condemn(b metadata.Blob, before time.Time) (bool, error) {
	return get2(t, t.tx.Condemn, b, before)
}

func (t *faultyTx) CondemnOrphan(d digest.Digest, size int64) (bool, error) {
	return get2(t, t.tx.CondemnOrphan, d, size)
}

func (t *faultyTx) CollectedDone(d digest.Digest) error { return do(t, t.tx.CollectedDone, d) }

func (t *faultyTx) CollectedPending() ([]metadata.Collected, error) {
	return get0(t, t.tx.CollectedPending)
}

func (t *faultyTx) CollectedSince(d digest.Digest, since time.Time) (bool, error) {
	return get2(t, t.tx.CollectedSince, d, since)
}

func (t *faultyTx) ForgetCollected(before time.Time) error {
	return do(t, t.tx.ForgetCollected, before)
}

func (t *faultyTx) PutLease(l metadata.Lease) error { return do(t, t.tx.PutLease, l) }

func (t *faultyTx) DropLease(holder string) error { return do(t, t.tx.DropLease, holder) }

func (t *faultyTx) DropLeasesBelow(folder string) error { return do(t, t.tx.DropLeasesBelow, folder) }

func (t *faultyTx) Leased(blobID int64, holder string) (bool, error) {
	return get2(t, t.tx.Leased, blobID, holder)
}

func (t *faultyTx) Holders(blobID int64, limit int) ([]string, error) {
	return get2(t, t.tx.Holders, blobID, limit)
}

func (t *faultyTx) ExpireLeases() error {
	return do(t, func(struct{}) error { return t.tx.ExpireLeases() }, struct{}{})
}

func (t *faultyTx) Tag(packageID int64, name string) (metadata.Tag, error) {
	return get2(t, t.tx.Tag, packageID, name)
}

func (t *faultyTx) Tags(packageID int64) ([]metadata.Tag, error) {
	return get(t, t.tx.Tags, packageID)
}

func (t *faultyTx) TagsOfVersion(versionID int64) ([]metadata.Tag, error) {
	return get(t, t.tx.TagsOfVersion, versionID)
}

func (t *faultyTx) TagAt(packageID int64, name string, seq int64) (metadata.Tag, error) {
	return get3(t, t.tx.TagAt, packageID, name, seq)
}

func (t *faultyTx) TagHistory(packageID int64, name string, p metadata.Page) ([]metadata.Tag, error) {
	return get3(t, t.tx.TagHistory, packageID, name, p)
}

func (t *faultyTx) SetTag(v metadata.Tag) (metadata.Tag, error) { return get(t, t.tx.SetTag, v) }

func (t *faultyTx) RemoveTag(packageID int64, name string, seq int64) error {
	return do(t, func(seq int64) error { return t.tx.RemoveTag(packageID, name, seq) }, seq)
}

func (t *faultyTx) AddFacts(f []metadata.Fact) error { return do(t, t.tx.AddFacts, f) }

func (t *faultyTx) Facts(versionID int64) ([]metadata.Fact, error) {
	return get(t, t.tx.Facts, versionID)
}

func (t *faultyTx) Append(e metadata.Entry) (metadata.Entry, error) { return get(t, t.tx.Append, e) }

func (t *faultyTx) LogSize() (int64, error) { return get0(t, t.tx.LogSize) }

func (t *faultyTx) Entries(q metadata.EntryQuery) ([]metadata.Entry, error) {
	return get(t, t.tx.Entries, q)
}

func (t *faultyTx) SeqAt(at time.Time) (int64, error) { return get(t, t.tx.SeqAt, at) }

func (t *faultyTx) LogHashes(indexes []int64) ([][32]byte, error) {
	return get(t, t.tx.LogHashes, indexes)
}

func (t *faultyTx) Checkpoint() (metadata.Checkpoint, error) { return get0(t, t.tx.Checkpoint) }

func (t *faultyTx) PutCheckpoint(c metadata.Checkpoint) error { return do(t, t.tx.PutCheckpoint, c) }

func (t *faultyTx) CreateUser(u metadata.User) (metadata.User, error) {
	return get(t, t.tx.CreateUser, u)
}

func (t *faultyTx) User(name string) (metadata.User, error) { return get(t, t.tx.User, name) }

func (t *faultyTx) UserByID(id int64) (metadata.User, error) { return get(t, t.tx.UserByID, id) }

func (t *faultyTx) Users(p metadata.Page) ([]metadata.User, error) { return get(t, t.tx.Users, p) }

func (t *faultyTx) UpdateUser(u metadata.User) error { return do(t, t.tx.UpdateUser, u) }

func (t *faultyTx) CreateToken(v metadata.Token) (metadata.Token, error) {
	return get(t, t.tx.CreateToken, v)
}

func (t *faultyTx) Token(id int64) (metadata.Token, error) { return get(t, t.tx.Token, id) }

func (t *faultyTx) TokenByHash(hash []byte) (metadata.Token, error) {
	return get(t, t.tx.TokenByHash, hash)
}

func (t *faultyTx) Tokens(userID, afterID int64, limit int) ([]metadata.Token, error) {
	return get3(t, t.tx.Tokens, userID, afterID, limit)
}

func (t *faultyTx) RevokeToken(id int64) error { return do(t, t.tx.RevokeToken, id) }

func (t *faultyTx) CreateUpload(u metadata.UploadSession) error { return do(t, t.tx.CreateUpload, u) }

func (t *faultyTx) Upload(id string) (metadata.UploadSession, error) { return get(t, t.tx.Upload, id) }

func (t *faultyTx) UpdateUpload(u metadata.UploadSession, from int64) error {
	return do2(t, t.tx.UpdateUpload, u, from)
}

func (t *faultyTx) DeleteUpload(id string) error { return do(t, t.tx.DeleteUpload, id) }

func (t *faultyTx) StaleUploads(before time.Time, limit int) ([]metadata.UploadSession, error) {
	return get2(t, t.tx.StaleUploads, before, limit)
}

func (t *faultyTx) Setting(key string) (string, error) { return get(t, t.tx.Setting, key) }

func (t *faultyTx) PutSetting(key, value string) error { return do2(t, t.tx.PutSetting, key, value) }

func (t *faultyTx) BlobBySHA512(sum []byte) (metadata.Blob, error) {
	return get(t, t.tx.BlobBySHA512, sum)
}

func (t *faultyTx) AddReferences(list []metadata.Reference) error {
	return do(t, t.tx.AddReferences, list)
}

func (t *faultyTx) References(versionID int64) ([]metadata.Reference, error) {
	return get(t, t.tx.References, versionID)
}

func (t *faultyTx) Referrers(p metadata.ReferrerPage) ([]metadata.Version, error) {
	return get(t, t.tx.Referrers, p)
}

func (t *faultyTx) TouchStaging(s metadata.Staging) (metadata.Staging, error) {
	return get(t, t.tx.TouchStaging, s)
}

func (t *faultyTx) Staging(id string) (metadata.Staging, error) { return get(t, t.tx.Staging, id) }

func (t *faultyTx) StagingsOf(repositoryID int64, scope string) ([]metadata.Staging, error) {
	return get2(t, t.tx.StagingsOf, repositoryID, scope)
}

func (t *faultyTx) IdleStagings(before time.Time, limit int) ([]metadata.Staging, error) {
	return get2(t, t.tx.IdleStagings, before, limit)
}

func (t *faultyTx) OpenStagings(p metadata.StagingPage) ([]metadata.Staging, error) {
	return get(t, t.tx.OpenStagings, p)
}

func (t *faultyTx) PutStagedFile(f metadata.StagedFile) error { return do(t, t.tx.PutStagedFile, f) }

func (t *faultyTx) StagedFiles(stagingID string) ([]metadata.StagedFile, error) {
	return get(t, t.tx.StagedFiles, stagingID)
}

func (t *faultyTx) StagedFilesAt(at metadata.StagedFile, paths []string) ([]metadata.StagedFile, error) {
	return get2(t, t.tx.StagedFilesAt, at, paths)
}

func (t *faultyTx) DropStaging(id string) error { return do(t, t.tx.DropStaging, id) }

func (t *faultyTx) DropStagings(repositoryID int64) error {
	return do(t, t.tx.DropStagings, repositoryID)
}

func (t *faultyTx) EndStaging(id string, outcome []byte) error {
	return do2(t, t.tx.EndStaging, id, outcome)
}

func (t *faultyTx) DropBlobLease(blobID int64, holder string) error {
	return do2(t, t.tx.DropBlobLease, blobID, holder)
}

func (t *faultyTx) Search(s metadata.Search) ([]metadata.Hit, error) { return get(t, t.tx.Search, s) }

func (t *faultyTx) PutEnvironment(e metadata.Environment) (metadata.Environment, error) {
	return get(t, t.tx.PutEnvironment, e)
}

func (t *faultyTx) Environment(name string) (metadata.Environment, error) {
	return get(t, t.tx.Environment, name)
}

func (t *faultyTx) EnvironmentAt(name string, seq int64) (metadata.Environment, error) {
	return get2(t, t.tx.EnvironmentAt, name, seq)
}

func (t *faultyTx) Environments(p metadata.Page) ([]metadata.Environment, error) {
	return get(t, t.tx.Environments, p)
}

func (t *faultyTx) CreateDeployment(d metadata.Deployment) (metadata.Deployment, error) {
	return get(t, t.tx.CreateDeployment, d)
}

func (t *faultyTx) UpdateDeployment(d metadata.Deployment) (metadata.Deployment, error) {
	return get(t, t.tx.UpdateDeployment, d)
}

func (t *faultyTx) Deployment(id int64) (metadata.Deployment, error) {
	return get(t, t.tx.Deployment, id)
}

func (t *faultyTx) DeploymentByExternalID(environmentID int64, service, externalID string) (metadata.Deployment, error) {
	return get3(t, t.tx.DeploymentByExternalID, environmentID, service, externalID)
}

func (t *faultyTx) Deployments(q metadata.DeploymentQuery) ([]metadata.Deployment, error) {
	return get(t, t.tx.Deployments, q)
}

func (t *faultyTx) OpenDeployments(versionID int64, limit int) ([]metadata.Deployment, error) {
	return get2(t, t.tx.OpenDeployments, versionID, limit)
}

func (t *faultyTx) Reported(environmentID, seq int64) ([]metadata.Deployment, error) {
	return get2(t, t.tx.Reported, environmentID, seq)
}

func (t *faultyTx) Running(environmentID int64, service string) (metadata.Run, error) {
	return get2(t, t.tx.Running, environmentID, service)
}

func (t *faultyTx) RunsAt(environmentID, seq int64) ([]metadata.Run, error) {
	return get2(t, t.tx.RunsAt, environmentID, seq)
}

func (t *faultyTx) RunsOfVersion(versionID int64, limit int) ([]metadata.Run, error) {
	return get2(t, t.tx.RunsOfVersion, versionID, limit)
}

func (t *faultyTx) Runs(q metadata.RunQuery) ([]metadata.Run, error) { return get(t, t.tx.Runs, q) }

func (t *faultyTx) StartRun(d metadata.Deployment, seq int64) error {
	return do2(t, t.tx.StartRun, d, seq)
}

func (t *faultyTx) EndRun(environmentID int64, service string, seq int64) error {
	return do(t, func(seq int64) error { return t.tx.EndRun(environmentID, service, seq) }, seq)
}

func (t *faultyTx) CreateSubscription(s metadata.Subscription) (metadata.Subscription, error) {
	return get(t, t.tx.CreateSubscription, s)
}

func (t *faultyTx) Subscription(id int64) (metadata.Subscription, error) {
	return get(t, t.tx.Subscription, id)
}

func (t *faultyTx) Subscriptions(afterID int64, limit int) ([]metadata.Subscription, error) {
	return get2(t, t.tx.Subscriptions, afterID, limit)
}

func (t *faultyTx) UpdateSubscription(s metadata.Subscription) (metadata.Subscription, error) {
	return get(t, t.tx.UpdateSubscription, s)
}

func (t *faultyTx) MoveCursor(id, cursor int64) error { return do2(t, t.tx.MoveCursor, id, cursor) }

func (t *faultyTx) SetFailingSince(id int64, since time.Time) error {
	return do2(t, t.tx.SetFailingSince, id, since)
}

func (t *faultyTx) DeleteSubscription(id int64) error { return do(t, t.tx.DeleteSubscription, id) }

func (t *faultyTx) PurgeSubscriptions(limit int) (int64, error) {
	return get(t, t.tx.PurgeSubscriptions, limit)
}

func (t *faultyTx) PutDelivery(d metadata.Delivery) (int64, error) {
	return get(t, t.tx.PutDelivery, d)
}

func (t *faultyTx) Delivery(id int64) (metadata.Delivery, error) { return get(t, t.tx.Delivery, id) }

func (t *faultyTx) Deliveries(q metadata.DeliveryQuery) ([]metadata.Delivery, error) {
	return get(t, t.tx.Deliveries, q)
}

func (t *faultyTx) DueDeliveries(subscriptionID int64, limit int) ([]metadata.Due, error) {
	return get2(t, t.tx.DueDeliveries, subscriptionID, limit)
}

func (t *faultyTx) UpdateDelivery(d metadata.Delivery) error { return do(t, t.tx.UpdateDelivery, d) }

func (t *faultyTx) BuryDeliveries(subscriptionID int64, reason string, limit int) (int64, error) {
	return get3(t, t.tx.BuryDeliveries, subscriptionID, reason, limit)
}

func (t *faultyTx) CountDeliveries(subscriptionID int64, state metadata.DeliveryState) (n int64, oldest time.Time, err error) {
	if err := t.call(); err != nil {
		return 0, oldest, err
	}
	return t.tx.CountDeliveries(subscriptionID, state)
}

func (t *faultyTx) ExpireDeliveries(before time.Time, limit int) (int64, error) {
	return get2(t, t.tx.ExpireDeliveries, before, limit)
}

func (t *faultyTx) AddAttempt(a metadata.Attempt) error { return do(t, t.tx.AddAttempt, a) }

func (t *faultyTx) Attempts(deliveryID int64) ([]metadata.Attempt, error) {
	return get(t, t.tx.Attempts, deliveryID)
}

func (t *faultyTx) Consumer(ownerID, name string) (metadata.Consumer, error) {
	return get2(t, t.tx.Consumer, ownerID, name)
}

func (t *faultyTx) Consumers(ownerID string, p metadata.Page) ([]metadata.Consumer, error) {
	return get2(t, t.tx.Consumers, ownerID, p)
}

func (t *faultyTx) PutConsumer(c metadata.Consumer) (metadata.Consumer, error) {
	return get(t, t.tx.PutConsumer, c)
}

func (t *faultyTx) DeleteConsumer(ownerID, name string) error {
	return do2(t, t.tx.DeleteConsumer, ownerID, name)
}
