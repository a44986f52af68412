// Package oci serves images and other artifacts by the OCI distribution specification (1.1.1 and what main adds to it) at
// /v2/<repository>/<image>/…, and Docker's token endpoint at /token. An image is a package; a version of it is a manifest,
// named by its digest, whose bytes are kept as they were sent; its files are the blobs that it names.
package oci
