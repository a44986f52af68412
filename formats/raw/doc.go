// Package raw is the front-end for files of any kind over plain HTTP, for curl, wget, download managers and scripts.
//
//	PUT    /raw/<repository>/<package>/<version>/<file…>   store a file: one atomic append to its version
//	GET    …                                               the file, with ranges and conditions
//	GET    …<file>.sha256 .sha512 .sha1 .md5               a line for sha256sum -c and its sisters
//	GET    …<directory>/SHA256SUMS                         the same for every file of a directory of a version
//	GET    …<directory>/                                   a listing, ?format=html, json or txt
//	DELETE …                                               a file, or with ?recursive=true everything below a path
//
// The file part may have folders. Stored bytes are never transformed on the way out.
package raw
