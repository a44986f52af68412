package s3

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/minio/minio-go/v7/pkg/s3utils"
)

const (
	awsEndpoint    = "https://s3.amazonaws.com"
	defaultRegion  = "us-east-1" // for endpoints other than AWS, which is asked for its region
	maxPrefixBytes = 512         // S3 takes keys of 1024 bytes
)

// Options say which bucket a Store uses and how. When the keys are empty, they come from the environment, AWS's files, or
// the machine's role.
type Options struct {
	Bucket    string
	Prefix    string // of all keys, without slashes at its ends; may be empty
	Endpoint  string // http://host:port or https://host; AWS when empty
	Region    string
	PathStyle *bool  // the bucket in the path of URLs instead of the host; by the endpoint when nil
	Create    bool   // makes a bucket that is missing
	Spool     string // directory for bodies on their way, made when it is missing; there is no default
	Attached  bool   // leaves Spool to another process, which uses it now or makes it later

	AccessKey    string `json:"-"`
	SecretKey    string `json:"-"`
	SessionToken string `json:"-"`
}

// String names the bucket and holds no key: options may end up in a log.
func (o Options) String() string {
	return "s3://" + path.Join(o.Bucket, o.Prefix) + "?endpoint=" + o.Endpoint + "&region=" + o.Region
}

// GoString implements fmt.GoStringer.
func (o Options) GoString() string { return o.String() }

// Parse reads s3://bucket/prefix with the parameters endpoint, region, path_style, create and spool, all of them optional.
// Credentials do not belong in the URL. An error does not repeat values, which may be misplaced secrets.
func Parse(raw string) (Options, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" {
		return Options{}, errors.New("not a URL of the form s3://bucket/prefix?endpoint=…&region=…")
	}
	if u.User != nil {
		return Options{}, errors.New("credentials do not belong into the URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	if u.Fragment != "" || u.Opaque != "" || u.Port() != "" {
		return Options{}, errors.New("only bucket, prefix and parameters belong into an s3:// URL")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Options{}, errors.New("the parameters of the URL are not well-formed")
	}
	o := Options{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	for name, values := range query {
		if len(values) != 1 {
			return Options{}, fmt.Errorf("parameter %.40q is given twice", name)
		}
		if err := o.set(name, values[0]); err != nil {
			return Options{}, err
		}
	}
	return o, o.check()
}

func (o *Options) set(name, value string) (err error) {
	switch name {
	case "endpoint":
		o.Endpoint = value
	case "region":
		o.Region = value
	case "spool":
		o.Spool = value
	case "create":
		o.Create, err = strconv.ParseBool(value)
	case "path_style":
		var b bool
		b, err = strconv.ParseBool(value)
		o.PathStyle = &b
	default:
		return fmt.Errorf("unknown parameter %.40q: there are endpoint, region, path_style, create and spool", name)
	}
	if err != nil {
		return fmt.Errorf("parameter %s is neither true nor false", name)
	}
	return nil
}

// check fills in what is missing.
func (o *Options) check() error {
	if err := s3utils.CheckValidBucketNameStrict(o.Bucket); err != nil {
		return errors.New("the bucket's name is not valid")
	}
	if o.Endpoint == "" {
		o.Endpoint = awsEndpoint
	}
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("parameter endpoint is not of the form http://host:port or https://host")
	}
	if o.Region == "" && !s3utils.IsAmazonEndpoint(*u) {
		o.Region = defaultRegion
	}
	return o.checkPrefix()
}

// checkPrefix keeps keys readable for every tool: a tool that normalises paths must not see another key.
func (o *Options) checkPrefix() error {
	if o.Prefix == "" {
		return nil
	}
	ok := len(o.Prefix) <= maxPrefixBytes
	for part := range strings.SplitSeq(o.Prefix, "/") {
		ok = ok && part != "" && part != "." && part != ".." && strings.Trim(part, allowed) == ""
	}
	if !ok {
		return fmt.Errorf("the prefix must be of letters, digits and ._-, in parts between single slashes, at most %d bytes", maxPrefixBytes)
	}
	return nil
}

const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

func (o *Options) host() (host string, secure bool) {
	host, secure = strings.CutPrefix(o.Endpoint, "https://")
	return strings.TrimSuffix(strings.TrimPrefix(host, "http://"), "/"), secure
}

func (o *Options) lookup() minio.BucketLookupType {
	switch {
	case o.PathStyle == nil:
		return minio.BucketLookupAuto
	case *o.PathStyle:
		return minio.BucketLookupPath
	default:
		return minio.BucketLookupDNS
	}
}

func (o *Options) credentials() *credentials.Credentials {
	if o.AccessKey != "" {
		return credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken)
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{},
		&credentials.FileAWSCredentials{},
		&credentials.IAM{Region: os.Getenv("AWS_REGION")},
	})
}
