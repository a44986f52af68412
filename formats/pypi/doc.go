// Package pypi is the Python front-end: the simple index in HTML and JSON (PEP 503, 592, 629, 658, 691, 700, 714), the legacy
// upload, files with ranges and their core metadata, yank and deletion.
//
// Repository "main" is at /pypi/main/ for uploads and at /pypi/main/simple/ for installers. A version holds distribution files
// under their own names; beside each wheel lies "<wheel>.metadata", its METADATA byte for byte. The values of a file on a page
// come from the archive, never from the upload's form.
package pypi
