package s3

import (
	"context"
	"fmt"
	"mime"
	"net/url"
	"time"

	"github.com/opencontainers/go-digest"

	"slipway/storage"
)

// PresignGet implements storage.Presigner.
func (s *Store) PresignGet(ctx context.Context, d digest.Digest, o storage.PresignOptions, ttl time.Duration) (string, error) {
	key, ok := s.blobKey(d)
	if !ok {
		return "", wrap("presign", storage.ErrNotExist)
	}
	if ttl < storage.MinPresign || ttl > storage.MaxPresign {
		return "", fmt.Errorf("s3: presign: %v is not between %v and %v", ttl, storage.MinPresign, storage.MaxPresign)
	}
	params := url.Values{}
	if o.ContentType != "" {
		params.Set("response-content-type", o.ContentType)
	}
	if o.Filename != "" {
		disposition := mime.FormatMediaType("attachment", map[string]string{"filename": o.Filename})
		if disposition == "" {
			return "", fmt.Errorf("s3: presign: %.80q cannot be the name of a file", o.Filename)
		}
		params.Set("response-content-disposition", disposition)
	}
	u, err := s.api.PresignedGetObject(ctx, s.bucket, key, ttl, params)
	if err != nil {
		return "", wrap("presign", clean(err))
	}
	return u.String(), nil
}
