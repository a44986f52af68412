// Package maven serves the Maven 2 repository layout to Maven, Gradle, sbt, Ivy, coursier, Bazel and curl.
//
// A package is "groupId:artifactId", a version is the base version ("1.0", "1.1-SNAPSHOT"), and a version's files are those
// of its directory by name. The timestamped builds of a snapshot are files of its one version: a build is the files whose
// names carry the same "yyyyMMdd.HHmmss-N". Files stored under the literal name ("lib-1.1-SNAPSHOT.jar") replace each other.
//
// The server owns maven-metadata.xml: it is rendered from the versions that are there, and what clients send of it only says
// that they are done. The same holds for checksum files: they are computed on GET, and a PUT is compared.
//
// Until it is done, a deploy is a set of staged files (registry.AddToSet), one for each release or build and client. It
// becomes visible, whole, with the metadata of its client, with the commit of its publish (X-Slipway-Publish), or some quiet
// time after it is complete, for clients that send no metadata.
package maven
