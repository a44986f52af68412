// Package maven serves the Maven 2 repository layout to Maven, Gradle, sbt, Ivy, coursier, Bazel and curl.
//
// A package is "groupId:artifactId", a version is the base version ("1.0", "1.1-SNAPSHOT"), and a version's files are those
// of its directory by name. The timestamped builds of a snapshot are files of its one version: a build is the files whose
// names carry the same "yyyyMMdd.HHmmss-N". Files stored under the literal name ("lib-1.1-SNAPSHOT.jar") replace each other.
//
// The server owns maven-metadata.xml: it is rendered from the published versions, and a client's document only marks the end
// of its deploy. Checksum files are computed on GET too, and a PUT of one is compared.
//
// Until its end, a deploy is a set of staged files (staging.Areas.Add), one for each release or build and client. It
// becomes visible as a whole: with the metadata of its client, with the commit of its publish (X-Slipway-Publish) or, for
// clients that send no metadata, some quiet time after it is complete.
package maven
